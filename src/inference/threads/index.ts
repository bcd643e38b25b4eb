// Chains divided among threads: what starts them supplies the threads, of Node or of a browser.
export type { ChainWorker } from './chainMessages.js';
export type { ProgramMemory, ThreadStarters } from './compileChains.js';
