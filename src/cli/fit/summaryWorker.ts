// Entry of a thread that summarises scalars, batch by batch, until it is ended.
import { parentPort } from 'node:worker_threads';
import { summariseNamed } from '../../diagnostics/namedSummary.js';
import type { SummaryBatch } from './summaryThreads.js';

parentPort!.on('message', ({ names, draws, chains, superchains }: SummaryBatch) => {
  const length = draws.length / (names.length * chains);
  const summaries = names.map((name, i) => {
    const chainOf = (_: unknown, c: number): Float64Array => {
      const start = (i * chains + c) * length;
      return draws.subarray(start, start + length);
    };
    return summariseNamed(name, Array.from({ length: chains }, chainOf), superchains);
  });
  parentPort!.postMessage(summaries);
});
