// Values of a hierarchy on their own scales, and what is sampled of each level's coefficients, in f64.
import { shrunkSd } from './horseshoe.js';
import { deviatingOf, outerSize } from './links.js';
import type { HierarchyLevel, NestedTerm, CoefficientPrior } from './structure.js';

/** Parameters of the covariance of a level's coefficients. */
export interface LevelScales {
  /** Standard deviations of those that deviate, `[k]`. */
  readonly sds: Float64Array;
  /** Cholesky factor of the correlations, `[k][k]`; undefined where the covariance is diagonal. */
  readonly lower: Float64Array | undefined;
  /** What the covariance is made of, where it is that of factors. */
  readonly factors?: FactorValues;
}

/** Coefficients of a level and the parameters of their covariance. */
export interface LevelNatural extends LevelScales {
  /** `[group][k]`, those that do not deviate included. */
  readonly coefficients: Float64Array;
}

/** Λ, `[k][factors]`, and ψ, `[k]`. */
export interface FactorValues {
  readonly loadings: Float64Array;
  readonly uniques: Float64Array;
}

export interface TermValues {
  /** From the innermost outwards. */
  readonly levels: readonly LevelNatural[];
  readonly population: Float64Array;
  /** Where a horseshoe shrinks the population. */
  readonly shrinkage?: ShrinkageValues;
}

/** Values of everything that a hierarchy declares. */
export interface HierarchyValues {
  /** The likelihood's parameter (`scaleOf`): σ or φ; 1 where it has none. */
  readonly sigma: number;
  readonly terms: readonly TermValues[];
  readonly fixed: FixedValues | undefined;
}

/** The same without the coefficients of groups. */
export interface HierarchyScalars extends Omit<HierarchyValues, 'terms'> {
  readonly terms: readonly (Omit<TermValues, 'levels'> & { readonly levels: readonly LevelScales[] })[];
}

export interface FixedValues {
  /** Free coefficients θ. */
  readonly coefficients: Float64Array;
  readonly shrinkage?: ShrinkageValues;
}

/** What the standard deviations of a prior are made of where they are not given. */
export type ShrinkageValues = HorseshoeValues | PooledValues;

/** Scales of a horseshoe: λ, τ and c, Infinity where there is no slab. */
export interface HorseshoeValues {
  readonly local: Float64Array;
  readonly global: number;
  readonly slab: number;
}

/** Spreads of pooled coefficients, `[set]`. */
export interface PooledValues {
  readonly sds: Float64Array;
}

/** Standard deviations of the coefficients of a normal prior, `[coefficient]`. */
export function coefficientSds(
  { sds, horseshoe, pooling }: CoefficientPrior,
  values: ShrinkageValues | undefined,
): Float64Array {
  const result = Float64Array.from(sds);
  if (values === undefined) return result;
  if ('sds' in values) for (const [j, place] of pooling!.places.entries()) result[place] = values.sds[pooling!.sets[j]];
  else
    for (const [j, place] of horseshoe!.places.entries())
      result[place] = shrunkSd(values.local[j], values.global, values.slab);
  return result;
}

/** Means of a level's coefficients `[group][k]`, from those of the level around it, or of the population. Written to `target`. */
export function levelMeans(
  { levels }: NestedTerm,
  index: number,
  { levels: values, population }: TermValues,
  target: Float64Array,
): void {
  const { groups, size, covariates, covariateCount: q, parent, regressions } = levels[index];
  const outer = parent === null ? population : values[index + 1].coefficients;
  const width = outerSize(levels[index]);
  for (let g = 0; g < groups; g++) {
    let next = parent === null ? 0 : parent[g] * width;
    for (let i = 0; i < size; i++) {
      const own = regressions?.[i];
      const count = own?.length ?? q;
      let mean = 0;
      for (let a = 0; a < count; a++) mean += outer[next++] * covariates[g * q + (own === undefined ? a : own[a])];
      target[g * size + i] = mean;
    }
  }
}

/**
 * What is sampled of a level's coefficients, and back: with m and s a coefficient's conditional mean and standard deviation given
 * those before it, a = λ m + (b − m) s^(λ−1) and b = m + s^(1−λ) (a − λ m); see `hierarchicalLevel`.
 * @param from coefficients, `[group][k]`, or what is sampled, of those that deviate
 * @param means `[group][k]`; not read for `sampled` where all is centred
 * @param to `sampled` or `coefficients`: what to write to `target`
 */
export function recentre(
  level: Pick<HierarchyLevel, 'groups' | 'size' | 'centring' | 'deviating'>,
  { sds, lower }: Pick<LevelNatural, 'sds' | 'lower'>,
  from: Float64Array,
  means: Float64Array,
  to: 'sampled' | 'coefficients',
  target: Float64Array,
): void {
  const { groups, centring, size } = level;
  const places = deviatingOf(level);
  const k = places.length;
  const isPartial = k < size;
  if (isPartial && to === 'coefficients') target.set(means);
  // Nothing to translate.
  const isCentred = centring.every((lambda) => lambda === 1);
  if (!isPartial && isCentred) return target.set(from);
  if (isCentred && to === 'sampled') {
    for (let g = 0; g < groups; g++) for (let i = 0; i < k; i++) target[g * k + i] = from[g * size + places[i]];
    return;
  }
  if (!isPartial && to === 'sampled' && centring.every((lambda) => lambda === 0))
    return standardise(from, means, sds, lower, target);
  const [fromWidth, toWidth] = to === 'sampled' ? [size, k] : [k, size];
  const scales = sds.map((s, i) => (lower === undefined ? s : s * lower[i * k + i]));
  const toSampled = scales.map((s, i) => s ** (centring[i] - 1));
  const toZeta = scales.map((s, i) => s ** -centring[i]);
  const zeta = new Float64Array(k);
  for (let g = 0; g < groups; g++) {
    for (let i = 0; i < k; i++) {
      const value = from[g * fromWidth + (to === 'sampled' ? places[i] : i)];
      const at = g * toWidth + (to === 'sampled' ? i : places[i]);
      let mean = means[g * size + places[i]];
      if (lower !== undefined) {
        let shift = 0;
        for (let j = 0; j < i; j++) shift += lower[i * k + j] * zeta[j];
        mean += sds[i] * shift;
      }
      const lambda = centring[i];
      const moved = to === 'sampled' ? (value - mean) * toSampled[i] : value - lambda * mean;
      if (lambda === 1) {
        if (lower !== undefined) zeta[i] = (value - mean) / scales[i];
        target[at] = value;
        continue;
      }
      if (lower !== undefined) zeta[i] = moved * toZeta[i];
      target[at] = to === 'sampled' ? lambda * mean + moved : mean + moved / toSampled[i];
    }
  }
}

/** Coefficients as standardised deviations, C⁻¹(b − m) with C = diag(s) L: a loop of its own, as there may be millions of them. */
function standardise(
  from: Float64Array,
  means: Float64Array,
  sds: Float64Array,
  lower: Float64Array | undefined,
  target: Float64Array,
): void {
  const k = sds.length;
  const scales = sds.map((s, i) => (lower === undefined ? s : s * lower[i * k + i]));
  const below = lower?.map((x, at) => (x * sds[Math.floor(at / k)]) / scales[Math.floor(at / k)]);
  const inverse = scales.map((s) => 1 / s);
  for (let first = 0; first < from.length; first += k) {
    for (let i = 0; i < k; i++) {
      let x = (from[first + i] - means[first + i]) * inverse[i];
      if (below !== undefined) for (let j = 0; j < i; j++) x -= below[i * k + j] * target[first + j];
      target[first + i] = x;
    }
  }
}
