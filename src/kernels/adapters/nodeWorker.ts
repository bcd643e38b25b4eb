// Starts a worker thread of Node from the built package or, in tests and benchmarks, from sources.
import { Worker } from 'node:worker_threads';

/** @param entry the entry's module, named `.js` as in an import; from sources its `.ts` is loaded through tsx */
export function nodeWorker(entry: URL, workerData: unknown): Worker {
  if (!import.meta.url.endsWith('.ts')) return new Worker(entry, { workerData });
  const source = JSON.stringify(entry.href.replace(/\.js$/, '.ts'));
  const bootstrap = `import('tsx/esm/api').then(({ register }) => { register(); return import(${source}); })`;
  return new Worker(bootstrap, { eval: true, workerData });
}
