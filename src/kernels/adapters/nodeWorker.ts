// Starts a worker thread of Node from the built package or, in tests and benchmarks, from sources.
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

/** @param entry the entry's module, named `.js` as in an import; from sources its `.ts` is bundled */
export function nodeWorker(entry: URL, workerData: unknown): Worker {
  if (!import.meta.url.endsWith('.ts')) return new Worker(entry, { workerData });
  return new Worker(bundleOf(entry.href.replace(/\.js$/, '.ts')), { eval: true, workerData });
}

/** By entry: a thread that compiles every module for itself takes four times as long to start. */
const bundles = new Map<string, string>();

function bundleOf(source: string): string {
  let bundle = bundles.get(source);
  if (bundle === undefined) {
    const { buildSync } = createRequire(import.meta.url)('esbuild') as typeof import('esbuild');
    const options = { bundle: true, platform: 'node', format: 'cjs', write: false, logLevel: 'silent' } as const;
    bundle = buildSync({ entryPoints: [fileURLToPath(source)], ...options }).outputFiles[0].text;
    bundles.set(source, bundle);
  }
  return bundle;
}
