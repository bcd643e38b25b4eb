// What a user sets for a run of Gibbs sampling, with its defaults and its checks.
import { isLinear } from '../../models/linearHierarchy/structure.js';
import type { Model } from '../../models/model.js';
import type { ChainRange } from '../settings.js';
import { isShrunk } from './termProgram.js';

/** What Gibbs sampling knows of a model: plain records, which travel to other threads. */
export type GibbsModel = Pick<Model, 'name' | 'parameters' | 'structure' | 'start'>;

/**
 * `plain`: each block given all others. `interweaved`: after the scales given the coefficients, the scales given the standardised
 * deviations. `collapsed`: all coefficients of a term as one draw, each level with the levels below integrated out.
 * `collapsedInterweaved`: both. `integrated`: besides, where the burn-in shows that the scales mix slowly, a move of
 * them with the coefficients integrated out, by trajectories or surrogates learnt in the burn-in.
 */
export type GibbsScheme = 'plain' | 'interweaved' | 'collapsed' | 'collapsedInterweaved' | 'integrated';

/** What a sweep does about slow mixing. */
export interface Scheme {
  /** Means, and coefficients of outer levels, drawn with the coefficients below integrated out. */
  readonly isCollapsed: boolean;
  /** After the scales given the coefficients, the scales given the standardised deviations. */
  readonly isInterweaved: boolean;
  /** Before the coefficients, the scales with the coefficients integrated out. */
  readonly movesScales: boolean;
}

export interface GibbsSettings {
  /** Default 4. */
  readonly chains?: number;
  /** Chains that this part of the run draws; default all. Their draws are those of the whole run. */
  readonly part?: ChainRange;
  /** Sweeps of the burn-in; default 1000. */
  readonly warmup?: number;
  /** Draws per chain after the burn-in; default 1000. */
  readonly draws?: number;
  /** Sweeps per draw; default 1. */
  readonly thin?: number;
  /** Integer or string; default 1. */
  readonly seed?: number | string;
  /** Default `integrated`. */
  readonly scheme?: GibbsScheme;
  /** Order of the blocks in a sweep: always the same, the same backwards, or a new one every sweep. Default systematic. */
  readonly scan?: 'systematic' | 'reversed' | 'random';
}

export type ResolvedGibbsSettings = Required<GibbsSettings>;

/** Why a model cannot be sampled by Gibbs sweeps, in one line; undefined where it can. */
export function gibbsRefusal(model: GibbsModel): string | undefined {
  const { structure } = model;
  if (structure === undefined)
    return `gibbs needs a model that declares its linear Gaussian structure; ${model.name} does not`;
  const { terms, fixed } = structure;
  if (!isLinear(structure)) {
    const rows = `with ${structure.likelihood.kind} responses gibbs`;
    if (terms.length === 0) return `${rows} moves coefficients of groups, and there are none`;
    if (terms.some(isShrunk) || fixed?.prior.horseshoe !== undefined) return `${rows} has no updates for horseshoes`;
    if (fixed?.prior.pooling !== undefined) return `${rows} has no updates for spreads of pooled coefficients`;
    return undefined;
  }
  return undefined;
}

/** Throws RangeError for settings out of range. */
export function resolveGibbsSettings(settings: GibbsSettings): ResolvedGibbsSettings {
  const chains = wholeNumber('chains', settings.chains ?? 4, 1);
  const part = settings.part ?? { first: 0, count: chains };
  if (!(part.first >= 0 && part.count >= 1 && part.first + part.count <= chains)) {
    throw new RangeError(`part: chains ${part.first} … ${part.first + part.count - 1} of ${chains}`);
  }
  return {
    chains,
    part,
    warmup: wholeNumber('warmup', settings.warmup ?? 1000, 0),
    draws: wholeNumber('draws', settings.draws ?? 1000, 0),
    thin: wholeNumber('thin', settings.thin ?? 1, 1),
    seed: settings.seed ?? 1,
    scheme: settings.scheme ?? 'integrated',
    scan: settings.scan ?? 'systematic',
  };
}

export const schemes: Readonly<Record<GibbsScheme, Scheme>> = {
  plain: { isCollapsed: false, isInterweaved: false, movesScales: false },
  interweaved: { isCollapsed: false, isInterweaved: true, movesScales: false },
  collapsed: { isCollapsed: true, isInterweaved: false, movesScales: false },
  collapsedInterweaved: { isCollapsed: true, isInterweaved: true, movesScales: false },
  integrated: { isCollapsed: true, isInterweaved: true, movesScales: true },
};

function wholeNumber(name: string, value: number, least: number): number {
  if (!Number.isSafeInteger(value) || value < least)
    throw new RangeError(`${name}: ${value} is not a whole number of at least ${least}`);
  return value;
}
