// What a chain of Gibbs sweeps learns of one term's scales in the burn-in: whether they mix slowly, and if so what moves them with the coefficients integrated out.
import { deviatingCount } from '../../models/linearHierarchy/links.js';
import type { LinearHierarchy } from '../../models/linearHierarchy/structure.js';
import { AdaptiveProposal } from './adaptiveProposal.js';
import type { ChainValues } from './chainValues.js';
import { scalePlan, scaleReflections } from './integratedScales.js';
import { scaleDimension, ScaleMove, toCoordinates } from './scaleMove.js';
import { type Progress, ScalarTuning } from './scalars/tuning.js';
import { ScaleSurrogate, suitsSurrogate } from './surrogate/scaleSurrogate.js';

/**
 * Shares of the burn-in. What comes before `from` says nothing of mixing; at `judged` scales that mix slowly are moved by trajectories, which find all of
 * their posterior; what they find from `settled` on makes proposals, which are tried from `tried` to `chosen` and stay if enough are accepted, as one costs
 * much less than a trajectory.
 */
const shares = { from: 0.1, judged: 0.25, settled: 0.35, tried: 0.5, chosen: 0.65 } as const;
/** Autocorrelation at lag 1 from which moves pay: one costs as much as a sweep or more. */
const slowAutocorrelation = 0.8;
/** Share of independent proposals that are to be accepted. */
const leastAcceptance = 0.2;
/** Of surrogates: the share that is forgotten, when they are judged, by fewer sweeps, which understate autocorrelations. */
const ofSurrogate = { forgotten: 0.03, judged: 0.1, slow: 0.6 } as const;

/** What moves scales with the coefficients integrated out: see `ScaleMoves`. */
export type MovedBy = 'proposals' | 'trajectories' | 'surrogate';

const stages = ['unmoved', 'proposals', 'trajectories', 'surrogate'] as const;

export class ScaleLearner {
  readonly proposal: AdaptiveProposal;
  /** By level: what the rows say of a coefficient of a typical group; where signed spreads turn depends on it. */
  readonly information: readonly Float64Array[];
  readonly tuning: ScalarTuning;
  /** In place of the others where groups are many. */
  readonly surrogate: ScaleSurrogate | undefined;
  private stage: (typeof stages)[number] = 'unmoved';

  constructor(
    structure: LinearHierarchy,
    private readonly index: number,
  ) {
    const term = structure.terms[index];
    const dimension = scaleDimension(term);
    this.proposal = new AdaptiveProposal(dimension);
    this.information = term.levels.map((level) => new Float64Array(deviatingCount(level)));
    this.tuning = new ScalarTuning(dimension, scalePlan, scaleReflections(term));
    if (suitsSurrogate(structure, index)) this.surrogate = new ScaleSurrogate(term, structure.rows);
  }

  /** What moves the scales in a sweep, or learns how to. */
  movedBy(progress: Progress): MovedBy | undefined {
    const { stage, surrogate } = this;
    if (stage === 'unmoved') return undefined;
    return stage !== 'surrogate' || surrogate!.isLearnt || surrogate!.isDue(progress) ? stage : undefined;
  }

  /** From now on scales are moved so. */
  begin(stage: MovedBy): void {
    this.stage = stage;
  }

  /** In the burn-in: takes the scales after a sweep in, and at the end of each window learns from it. */
  observe(values: ChainValues, { sweep, warmup }: Progress): void {
    const done = sweep + 1;
    if (done > warmup) return;
    const { proposal, surrogate } = this;
    const scales = ScaleMove.scalesOf(values, this.index);
    proposal.observe(toCoordinates(scales));
    if (surrogate !== undefined) {
      surrogate.observe(scales);
      if (done === Math.round(ofSurrogate.forgotten * warmup)) proposal.forget();
      if (done === Math.round(ofSurrogate.judged * warmup) && proposal.slowest >= ofSurrogate.slow)
        this.begin('surrogate');
      return;
    }
    const isAt = (share: number): boolean => Math.round(share * warmup) === done;
    if (isAt(shares.from)) proposal.forget();
    if (isAt(shares.judged) && proposal.slowest >= slowAutocorrelation) this.begin('trajectories');
    if (this.stage === 'unmoved') return;
    if (isAt(shares.settled)) proposal.forget();
    if (isAt(shares.tried)) {
      proposal.refit();
      if (proposal.isFitted) this.begin('proposals');
    }
    if (isAt(shares.chosen)) {
      if (proposal.acceptance < leastAcceptance) this.begin('trajectories');
      else proposal.refit();
    }
    if (done === warmup) proposal.refit();
  }

  /** All numbers, in order; always as many. */
  pack(): Float64Array {
    const { proposal, tuning, surrogate, information, stage } = this;
    return Float64Array.of(
      stages.indexOf(stage),
      ...information.flatMap((own) => [...own]),
      ...proposal.pack(),
      ...tuning.pack(),
      ...(surrogate?.pack() ?? []),
    );
  }

  unpack(packed: Float64Array): void {
    this.stage = stages[packed[0]];
    let offset = 1;
    for (const own of this.information) own.set(packed.subarray(offset, (offset += own.length)));
    for (const part of [this.proposal, this.tuning]) {
      const { length } = part.pack();
      part.unpack(packed.subarray(offset, (offset += length)));
    }
    this.surrogate?.unpack(packed.subarray(offset));
  }
}
