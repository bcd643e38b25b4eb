// Summaries of many scalars on worker threads: their small heaps also spare the collector the large one of the main thread.
import type { Worker } from 'node:worker_threads';
import type { NamedSummary } from '../../diagnostics/index.js';
import { nodeWorker } from '../../kernels/adapters/nodeWorker.js';

export interface SummaryBatch {
  readonly names: readonly string[];
  /** `[name][chain][draw]` */
  readonly draws: Float64Array;
  readonly chains: number;
  readonly superchains: number;
}

export class SummaryThreads {
  private readonly workers: readonly Worker[];
  /** The last batch of each thread: batches of one thread follow one another. */
  private readonly busy: Promise<unknown>[];
  private next = 0;

  /** @param superchains as in `summarise` */
  constructor(
    threads: number,
    private readonly superchains: number,
  ) {
    const entry = new URL('./summaryWorker.js', import.meta.url);
    this.workers = Array.from({ length: threads }, () => nodeWorker(entry, undefined));
    this.busy = this.workers.map(() => Promise.resolve());
  }

  /** Summaries in the order of the names. Rejects when the thread fails. */
  summarise(names: readonly string[], scalars: readonly (readonly Float64Array[])[]): Promise<NamedSummary[]> {
    const turn = this.next++ % this.workers.length;
    const result = this.busy[turn].then(() => ask(this.workers[turn], pack(names, scalars, this.superchains)));
    this.busy[turn] = result;
    return result;
  }

  async dispose(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.terminate()));
  }
}

function pack(
  names: readonly string[],
  scalars: readonly (readonly Float64Array[])[],
  superchains: number,
): SummaryBatch {
  const [chains, length] = [scalars[0].length, scalars[0][0].length];
  const draws = new Float64Array(names.length * chains * length);
  scalars.forEach((scalar, i) => scalar.forEach((chain, c) => draws.set(chain, (i * chains + c) * length)));
  return { names, draws, chains, superchains };
}

function ask(worker: Worker, batch: SummaryBatch): Promise<NamedSummary[]> {
  return new Promise((resolve, reject) => {
    const settle = (action: () => void): void => {
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      action();
    };
    const onMessage = (summaries: NamedSummary[]): void => settle(() => resolve(summaries));
    const onError = (error: Error): void => settle(() => reject(error));
    const onExit = (code: number): void =>
      settle(() => reject(new Error(`a thread that summarises draws has ended (exit code ${code})`)));
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
    worker.postMessage(batch, [batch.draws.buffer as ArrayBuffer]);
  });
}
