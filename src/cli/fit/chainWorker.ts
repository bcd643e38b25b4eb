// Entry of a thread that draws some chains of a run and posts their draws in batches.
import { parentPort } from 'node:worker_threads';
import type { Draw } from '../../inference/chain.js';
import { InitialisationError } from '../../inference/initialise.js';
import { adoptDensity, type PortableDensity } from '../../inference/portableDensity.js';
import { SamplingRun } from '../../inference/sample.js';
import type { Snapshot } from '../../inference/snapshot.js';
import { timeGradient } from '../devices/timeGradient.js';
import type { ChainWork, FromChains, ToChains } from './chainMessages.js';

/** A batch is posted at every turn of the event loop, and when it takes this much memory or holds this many draws. */
const batchBytes = 2 ** 20;
const batchDraws = 1024;
/** Batches under way from which the thread waits until the main thread has taken some. */
const mostUnderWay = 8;

const port = parentPort!;

/** Room of a batch, in draws. */
let capacity = 1;
let draws: Omit<Draw, 'position'>[] = [];
let positions = new Float64Array(0);
let underWay = 0;
let goOn: (() => void) | undefined;
const stop = new AbortController();

function post(message: FromChains, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}

function postDraws(): void {
  if (draws.length === 0) return;
  post({ kind: 'draws', draws, positions }, [positions.buffer]);
  draws = [];
  underWay++;
}

function onDraw({ position, ...draw }: Draw): void {
  if (draws.length === 0) positions = new Float64Array(capacity * position.length);
  positions.set(position, draws.length * position.length);
  draws.push(draw);
  if (draws.length === capacity) postDraws();
}

async function onTurn(): Promise<void> {
  postDraws();
  while (underWay >= mostUnderWay && !stop.signal.aborted) await new Promise<void>((resolve) => (goOn = resolve));
}

/** Comes between two batches: the draws posted before it are those that the snapshot has behind it. */
function onCheckpoint(snapshot: Snapshot): void {
  postDraws();
  post({ kind: 'snapshot', snapshot });
}

async function work({ density, settings, resume }: ChainWork): Promise<void> {
  capacity = Math.max(1, Math.min(batchDraws, Math.floor(batchBytes / (8 * density.dimension))));
  const listener = { onDraw, onTurn, onCheckpoint };
  const run = new SamplingRun(adoptDensity(density), settings, listener, { signal: stop.signal, resume });
  port.on('message', ({ kind }: ToChains) => {
    if (kind === 'taken') underWay--;
    else if (kind === 'stop') stop.abort();
    else if (kind === 'snapshot') run.checkpoint();
    goOn?.();
  });
  const result = await run.run();
  postDraws();
  post({ kind: 'ended', result });
}

async function workAndTell(given: ChainWork): Promise<void> {
  try {
    await work(given);
  } catch (error) {
    if (error instanceof InitialisationError) {
      const { chain, attempts, notFinite, dimension, value } = error;
      post({ kind: 'failed', error: undefined, start: { chain, attempts, notFinite, dimension, value } });
    } else {
      post({ kind: 'failed', error });
    }
  } finally {
    port.close();
  }
}

async function timeAndTell(density: PortableDensity, start: ArrayLike<number>): Promise<void> {
  try {
    post({ kind: 'timed', milliseconds: await timeGradient(adoptDensity(density), start) });
  } catch (error) {
    post({ kind: 'failed', error });
  }
}

port.on('message', (message: ToChains) => {
  if (message.kind === 'time') void timeAndTell(message.density, message.start);
  if (message.kind === 'begin') void workAndTell(message.work);
});
