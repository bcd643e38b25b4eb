// The HBMMM as a declared hierarchy: consumers in markets in the population, one level for each set of coefficients that deviate together.
import type { ThreeLevelData } from '../../data/threeLevelData.js';
import { rowMajor } from '../linearHierarchy/rowMajor.js';
import { likelihoodOfCounts } from '../linearHierarchy/likelihood.js';
import type { Hierarchy, HierarchyLevel, LevelCovariance } from '../linearHierarchy/structure.js';
import type { HbmmmDesign } from './design.js';
import type { HbmmmPriors } from './priors.js';
import type { Spread, Spreads } from './spreads.js';

/** λ of a consumer's and a market's coefficients, see `HierarchyLevel.centring`. */
export interface Centring {
  /** `[p]` and `[size]`; only those of coefficients that deviate are used. */
  readonly consumer: readonly number[];
  readonly market: readonly number[];
}

/** Coefficients of consumers or markets that are one level of the declaration. */
export interface Block {
  /** Name of the parameter. */
  readonly coefficients: string;
  readonly covariance: LevelCovariance;
  /** Places that deviate, ascending. */
  readonly places: readonly number[];
  /** Spreads, and which of the block's coefficients are theirs. */
  readonly spreads: readonly { readonly spread: Spread; readonly members: readonly number[] }[];
}

export interface Blocks {
  /** From the innermost level outwards. */
  readonly consumer: readonly Block[];
  readonly market: readonly Block[];
}

/**
 * Spreads without correlations and with half-t priors of the same degrees of freedom share a level; every other is a level of its own, of the same
 * groups: the deviations of two levels add up, so Σ is the sum of theirs.
 */
export function blocksOf({ consumer, market }: Spreads): Blocks {
  return { consumer: levelBlocks('consumer', consumer), market: levelBlocks('market', market) };
}

function levelBlocks(group: string, spreads: readonly Spread[]): Block[] {
  const sets: Spread[][] = [];
  for (const spread of spreads) {
    const df = halfTDf(spread);
    const other = df === undefined ? undefined : sets.find(([first]) => halfTDf(first) === df);
    if (other === undefined) sets.push([spread]);
    else other.push(spread);
  }
  return sets.map((members, n): Block => {
    const places = members.flatMap((own) => [...own.places]).sort((a, b) => a - b);
    return {
      coefficients: `${group}_${n}`,
      covariance: covarianceOf(members, places, (part) => `${group}_${part}_${n}`),
      places,
      spreads: members.map((spread) => ({ spread, members: spread.places.map((place) => places.indexOf(place)) })),
    };
  });
}

/** Of spreads that share a level, by place. @param name of a parameter */
function covarianceOf(
  members: readonly Spread[],
  places: readonly number[],
  name: (part: string) => string,
): LevelCovariance {
  const [{ isFull, prior }] = members;
  const sds = name('sds');
  if (prior.kind === 'factors') return { loadings: name('loadings'), factors: prior.factors, sds, prior };
  const cholesky = isFull ? name('cholesky') : undefined;
  if (prior.kind !== 'huangWand') return { sds, cholesky, prior };
  const scaleAt = (place: number): number => {
    const own = members.find((spread) => spread.places.includes(place))!;
    return own.prior.kind === 'huangWand' ? own.prior.scales[own.places.indexOf(place)] : NaN;
  };
  return { sds, cholesky, prior: { ...prior, scales: places.map(scaleAt) } };
}

/** Degrees of freedom of independent half-t priors; undefined: the spread has correlations, or another prior. */
function halfTDf({ isFull, prior }: Spread): number | undefined {
  return !isFull && prior.kind === 'huangWand' ? prior.df : undefined;
}

export interface Declaration {
  readonly data: ThreeLevelData;
  readonly design: HbmmmDesign;
  readonly priors: HbmmmPriors;
  readonly blocks: Blocks;
  readonly centring: Centring;
  /** Degrees of freedom of Student-t errors; undefined: normal. */
  readonly df: number | undefined;
}

/** Names of the parameters of the population and of the response. */
export const parameterNames = { population: 'population', sigma: 'sigma', phi: 'phi' } as const;

export function declareHbmmm({ data, design, priors, blocks, centring, df }: Declaration): Hierarchy {
  const { layout, channels, controls, traits } = design;
  const consumers = data.units.count;
  const markets = data.markets!.names.length;
  const ofConsumers: LevelGroup = {
    groups: consumers,
    size: layout.p,
    parent: data.units.market,
    covariates: [new Float64Array(consumers).fill(1), ...traits.columns],
    ...(layout.traits > 0 && { regressions: layout.regressions }),
  };
  const ofMarkets: LevelGroup = {
    groups: markets,
    size: layout.size,
    parent: null,
    covariates: [new Float64Array(markets).fill(1)],
  };
  const predictor = {
    rows: data.rows,
    y: data.y,
    terms: [
      {
        columns: [new Float64Array(data.rows).fill(1), ...channels.columns, ...controls.columns],
        rowStart: data.units.rowStart,
        levels: [
          ...levelsOf(ofConsumers, blocks.consumer, centring.consumer),
          ...levelsOf(ofMarkets, blocks.market, centring.market),
        ],
        population: { name: parameterNames.population, prior: priors.population },
      },
    ],
    fixed: undefined,
  };
  if (data.counts !== undefined)
    return { ...predictor, likelihood: likelihoodOfCounts(data.counts, parameterNames.phi, priors.scale) };
  return { ...predictor, errors: { sigma: parameterNames.sigma, prior: priors.scale!, ...(df && { df }) } };
}

interface LevelGroup extends Pick<HierarchyLevel, 'groups' | 'size' | 'parent' | 'regressions'> {
  readonly covariates: readonly Float64Array[];
}

/** One level for each block; all but the last pass every mean on to the next, group by group. */
function levelsOf(
  { groups, size, parent, regressions, covariates }: LevelGroup,
  blocks: readonly Block[],
  centring: readonly number[],
): HierarchyLevel[] {
  return blocks.map((block, n): HierarchyLevel => {
    const isLast = n === blocks.length - 1;
    const columns = isLast ? covariates : [covariates[0]];
    return {
      groups,
      size,
      parent: isLast ? parent : Int32Array.from({ length: groups }, (_, g) => g),
      covariates: rowMajor(columns, groups),
      covariateCount: columns.length,
      ...(isLast && regressions && { regressions }),
      ...(block.places.length < size && { deviating: block.places }),
      covariance: block.covariance,
      coefficients: block.coefficients,
      centring: block.places.map((place) => centring[place]),
    };
  });
}
