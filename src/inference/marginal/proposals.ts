// Chains whose proposals walk over a surrogate, and which the density itself decides on (Liu 2001, §9.4.3): every draw takes one pass over the units.
import type { Draw } from '../chain.js';
import { together } from '../chees/together.js';
import type { Kernel, TransitionInfo } from '../kernel.js';
import { nuts } from '../nuts.js';
import { nutsSlotCounts } from '../nutsPlan.js';
import { HostPhaseSpaces } from '../phaseSpace/hostPhaseSpaces.js';
import type { Coroutine } from '../phaseSpace/requests.js';
import type { ModelDensity } from '../portableDensity.js';
import { type RandomKey, sites, stepKey } from '../random/streams.js';
import { eventLoopTurn } from '../sample.js';
import { decodeVector, encodeVector, type EncodedVector } from '../snapshot.js';
import type { CoefficientDraws } from './coefficientDraws.js';

/** Transitions of NUTS on the surrogate between two decisions: about independent of where they began. */
const transitions = 3;

/** Chains between two draws. */
export interface ProposalState {
  /** Decisions made so far, those before the first draw included. */
  decisions: number;
  readonly chains: readonly ChainState[];
}

interface ChainState {
  /** ξ. */
  readonly position: Float64Array;
  /** Of the exact density there. */
  logDensity: number;
  /** Kinetic energy that the position was reached with. */
  kinetic: number;
  divergences: number;
  maxTreeDepthHits: number;
}

export interface SavedProposals {
  readonly decisions: number;
  readonly chains: readonly { readonly position: EncodedVector; readonly numbers: EncodedVector }[];
}

interface ProposalSettings {
  readonly key: RandomKey;
  readonly maxTreeDepth: number;
  /** By chain. */
  readonly stepSizes: readonly number[];
  /** Transitions whose random numbers are used up. */
  readonly firstStep: number;
}

interface Proposed {
  readonly point: number;
  readonly infos: readonly TransitionInfo[];
}

interface Lane {
  readonly kernel: Kernel;
  point: number;
  /** Density of the surrogate at the chain's position. */
  surrogate: number;
  /** The slot does not hold the chain's position. */
  isAway: boolean;
  readonly proposal: Float64Array;
}

/** Moves all chains together. The surrogate's map and that of the coefficients are set. */
export class Proposals {
  readonly state: ProposalState;
  private readonly spaces: HostPhaseSpaces;
  private readonly lanes: readonly Lane[];

  private constructor(
    density: ModelDensity,
    private readonly coefficients: CoefficientDraws,
    private readonly settings: ProposalSettings,
    state: ProposalState,
  ) {
    this.state = state;
    const { maxTreeDepth } = settings;
    const { dimension } = density;
    const chains = state.chains.length;
    this.spaces = new HostPhaseSpaces(density, {
      chains,
      inverseMass: new Float64Array(dimension).fill(1),
      denseIndices: new Int32Array(0),
      slots: (lookahead) => nutsSlotCounts(maxTreeDepth, lookahead),
    });
    this.lanes = state.chains.map((_, chain) => ({
      kernel: nuts({ lookahead: 1, logDensityAt: (point) => this.spaces.logDensityAt(chain, point) }, { maxTreeDepth }),
      point: 0,
      surrogate: NaN,
      isAway: true,
      proposal: new Float64Array(dimension),
    }));
  }

  /** @param positions where the chains begin */
  static begin(
    density: ModelDensity,
    coefficients: CoefficientDraws,
    settings: ProposalSettings,
    positions: readonly Float64Array[],
  ): Proposals {
    const chains = positions.map((position) => ({
      position,
      logDensity: NaN,
      kinetic: 0,
      divergences: 0,
      maxTreeDepthHits: 0,
    }));
    const proposals = new Proposals(density, coefficients, settings, { decisions: 0, chains });
    proposals.inBatches((first, count) => {
      for (let i = 0; i < count; i++) proposals.set(first + i, i, positions[first + i]);
      coefficients.run();
      for (let i = 0; i < count; i++) chains[first + i].logDensity = coefficients.logDensity(i);
    });
    return proposals;
  }

  static resume(
    density: ModelDensity,
    coefficients: CoefficientDraws,
    settings: ProposalSettings,
    { decisions, chains }: SavedProposals,
  ): Proposals {
    return new Proposals(density, coefficients, settings, {
      decisions,
      chains: chains.map(({ position, numbers }) => {
        const [logDensity, kinetic, divergences, maxTreeDepthHits] = decodeVector(numbers, 4);
        const own = decodeVector(position, density.dimension);
        return { position: own, logDensity, kinetic, divergences, maxTreeDepthHits };
      }),
    });
  }

  save(): SavedProposals {
    const { decisions, chains } = this.state;
    return {
      decisions,
      chains: chains.map(({ position, logDensity, kinetic, divergences, maxTreeDepthHits }) => ({
        position: encodeVector(position),
        numbers: encodeVector(Float64Array.of(logDensity, kinetic, divergences, maxTreeDepthHits)),
      })),
    };
  }

  /**
   * One decision for every chain. Returns the probabilities of acceptance.
   * @param index of the draw that is made; undefined for one that nobody hears of
   */
  async step(listener?: {
    readonly index: number;
    readonly isWanted: (chain: number) => boolean;
    readonly onDraw: (draw: Draw) => void;
  }): Promise<number[]> {
    const { state, coefficients, lanes, spaces } = this;
    const proposed = await this.propose();
    const probabilities: number[] = [];
    const step = this.stepOf(transitions - 1);
    this.inBatches((first, count) => {
      for (let i = 0; i < count; i++) this.set(first + i, i, lanes[first + i].proposal);
      coefficients.run();
      let isDrawnAgain = false;
      for (let i = 0; i < count; i++) {
        const chain = first + i;
        const [own, lane, { point, infos }] = [state.chains[chain], lanes[chain], proposed[chain]];
        const [exact, surrogate] = [coefficients.logDensity(i), spaces.logDensityAt(chain, point)];
        const logRatio = exact - own.logDensity - (surrogate - lane.surrogate);
        const probability = Number.isNaN(logRatio) ? 0 : Math.min(1, Math.exp(logRatio));
        probabilities.push(probability);
        lane.point = point;
        if (stepKey(this.settings.key, chain, step).stream(sites.decision).bernoulli(probability)) {
          own.position.set(lane.proposal);
          own.logDensity = exact;
          own.kinetic = infos[transitions - 1].energy + surrogate;
          lane.surrogate = surrogate;
        } else {
          lane.isAway = true;
          this.set(chain, i, own.position);
          isDrawnAgain ||= listener?.isWanted(chain) ?? false;
        }
        if (listener === undefined) continue;
        own.divergences += Number(infos.some(({ isDivergent }) => isDivergent));
        own.maxTreeDepthHits += Number(infos.some(({ reachedMaxTreeDepth }) => reachedMaxTreeDepth));
      }
      if (isDrawnAgain) coefficients.run();
      for (let i = 0; i < count && listener !== undefined; i++) {
        const chain = first + i;
        const position = listener.isWanted(chain) ? this.target : none;
        if (position !== none) coefficients.read(i, position);
        const { logDensity, kinetic } = state.chains[chain];
        const { infos } = proposed[chain];
        const { stepSize } = infos[0];
        const info = {
          logDensity,
          energy: kinetic - logDensity,
          acceptanceRate: probabilities[chain],
          stepSize,
          treeDepth: Math.max(...infos.map(({ treeDepth }) => treeDepth)),
          leapfrogSteps: infos.reduce((sum, { leapfrogSteps }) => sum + leapfrogSteps, 0),
          isDivergent: infos.some(({ isDivergent }) => isDivergent),
          reachedMaxTreeDepth: infos.some(({ reachedMaxTreeDepth }) => reachedMaxTreeDepth),
        };
        listener.onDraw({ chain, phase: 'sampling', index: listener.index, position, info });
      }
    });
    state.decisions++;
    await eventLoopTurn();
    return probabilities;
  }

  private targetOfDraws: Float64Array | undefined;

  private get target(): Float64Array {
    return (this.targetOfDraws ??= new Float64Array(this.coefficients.dimension));
  }

  /** Number of a transition on the surrogate within the decision at hand, in the random streams. */
  private stepOf(transition: number): number {
    return this.settings.firstStep + this.state.decisions * transitions + transition;
  }

  private set(chain: number, draw: number, position: Float64Array): void {
    const { key } = this.settings;
    const stream = stepKey(key, chain, this.stepOf(transitions - 1)).stream(sites.coefficients);
    this.coefficients.set(draw, position, stream);
  }

  private inBatches(body: (first: number, count: number) => void): void {
    const { chains } = this.state;
    const { capacity } = this.coefficients;
    for (let first = 0; first < chains.length; first += capacity)
      body(first, Math.min(capacity, chains.length - first));
  }

  /** Proposals of all chains. */
  private async propose(): Promise<Proposed[]> {
    const walks = together(this.lanes.map((lane, chain) => this.walk(lane, chain)));
    let next = walks.next();
    while (!next.done) {
      const answering = this.spaces.answer(next.value.lists);
      next = walks.next({ lists: answering instanceof Promise ? await answering : answering });
    }
    return next.value;
  }

  private *walk(lane: Lane, chain: number): Coroutine<Proposed> {
    if (lane.isAway) {
      const { point } = lane;
      const { position } = this.state.chains[chain];
      yield [
        { kind: 'write', point, position },
        { kind: 'evaluate', point },
      ];
      lane.surrogate = this.spaces.logDensityAt(chain, point);
      lane.isAway = false;
    }
    let state = { point: lane.point };
    const infos: TransitionInfo[] = [];
    for (let transition = 0; transition < transitions; transition++) {
      const key = stepKey(this.settings.key, chain, this.stepOf(transition));
      const [next, info] = yield* lane.kernel.step(key, state, this.settings.stepSizes[chain]);
      state = next;
      infos.push(info);
    }
    yield [{ kind: 'read', point: state.point, vector: 'position', target: lane.proposal }];
    return { point: state.point, infos };
  }
}

const none = new Float64Array(0);
