// Entry of a process that asks WebGPU for its adapters: what drivers write, and what they bring down, stays there.
import { writeSync } from 'node:fs';
import { findAdapters } from './adapters.js';
import { answerMark, selfTestWord } from './probeWords.js';

const found = await findAdapters();
const tried = process.argv.includes(selfTestWord) ? await (await import('./selfTest.js')).selfTest(found) : {};
writeSync(1, `\n${answerMark}${JSON.stringify({ ...found, ...tried })}\n`);
// At once: an open instance may keep the process, and drivers have been seen to fail in their exit handlers.
process.exit(0);
