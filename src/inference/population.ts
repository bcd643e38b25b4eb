// The chains of a run as the driver sees them: independent of one another, or an ensemble that moves as one.
import { Chain, type DrawListener } from './chain.js';
import { currentLength } from './chees/cheesWarmup.js';
import { Ensemble } from './chees/ensemble.js';
import type { EnsembleAnswers, EnsembleRequest } from './chees/together.js';
import type { PhaseSpaces } from './phaseSpace/phaseSpaces.js';
import type { MoveStatistics } from './phaseSpace/pooled.js';
import type { Request } from './phaseSpace/requests.js';
import type { ResolvedSettings } from './settings.js';
import type { ChainCounts, Snapshot } from './snapshot.js';

/** A chain after its last transition. */
export interface PopulationRecord {
  readonly transitions: number;
  readonly stepSize: number;
  readonly trajectoryLength?: number;
  readonly counts: ChainCounts;
}

export interface Population {
  /** All draws are drawn. */
  readonly isFinished: boolean;
  /** Has what the chains wait for answered as one batch, and runs them on. */
  advance(): void | Promise<void>;
  /** `[chain of this part]`; undefined for one that has not drawn yet. */
  readonly records: readonly (PopulationRecord | undefined)[];
  /** Every chain after its last draw handed out. */
  snapshot(): Promise<Pick<Snapshot, 'chains' | 'trajectory'>>;
}

/** Chains that do not wait for one another. */
export class IndependentChains implements Population {
  private readonly chains: readonly Chain[];
  private readonly lists: (readonly Request[] | undefined)[];
  private unfinished: number;

  constructor(
    private readonly spaces: PhaseSpaces,
    settings: ResolvedSettings,
    listener: DrawListener,
    resume: Snapshot | undefined,
  ) {
    const { first, count } = settings.part;
    this.chains = Array.from(
      { length: count },
      (_, i) => new Chain(spaces, settings, first + i, listener, resume?.chains[first + i]),
    );
    this.lists = this.chains.map(({ pending }) => pending);
    this.unfinished = this.lists.filter((list) => list !== undefined).length;
  }

  get isFinished(): boolean {
    return this.unfinished === 0;
  }

  get records(): readonly (PopulationRecord | undefined)[] {
    return this.chains.map(({ current }) => {
      if (!current) return undefined;
      const { transitions, warmup, counts } = current;
      return { transitions, stepSize: warmup.stepSize, counts };
    });
  }

  advance(): void | Promise<void> {
    const answering = this.spaces.answer(this.lists);
    if (answering instanceof Promise) return answering.then((answers) => this.take(answers));
    this.take(answering);
  }

  async snapshot(): Promise<Pick<Snapshot, 'chains'>> {
    return { chains: await Promise.all(this.chains.map((chain) => chain.snapshot())) };
  }

  private take(answers: readonly ArrayLike<number>[]): void {
    const { chains, lists } = this;
    for (let lane = 0; lane < chains.length; lane++) {
      if (lists[lane] === undefined) continue;
      chains[lane].resume(answers[lane]);
      lists[lane] = chains[lane].pending;
      if (lists[lane] === undefined) this.unfinished--;
    }
  }
}

/** Chains in lockstep. */
export class EnsembleOfChains implements Population {
  private readonly ensemble: Ensemble;

  /** Throws RangeError when the device cannot reduce over chains. */
  constructor(
    private readonly spaces: PhaseSpaces,
    private readonly settings: ResolvedSettings,
    listener: DrawListener,
    resume: Snapshot | undefined,
  ) {
    const chains = resume?.chains.filter((chain) => chain !== null) ?? [];
    const trajectory = resume?.trajectory;
    this.ensemble = new Ensemble(
      spaces,
      settings,
      listener,
      trajectory === undefined ? undefined : { chains, trajectory },
    );
  }

  get isFinished(): boolean {
    return this.ensemble.pending === undefined;
  }

  get records(): readonly (PopulationRecord | undefined)[] {
    const { current } = this.ensemble;
    if (!current) return Array<undefined>(this.settings.chains).fill(undefined);
    const { transitions, warmup, counts } = current;
    const trajectoryLength = currentLength(this.ensemble.plan, current);
    return counts.map((of) => ({ transitions, stepSize: warmup.stepSize, trajectoryLength, counts: of }));
  }

  advance(): void | Promise<void> {
    const request = this.ensemble.pending!;
    const answering = this.spaces.answer(request.lists);
    if (answering instanceof Promise) return answering.then((lists) => this.reduce(request, lists));
    return this.reduce(request, answering);
  }

  async snapshot(): Promise<Pick<Snapshot, 'chains' | 'trajectory'>> {
    return (await this.ensemble.snapshot()) ?? { chains: Array<null>(this.settings.chains).fill(null) };
  }

  /** Second half of a batch: what reduces over the chains. No snapshot can come between the two. */
  private reduce({ pooled }: EnsembleRequest, lists: EnsembleAnswers['lists']): void | Promise<void> {
    const resume = (statistics?: MoveStatistics): void => this.ensemble.resume({ lists, statistics });
    if (!pooled) return resume();
    const operations = this.spaces.pooled!;
    if (pooled.kind === 'moves') {
      const answer = operations.moveStatistics(pooled.moves);
      return answer instanceof Promise ? answer.then(resume) : resume(answer);
    }
    const done = operations.adapt(pooled.priorVariances);
    return done instanceof Promise ? done.then(() => resume()) : resume();
  }
}
