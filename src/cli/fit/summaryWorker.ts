// Entry of a thread that summarises blocks of scalars, one after the other, until it is ended.
import { parentPort, workerData } from 'node:worker_threads';
import { InputError } from '../../data/inputError.js';
import { openPosterior } from '../../data/run/posteriorReader.js';
import { AlignedDraws } from './alignedDraws.js';
import { type SummaryBlock, summariseBlock } from './summaryBlocks.js';
import type { SummaryReply, SummarySource } from './summaryThreads.js';

const { posteriorPath, superchains } = workerData as SummarySource;
const opening = openPosterior(posteriorPath).then((reader) => new AlignedDraws(reader));

async function replyTo(block: SummaryBlock): Promise<SummaryReply> {
  try {
    return { summaries: await summariseBlock(await opening, block, superchains) };
  } catch (error) {
    // Errors lose their class on the way between threads.
    if (error instanceof InputError) return { damaged: error.message };
    throw error;
  }
}

parentPort!.on('message', (block: SummaryBlock) => {
  void replyTo(block).then((reply) => parentPort!.postMessage(reply));
});
