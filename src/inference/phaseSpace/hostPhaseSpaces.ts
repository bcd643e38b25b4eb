// Phase spaces of all chains in host memory: answers lists of requests, one evaluation of the density for all chains at a time.
import type { BatchedLogDensity } from '../logDensity.js';
import { HostPhaseSpace } from './hostPhaseSpace.js';
import { HostPooled } from './hostPooled.js';
import { diagonalMetric, inverseMassDiagonal } from './metric.js';
import type { PhaseSpaces, PhaseSpacesSettings, SavedVectors } from './phaseSpaces.js';
import { isBatched, type Request } from './requests.js';
import { sharedArena, VectorArena } from './vectorArena.js';

type Lists = readonly (readonly Request[] | undefined)[];

export class HostPhaseSpaces implements PhaseSpaces {
  readonly dimension: number;
  readonly chains: number;
  readonly pooled: HostPooled;
  private readonly spaces: readonly HostPhaseSpace[];
  private readonly arenas: readonly VectorArena[];
  private readonly answers: Float64Array[];
  /** Where in its list each chain is; at a request that needs a gradient while the density is evaluated. */
  private readonly positions: Int32Array;

  /** @param lookahead more than 1 only serves to try out samplers that plan ahead: here an answer costs no round trip */
  constructor(
    private readonly density: BatchedLogDensity,
    { chains, inverseMass, denseIndices, lowRank }: PhaseSpacesSettings,
    readonly lookahead = 1,
  ) {
    const { dimension } = density;
    this.dimension = dimension;
    this.chains = chains;
    density.positions.fill(0);
    const shared = sharedArena(density);
    this.arenas = Array.from({ length: chains }, () => shared ?? new VectorArena());
    this.spaces = this.arenas.map(
      (arena, lane) =>
        new HostPhaseSpace(density, lane, diagonalMetric(dimension, inverseMass), denseIndices, arena, lowRank),
    );
    this.pooled = new HostPooled(this.spaces, dimension, denseIndices, lowRank);
    this.answers = this.spaces.map(() => new Float64Array(16));
    this.positions = new Int32Array(chains);
  }

  get memoryBytes(): number {
    return [...new Set(this.arenas)].reduce((sum, { allocatedBytes }) => sum + allocatedBytes, 0);
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

  /** Answers what comes before each chain's next gradient and puts its position into the lane; false when no chain needs one. */
  private begin(lists: Lists): boolean {
    const { spaces, answers, positions } = this;
    let isNeeded = false;
    for (let chain = 0; chain < spaces.length; chain++) {
      const list = lists[chain];
      const space = spaces[chain];
      const end = list === undefined ? 0 : list.length;
      let at = positions[chain];
      for (; at < end; at++) {
        const request = list![at];
        if (isBatched(request)) {
          space.begin(request);
          isNeeded = true;
          break;
        }
        answers[chain][at] = space.answer(request);
      }
      positions[chain] = at;
      if (at >= end) space.restLane();
    }
    return isNeeded;
  }

  /** Takes the gradients that the density has evaluated. */
  private finish(lists: Lists): void {
    const { spaces, answers, positions } = this;
    for (let chain = 0; chain < spaces.length; chain++) {
      const list = lists[chain];
      if (list === undefined || positions[chain] >= list.length) continue;
      const at = positions[chain]++;
      const request = list[at];
      if (isBatched(request)) answers[chain][at] = spaces[chain].finish(request);
    }
  }
}
