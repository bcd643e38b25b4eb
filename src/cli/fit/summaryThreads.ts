// Summaries of many scalars on worker threads, which read the draws themselves.
import type { Worker } from 'node:worker_threads';
import { InputError } from '../../data/inputError.js';
import type { NamedSummary } from '../../diagnostics/index.js';
import { nodeWorker } from '../../kernels/adapters/nodeWorker.js';
import type { SummaryBlock } from './summaryBlocks.js';

/** What is summarised. */
export interface SummarySource {
  readonly posteriorPath: string;
  /** As in `summarise`. */
  readonly superchains: number;
}

/** Summaries of a block, or what is wrong with the files that hold it. */
export type SummaryReply = { readonly summaries: NamedSummary[] } | { readonly damaged: string };

export class SummaryThreads {
  private readonly workers: readonly Worker[];

  constructor(
    threads: number,
    private readonly source: SummarySource,
  ) {
    const entry = new URL('./summaryWorker.js', import.meta.url);
    this.workers = Array.from({ length: threads }, () => nodeWorker(entry, source));
  }

  /**
   * Summaries of each block: a thread that has done one takes the next. Rejects when a thread fails, and with InputError where
   * a file is damaged. One call at a time.
   */
  async summarise(blocks: readonly SummaryBlock[]): Promise<NamedSummary[][]> {
    const found: NamedSummary[][] = [];
    let next = 0;
    const work = async (worker: Worker): Promise<void> => {
      while (next < blocks.length) {
        const own = next++;
        const reply = await ask(worker, blocks[own]);
        if ('damaged' in reply) throw new InputError(reply.damaged, { file: this.source.posteriorPath });
        found[own] = reply.summaries;
      }
    };
    await Promise.all(this.workers.map(work));
    return found;
  }

  async dispose(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.terminate()));
  }
}

function ask(worker: Worker, block: SummaryBlock): Promise<SummaryReply> {
  return new Promise((resolve, reject) => {
    const settle = (action: () => void): void => {
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      action();
    };
    const onMessage = (reply: SummaryReply): void => settle(() => resolve(reply));
    const onError = (error: Error): void => settle(() => reject(error));
    const onExit = (code: number): void =>
      settle(() => reject(new Error(`a thread that summarises draws has ended (exit code ${code})`)));
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
    worker.postMessage(block);
  });
}
