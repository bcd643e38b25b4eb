// What a chain of mixed Gibbs sweeps learns in the burn-in: steps of its groups' trajectories, and what there is to learn of the scalars.
import { deviatingCount } from '../../../models/linearHierarchy/links.js';
import type { GeneralisedHierarchy } from '../../../models/linearHierarchy/structure.js';
import type { ModelParameter } from '../../../models/model.js';
import { mostDense } from './linearise.js';
import { Scalars } from '../scalars/scalars.js';
import { reflectionsOf, signedSpreads } from '../scalars/signedSpreads.js';
import { type Progress, type ScalarPlan, ScalarTuning } from '../scalars/tuning.js';

/** Longest step: three of these turn a trajectory in round coordinates by about a right angle. */
const longestStep = 0.55;
const firstStep = 0.3;
/** Share of trajectories that groups are to accept. */
const groupTarget = 0.8;
const usualPlan: ScalarPlan = {
  length: 1.8,
  jitter: [0.85, 1.15],
  target: 0.8,
  mostSteps: 10,
  renewals: [0, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5],
  averagedFrom: 0.2,
  longEnough: Infinity,
  // A density of few groups' spread falls off more slowly towards 0 than its curvature says.
  farFromZero: 10,
  // Of asinh(s/t), which is 1.4 where s is the standard error of a group's coefficient.
  widestCrossing: 1,
};
/**
 * Where groups have many coefficients, which then follow by their variances alone, the scalars are known much better given what stays put than in
 * all, and mix faster when each trajectory goes on to the other side (Adler 1981).
 */
const farPlan: ScalarPlan = { ...usualPlan, length: 2.5, target: 0.9, mostSteps: 14 };

/** By term and level: rough information of the data on a coefficient of a group, `[k]`. */
export type LevelInformation = readonly (readonly Float64Array[])[];

/** Terms and levels in the order in which a sweep moves their groups: outer levels of a term before inner ones. */
export function blocksOf(terms: GeneralisedHierarchy['terms']): (readonly [term: number, level: number])[] {
  return terms.flatMap(({ levels }, t) => levels.map((_, l) => [t, levels.length - 1 - l] as const));
}

export class MixedTuning {
  /** Logarithms of the steps of every group, by block of groups. */
  private readonly logSteps: readonly Float64Array[];
  readonly information: LevelInformation;
  readonly scalars: ScalarTuning;

  /** What a new chain is to learn. @param parameters of the model */
  constructor(structure: GeneralisedHierarchy, parameters: readonly ModelParameter[]) {
    const { terms } = structure;
    this.logSteps = blocksOf(terms).map(([t, l]) =>
      new Float64Array(terms[t].levels[l].groups).fill(Math.log(firstStep)),
    );
    this.information = terms.map(({ levels }) => levels.map((level) => new Float64Array(deviatingCount(level))));
    const scalars = new Scalars(structure, parameters);
    this.scalars = new ScalarTuning(
      scalars.dimension,
      terms.some(({ levels }) => levels[0].size > mostDense) ? farPlan : usualPlan,
      reflectionsOf(signedSpreads(structure, scalars)),
    );
  }

  /** Steps of a block's groups. */
  steps(block: number): Float64Array {
    return this.logSteps[block].map(Math.exp);
  }

  /** Moves the steps of a block's groups towards the target (Robbins and Monro 1951). */
  learnSteps(block: number, rates: Float64Array, { sweep, warmup }: Progress): void {
    if (sweep >= warmup) return;
    const own = this.logSteps[block];
    const gain = (sweep + 2) ** -0.6;
    const most = Math.log(longestStep);
    for (let g = 0; g < own.length; g++) {
      const rate = Number.isNaN(rates[g]) ? 0 : rates[g];
      own[g] = Math.min(most, own[g] + gain * (rate - groupTarget));
    }
  }

  /** All numbers, in order; always as many. */
  pack(): Float64Array {
    const parts = [...this.arrays, this.scalars.pack()];
    const packed = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
    let offset = 0;
    for (const part of parts) {
      packed.set(part, offset);
      offset += part.length;
    }
    return packed;
  }

  unpack(packed: Float64Array): void {
    let offset = 0;
    for (const target of this.arrays) target.set(packed.subarray(offset, (offset += target.length)));
    this.scalars.unpack(packed.subarray(offset));
  }

  private get arrays(): Float64Array[] {
    return [...this.logSteps, ...this.information.flat()];
  }
}
