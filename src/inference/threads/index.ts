// Chains divided among threads: what starts them supplies the threads, of Node or of a browser.
export type { ChainWorker } from './chainMessages.js';
export { compileChains } from './compileChains.js';
export type { Chains, ChainSizes, ProgramMemory, ThreadStarters } from './compileChains.js';
