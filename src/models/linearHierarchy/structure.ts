// The declared structure of a hierarchy: what methods that use it (Gibbs, marginal NUTS, structured ADVI) know of a model.
import type { PriorSpec } from '../../data/prior.js';
import type { CovariancePrior } from '../covariancePriors.js';

export type { PriorSpec };

/**
 * η_n = Σ over terms of x_n'b_g(n) + f_n'θ. The coefficients b of a term are nested: those of a group lie around a mean that is a
 * regression on the group's covariates, whose coefficients belong to a group of the next level, and at last to the population.
 * All arrays are in model units (standardised where the model standardises).
 */
interface LinearPredictor {
  readonly rows: number;
  /** Response, `[rows]`. */
  readonly y: Float64Array;
  /** At most one grouping's nest each; several terms are crossed. */
  readonly terms: readonly NestedTerm[];
  /** Coefficients of the whole population on many columns; undefined where there are none. */
  readonly fixed: FixedBlock | undefined;
}

/** y = η + ε: what Gibbs and marginal NUTS work on. */
export interface LinearHierarchy extends LinearPredictor {
  readonly errors: Errors;
}

/** y given η through a link. */
export interface GeneralisedHierarchy extends LinearPredictor {
  readonly likelihood: Likelihood;
}

export type Hierarchy = LinearHierarchy | GeneralisedHierarchy;

export function isLinear(structure: Hierarchy): structure is LinearHierarchy {
  return 'errors' in structure;
}

/** y given η: 0/1 and successes of trials with log odds η; counts with mean exp(η) times an exposure. */
export type Likelihood =
  | { readonly kind: 'bernoulli' }
  /** Trials, `[rows]`. */
  | { readonly kind: 'binomial'; readonly trials: Float64Array }
  /** Log exposures, `[rows]`; undefined: all 0. */
  | { readonly kind: 'poisson'; readonly logExposure?: Float64Array }
  /** Variance μ + μ²/φ; name and prior of the parameter φ. */
  | {
      readonly kind: 'negativeBinomial';
      readonly logExposure?: Float64Array;
      readonly dispersion: string;
      readonly prior: PriorSpec;
    };

/** The parameter of the likelihood, where there is one: σ, or φ. */
export function scaleOf(structure: Hierarchy): { readonly name: string; readonly prior: PriorSpec } | undefined {
  if (isLinear(structure)) return { name: structure.errors.sigma, prior: structure.errors.prior };
  const { likelihood } = structure;
  return likelihood.kind === 'negativeBinomial' ? { name: likelihood.dispersion, prior: likelihood.prior } : undefined;
}

/** The structure of a model whose response is linear in its coefficients; undefined for other models. */
export function linearStructure({ structure }: { readonly structure?: Hierarchy }): LinearHierarchy | undefined {
  return structure !== undefined && isLinear(structure) ? structure : undefined;
}

/** Errors of the rows: ε ~ N(0, σ²), or σ times Student's t, a scale mixture of normals. */
export interface Errors {
  /** Name of the parameter σ. */
  readonly sigma: string;
  readonly prior: PriorSpec;
  /** Degrees of freedom of Student's t; undefined: normal. */
  readonly df?: number;
}

/** Coefficients of groups that lie nested in each other. */
export interface NestedTerm {
  /** Columns of the design, p of them, each `[rows]`. */
  readonly columns: readonly Float64Array[];
  /** First place of each group of the innermost level, and the end, `[groups + 1]`: the rows of a group lie together, groups in order. */
  readonly rowStart: Int32Array;
  /** Row at each of these places, `[rows]`, for a term that crosses the one by which the rows are sorted; undefined: place n is row n. */
  readonly rowOrder?: Int32Array;
  /** From the innermost outwards; the innermost has p coefficients per group. */
  readonly levels: readonly HierarchyLevel[];
  readonly population: Population;
}

/** Coefficients b_g ~ N(M_g, Σ) of groups, with vec M_g = Γ_parent(g) z_g. */
export interface HierarchyLevel {
  readonly groups: number;
  /** Coefficients of a group, k. */
  readonly size: number;
  /** Group of the next level that each group belongs to, `[groups]`, ascending; null where the next is the population. */
  readonly parent: Int32Array | null;
  /** Covariates z of the mean, `[group][q]`, the constant included. */
  readonly covariates: Float64Array;
  readonly covariateCount: number;
  /**
   * By coefficient the covariates that its mean is a regression on, ascending; default all of them for each. These regressions' coefficients, one
   * coefficient's after the other's, are the coefficients of the next level: k·q where nothing is left out.
   */
  readonly regressions?: readonly (readonly number[])[];
  /**
   * Coefficients that deviate from their means, ascending; default all. The others equal their means exactly: Σ, what is sampled and the centring are
   * those of the deviating ones alone.
   */
  readonly deviating?: readonly number[];
  /** Σ, of the coefficients that deviate. */
  readonly covariance: LevelCovariance;
  /** Name of the parameter that holds the coefficients that deviate, `[group][k]`. */
  readonly coefficients: string;
  /** λ of each coefficient that deviates, in [0, 1]: how far it is centred in what is sampled (see hierarchicalLevel.ts). */
  readonly centring: readonly number[];
}

/** Σ of a level: diag(s²), diag(s) L L' diag(s) with L a Cholesky factor of correlations, or that of common factors. */
export type LevelCovariance = PlainCovariance | FactorCovariance;

export interface PlainCovariance {
  /** Name of the parameter s, `[k]`. */
  readonly sds: string;
  /** Name of the parameter L, `[k, k]`; undefined where Σ is diagonal. */
  readonly cholesky: string | undefined;
  readonly prior: CovariancePrior;
}

/**
 * Σ = ΛΛ' + diag(ψ²): b_g = M_g + Λ z_g + η_g with m factors z ~ N(0, I) integrated out. Λ is free: its density does not change when it is
 * rotated, so what is identified is ΛΛ' and ψ.
 */
export interface FactorCovariance {
  /** Name of the parameter Λ, `[k, factors]`. */
  readonly loadings: string;
  /** m, with (k − m)² ≥ k + m. */
  readonly factors: number;
  /** Name of the parameter ψ, `[k]`: standard deviations of what the factors leave. */
  readonly sds: string;
  /** Λ_ij ~ N(0, loadingSds_i²), and the prior of every ψ. */
  readonly prior: { readonly loadingSds: readonly number[]; readonly sd: PriorSpec };
}

export function hasFactors(covariance: LevelCovariance): covariance is FactorCovariance {
  return 'loadings' in covariance;
}

export function isDiagonal(covariance: LevelCovariance): boolean {
  return !hasFactors(covariance) && covariance.cholesky === undefined;
}

/** Names of a covariance's parameters. */
export function covarianceNames(covariance: LevelCovariance): string[] {
  const { sds } = covariance;
  if (hasFactors(covariance)) return [sds, covariance.loadings];
  return covariance.cholesky === undefined ? [sds] : [sds, covariance.cholesky];
}

/** The outermost coefficients, those of the last level's means, with independent priors. */
export interface Population {
  /** Name of the parameter, in the order of the last level's means. */
  readonly name: string;
  /** Normal priors, or one prior of another family for all, which is not conjugate. */
  readonly prior:
    | ({ readonly kind: 'normal'; readonly means: readonly number[] } & Omit<CoefficientPrior, 'pooling'>)
    | { readonly kind: 'common'; readonly prior: PriorSpec };
}

/** θ: one coefficient for each dense column, and for each set of indicators its levels but one, in sum-to-zero coding. */
export interface FixedBlock {
  readonly name: string;
  readonly dense: readonly Float64Array[];
  readonly categories: readonly Category[];
  /** Independent N(0, sd²) on the free coefficients, or a shrinkage prior of them, or spreads that sets of them share. */
  readonly prior: FixedPrior;
}

/** Effects of a category's levels that sum to zero; `levels − 1` of them are free, the last is minus their sum. */
export interface Category {
  readonly levels: number;
  /** Level of each row, `[rows]`. */
  readonly levelOfRow: Int32Array;
  /** What the effect is multiplied with, `[rows]`; undefined: 1. */
  readonly multiplier: Float64Array | undefined;
  /**
   * No row has the last level: it takes what the others leave, so that each of these has a coefficient of its own and they need not sum to zero. It is
   * their prior that tells them from the constant.
   */
  readonly hasSpare?: boolean;
}

export type FixedPrior = { readonly kind: 'normal' } & Omit<CoefficientPrior, 'means'>;

/** Independent normal priors of coefficients, some of which a horseshoe may shrink, or sets of which may be pooled. */
export interface CoefficientPrior {
  /** Default 0. */
  readonly means?: readonly number[];
  /** By coefficient; what it says of those that are shrunk or pooled is not used. */
  readonly sds: readonly number[];
  readonly horseshoe?: Horseshoe;
  /** Of a fixed block; not beside a horseshoe. */
  readonly pooling?: Pooling;
}

/**
 * Partial pooling: θ_j ~ N(mean_j, s_k²) for the coefficients j of set k, with spreads s_k that are estimated. What is sampled of them is as with a
 * horseshoe (`errorSds`).
 */
export interface Pooling {
  /** Coefficients that are pooled, ascending. */
  readonly places: readonly number[];
  /** Set of each of them, `[places]`; every set has at least one. */
  readonly sets: readonly number[];
  /** Name of the parameter s, `[set]`. */
  readonly sds: string;
  /** Of each spread, `[set]`. */
  readonly priors: readonly PriorSpec[];
  /** Rough standard errors that the data alone leave the coefficients, `[places]`. */
  readonly errorSds: readonly number[];
}

/**
 * θ_j ~ N(mean_j, λ_j² τ²), λ_j ~ C⁺(0, 1), τ ~ C⁺(0, globalScale) (Carvalho, Polson and Scott 2010). Regularised by a slab:
 * in place of λ_j², c² λ_j² / (c² + τ² λ_j²), with c² ~ inverse gamma(ν/2, ν s²/2) (Piironen and Vehtari 2017, equations 2.8 and 2.9).
 * What is sampled of coefficients that are shrunk is (θ − mean) / v with v⁻² = (prior sd)⁻² + errorSds⁻², about the posterior's own width whether
 * a coefficient is shrunk to nothing or not at all.
 */
export interface Horseshoe {
  /** Coefficients that are shrunk, ascending. */
  readonly places: readonly number[];
  /** Names of the parameters λ, `[places]`, and τ, a scalar. */
  readonly local: string;
  readonly global: string;
  readonly globalScale: number;
  /** Rough standard errors that the data alone leave the coefficients, `[places]`; default Infinity, which samples (θ − mean) / (prior sd). */
  readonly errorSds?: readonly number[];
  /** τ ~ C⁺(0, globalScale · σ), σ that of the errors. */
  readonly isRelative?: boolean;
  /** Name of the parameter c, a scalar; s, in units of the coefficients, and ν. Undefined: no slab. */
  readonly slab?: { readonly name: string; readonly scale: number; readonly df: number };
}
