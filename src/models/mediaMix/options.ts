// What a media-mix model may be told; everything has a default.
import type { PriorSpec } from '../priors.js';
import type { Adstock } from './adstock.js';
import type { SaturationForm } from './saturation.js';

/** How a block of parameters varies over places: one value for all, one each, or one each drawn around a common mean. */
export const poolings = ['shared', 'independent', 'partial'] as const;
export type Pooling = (typeof poolings)[number];

/** The blocks whose variation over places can be chosen. */
export const pooledBlocks = [
  'intercept',
  'effect',
  'adstock',
  'saturation',
  'controls',
  'seasonality',
  'trend',
  'sigma',
] as const;
export type PooledBlock = (typeof pooledBlocks)[number];

/** A smooth function of time: a Gaussian process of low rank, or knots that many weeks apart with straight lines between. */
export type TimeVariation = 'gp' | { readonly knots: number };

/** A randomised experiment: what raising a channel's media in one week from one level to another did to the response. */
export interface LiftTest {
  readonly channel: string;
  /** Needed with several places. */
  readonly geo?: string;
  /** Media before, in the data's units per week and place. */
  readonly media: number;
  readonly change: number;
  /** Change of the response per week, of the sign of `change`, and its standard error. */
  readonly lift: number;
  readonly sd: number;
}

export const families = ['gaussian', 'studentT', 'truncatedGaussian'] as const;
export type MediaMixFamily = (typeof families)[number];

export interface MediaMixOptions {
  readonly adstock?: Adstock;
  readonly saturation?: SaturationForm;
  /** Default `adstock`: carry-over of spend, then its saturation. */
  readonly first?: 'adstock' | 'saturation';
  /** Pairs of sine and cosine per year; default 0. */
  readonly seasonality?: number;
  /** Null (default): none. Changepoints are evenly spaced; 0: a straight line. */
  readonly trend?: { readonly changepoints: number } | null;
  readonly timeVarying?: { readonly intercept?: TimeVariation; readonly effects?: TimeVariation };
  readonly family?: MediaMixFamily;
  readonly scale?: {
    /** One scale for all places, or one for each (the default with several). */
    readonly by?: 'all' | 'geo';
    /** What the response is divided by; default its largest value. */
    readonly response?: number;
  };
  readonly pooling?: Readonly<Partial<Record<PooledBlock, Pooling>>>;
  /** What has the prior: a channel's coefficient (default), or its return on spend, from which the coefficient follows. */
  /**
   * `auto` (default): coefficients are sampled as their contribution at a typical level of media where that is better known, by the same
   * density; `plain`: as themselves.
   */
  readonly parametrisation?: 'auto' | 'plain';
  readonly effectPrior?: 'coefficient' | 'roi';
  readonly liftTests?: readonly LiftTest[];
  readonly priors?: Readonly<Record<string, PriorSpec>>;
}
