// Entry of a process that asks WebGPU for its adapters: what drivers write, and what they bring down, stays there.
import { writeSync } from 'node:fs';
import { findAdapters } from './adapters.js';

writeSync(1, JSON.stringify(await findAdapters()));
// At once: an open instance may keep the process, and drivers have been seen to fail in their exit handlers.
process.exit(0);
