// Phase spaces of all chains in host memory: answers lists of requests, one evaluation of the density for all chains at a time.
import type { BatchedLogDensity } from '../logDensity.js';
import { type Answer, HostPhaseSpace } from './hostPhaseSpace.js';
import { HostPooled } from './hostPooled.js';
import { diagonalMetric, inverseMassDiagonal } from './metric.js';
import type { PhaseSpaces, PhaseSpacesSettings, SavedVectors } from './phaseSpaces.js';
import { isBatched, type Request } from './requests.js';
import { sharedArena, VectorArena } from './vectorArena.js';
import { VectorJob } from './vectorJob.js';

interface Waiting {
  readonly chain: number;
  /** Place in the chain's list. */
  readonly at: number;
  readonly answer: Answer;
}

type Lists = readonly (readonly Request[] | undefined)[];

export class HostPhaseSpaces implements PhaseSpaces {
  readonly dimension: number;
  readonly chains: number;
  readonly pooled: HostPooled;
  private readonly spaces: readonly HostPhaseSpace[];
  /** One of all chains, or one of each. */
  private readonly arenas: readonly VectorArena[];
  private readonly jobs: readonly VectorJob[];
  /** Requests whose answers are known when the jobs are done. */
  private waiting: Waiting[] = [];
  private readonly answers: Float64Array[];
  /** Where in its list each chain is; at a request that needs a gradient while the density is evaluated. */
  private readonly positions: Int32Array;

  /** @param lookahead more than 1 only serves to try out samplers that plan ahead: here an answer costs no round trip */
  constructor(
    private readonly density: BatchedLogDensity,
    { chains, inverseMass, denseIndices, lowRank, slots }: PhaseSpacesSettings,
    readonly lookahead = 1,
  ) {
    const { dimension } = density;
    this.dimension = dimension;
    this.chains = chains;
    density.positions.fill(0);
    const { points, momenta } = slots(lookahead);
    const shared = sharedArena(density, chains * (2 * points + momenta + 1));
    this.arenas = shared ? [shared] : Array.from({ length: chains }, () => new VectorArena());
    this.jobs = this.arenas.map((arena) => new VectorJob(arena, dimension));
    this.spaces = Array.from({ length: chains }, (_, lane) => {
      const [arena, job] = shared ? [shared, this.jobs[0]] : [this.arenas[lane], this.jobs[lane]];
      const metric = diagonalMetric(dimension, inverseMass);
      return new HostPhaseSpace(density, lane, metric, denseIndices, arena, lowRank, job);
    });
    this.pooled = new HostPooled(this.spaces, dimension, denseIndices, lowRank);
    this.answers = this.spaces.map(() => new Float64Array(16));
    this.positions = new Int32Array(chains);
  }

  get memoryBytes(): number {
    return this.arenas.reduce((sum, { allocatedBytes }) => sum + allocatedBytes, 0);
  }

  answer(lists: Lists): readonly Float64Array[] | Promise<readonly Float64Array[]> {
    this.positions.fill(0);
    for (let chain = 0; chain < this.chains; chain++) {
      const length = lists[chain]?.length ?? 0;
      if (length > this.answers[chain].length) this.answers[chain] = new Float64Array(2 * length);
    }
    while (this.begin(lists)) {
      const evaluation = this.density.evaluate();
      if (evaluation) return this.answerLater(lists, evaluation);
      this.finish(lists);
    }
    return this.answers;
  }

  logDensityAt(chain: number, point: number): number {
    return this.spaces[chain].logDensityAt(point);
  }

  save(chain: number, point: number): SavedVectors {
    return this.spaces[chain].save(point);
  }

  restore(chain: number, point: number, saved: SavedVectors): void {
    this.spaces[chain].restore(point, saved);
  }

  inverseMassDiagonal(chain: number): Float64Array {
    return inverseMassDiagonal(this.spaces[chain].metric);
  }

  dispose(): void {
    // The vectors are in the host's memory, or in the density's.
  }

  private async answerLater(lists: Lists, evaluation: Promise<void>): Promise<readonly Float64Array[]> {
    await evaluation;
    this.finish(lists);
    while (this.begin(lists)) {
      await this.density.evaluate();
      this.finish(lists);
    }
    return this.answers;
  }

  /** Queues what comes before each chain's next gradient, and carries all out that is queued; false when no chain needs a gradient. */
  private begin(lists: Lists): boolean {
    const { spaces, positions } = this;
    let isNeeded = false;
    for (let chain = 0; chain < spaces.length; chain++) {
      const list = lists[chain];
      const space = spaces[chain];
      const end = list === undefined ? 0 : list.length;
      let at = positions[chain];
      for (; at < end; at++) {
        const request = list![at];
        if (isBatched(request)) {
          space.queueBegin(request);
          isNeeded = true;
          break;
        }
        this.expect(chain, at, space.queue(request));
      }
      positions[chain] = at;
      if (at >= end) space.restLane();
    }
    this.settle();
    return isNeeded;
  }

  /** Takes the gradients that the density has evaluated. What is queued here is carried out with what `begin` adds. */
  private finish(lists: Lists): void {
    const { spaces, positions } = this;
    for (let chain = 0; chain < spaces.length; chain++) {
      const list = lists[chain];
      if (list === undefined || positions[chain] >= list.length) continue;
      const at = positions[chain]++;
      const request = list[at];
      if (isBatched(request)) this.expect(chain, at, spaces[chain].queueFinish(request));
    }
  }

  private expect(chain: number, at: number, answer: Answer): void {
    const { job, answersAtOnce } = this.spaces[chain];
    if (!answersAtOnce) {
      this.waiting.push({ chain, at, answer });
      return;
    }
    job.run();
    this.answers[chain][at] = answer();
  }

  /** Carries out the jobs and writes down the answers. */
  private settle(): void {
    for (const job of this.jobs) job.run();
    if (this.waiting.length > 0) {
      for (const { chain, at, answer } of this.waiting) this.answers[chain][at] = answer();
      this.waiting = [];
    }
    for (const job of this.jobs) job.reset();
  }
}
