// What a thread does that draws some chains of a run: it posts their draws in batches, and the states that are asked for.
import type { Draw } from '../chain.js';
import type { GibbsRun } from '../gibbs/run.js';
import { InitialisationError } from '../initialise.js';
import { adoptDensity, type PortableDensity } from '../portableDensity.js';
import { SamplingRun } from '../sample.js';
import type { ChainPort, ChainWork, PartSnapshot, ToChains } from './chainMessages.js';
import { timeGradient } from './timeGradient.js';

/** A batch is posted at every turn of the event loop, and when it takes this much memory or holds this many draws. */
const batchBytes = 2 ** 20;
const batchDraws = 1024;
/** Batches under way from which the thread waits until the main thread has taken some. */
const mostUnderWay = 8;

/** Serves what comes through the port until the work is done; to be called when the thread starts. */
export function serveChains(port: ChainPort): void {
  let server: ChainServer | undefined;
  port.listen((message) => {
    if (message.kind === 'time') void timeAndTell(port, message.density, message.start);
    else if (message.kind === 'begin') void workAndTell(port, (server = new ChainServer(port, message.work)));
    else server?.take(message.kind);
  });
}

/** One run of this thread's chains. */
class ChainServer {
  /** Room of a batch, in draws. */
  private readonly capacity: number;
  private draws: Omit<Draw, 'position'>[] = [];
  private positions = new Float64Array(0);
  private underWay = 0;
  private goOn: (() => void) | undefined;
  private readonly stop = new AbortController();
  private run: SamplingRun | GibbsRun | undefined;
  /** A state was asked for before there was a run. */
  private isCheckpointDue = false;

  constructor(
    private readonly port: ChainPort,
    private readonly work: ChainWork,
  ) {
    this.capacity = Math.max(1, Math.min(batchDraws, Math.floor(batchBytes / (8 * work.dimension))));
  }

  take(kind: Exclude<ToChains['kind'], 'time' | 'begin'>): void {
    if (kind === 'taken') this.underWay--;
    else if (kind === 'stop') this.stop.abort();
    else if (this.run === undefined) this.isCheckpointDue = true;
    else this.run.checkpoint();
    this.goOn?.();
  }

  async sample(): Promise<void> {
    const { work } = this;
    const listener = {
      onDraw: (draw: Draw) => this.onDraw(draw),
      onTurn: () => this.onTurn(),
      onCheckpoint: (snapshot: PartSnapshot) => this.onCheckpoint(snapshot),
    };
    const { signal } = this.stop;
    this.run =
      work.method === 'gibbs'
        ? await gibbsRun(work.model, work.settings, listener, { signal, resume: work.resume })
        : new SamplingRun(adoptDensity(work.density), work.settings, listener, { signal, resume: work.resume });
    if (this.isCheckpointDue) this.run.checkpoint();
    const result = await this.run.run();
    this.postDraws();
    this.port.post({ kind: 'ended', result }, []);
  }

  private onDraw({ position, ...draw }: Draw): void {
    if (this.draws.length === 0) this.positions = new Float64Array(this.capacity * position.length);
    this.positions.set(position, this.draws.length * position.length);
    this.draws.push(draw);
    if (this.draws.length === this.capacity) this.postDraws();
  }

  private async onTurn(): Promise<void> {
    this.postDraws();
    while (this.underWay >= mostUnderWay && !this.stop.signal.aborted)
      await new Promise<void>((resolve) => (this.goOn = resolve));
  }

  /** Comes between two batches: the draws posted before it are those that the snapshot has behind it. */
  private onCheckpoint(snapshot: PartSnapshot): void {
    this.postDraws();
    this.port.post({ kind: 'snapshot', snapshot }, []);
  }

  private postDraws(): void {
    const { draws, positions } = this;
    if (draws.length === 0) return;
    this.port.post({ kind: 'draws', draws, positions }, [positions.buffer]);
    this.draws = [];
    this.underWay++;
  }
}

/** Loaded by demand: with it come the models and TensorFlow.js, which take a thread longer to load than to compile a density. */
async function gibbsRun(...settings: ConstructorParameters<typeof GibbsRun>): Promise<GibbsRun> {
  return new (await import('../gibbs/run.js')).GibbsRun(...settings);
}

async function workAndTell(port: ChainPort, server: ChainServer): Promise<void> {
  try {
    await server.sample();
  } catch (error) {
    if (error instanceof InitialisationError) {
      const { chain, attempts, notFinite, dimension, value } = error;
      port.post({ kind: 'failed', error: undefined, start: { chain, attempts, notFinite, dimension, value } }, []);
    } else {
      port.post({ kind: 'failed', error }, []);
    }
  } finally {
    port.close();
  }
}

async function timeAndTell(port: ChainPort, density: PortableDensity, start: ArrayLike<number>): Promise<void> {
  try {
    port.post({ kind: 'timed', milliseconds: await timeGradient(adoptDensity(density), start) }, []);
  } catch (error) {
    port.post({ kind: 'failed', error }, []);
  }
}
