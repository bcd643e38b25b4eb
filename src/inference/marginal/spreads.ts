// The coordinate in which a spread is sampled: linear at 0, then as its square, at last as its logarithm; and where it turns from one to the next.
import { deviatingCount, deviatingOf } from '../../models/linearHierarchy/links.js';
import { hasLightTail } from '../../models/linearHierarchy/scalePriors.js';
import type { ModelDensity } from '../portableDensity.js';
import { stackWidth } from './columns.js';
import type { Marginal } from './marginalDensity.js';
import { isFull } from './scales.js';
import { informationColumns, informationOutput } from './information.js';

/** The spread s of a coordinate w, with its sign: q = s √(1 + bend s²), q = unit · sinh w. */
export function spreadAt(w: number, unit: number, bend: number): number {
  const q = unit * Math.sinh(w);
  return q * Math.sqrt(2 / (1 + Math.sqrt(1 + 4 * bend * q * q)));
}

/** The coordinate of a spread. */
export function coordinateOf(s: number, unit: number, bend: number): number {
  return Math.asinh((s * Math.sqrt(1 + bend * s * s)) / unit);
}

/** ds / dw. */
export function slopeAt(w: number, unit: number, bend: number): number {
  const q = unit * Math.sinh(w);
  const t = Math.sqrt(1 + 4 * bend * q * q);
  return (unit * Math.cosh(w) * Math.sqrt((1 + t) / 2)) / t;
}

/** Place of a signed scale in the position, and the coefficient of a level that it is the spread of. */
interface SignedScale {
  readonly at: number;
  readonly level: number;
  readonly coefficient: number;
}

export function signedScales({ blocks, kinds, term }: Marginal): SignedScale[] {
  return term.levels.flatMap((level, l) => {
    const { offset } = blocks.find(({ name }) => name === level.covariance.sds)!;
    if (kinds[l] === 'log') return [];
    const deviating = deviatingOf(level);
    return Array.from({ length: deviatingCount(level) }, (_, i) => ({
      at: offset + i,
      level: l,
      coefficient: deviating[i],
    }));
  });
}

/** Spreads of units whose sign means nothing by itself, as it does not where there are no correlations. */
export function foldedScales(marginal: Marginal): SignedScale[] {
  return signedScales(marginal).filter(({ level }) => level === 0 && !isFull(marginal.term.levels[0]));
}

/** Where a spread's coordinate turns. */
export interface Turns {
  readonly unit: number;
  readonly bend: number;
  /** Rough standard deviation of the coordinate, about the same wherever the spread is; undefined: as it was. */
  readonly sd?: number;
}

/** Multiples of d (see `turnsOf`) up to which s² is sampled as s. Own choice, as the next two. */
const linearTo = 4;
/** Multiples of √e at which the coordinate becomes logarithmic: under a prior of heavy tails, and of light ones, whose logarithm falls like s². */
const logarithmicFrom = { heavy: 0.5, light: 2 } as const;

/**
 * Turns that suit what groups say of a spread s, given the other scales. With n groups whose coefficients are known up to a variance e each, s² is known near 0
 * with a standard deviation d = e √(2/n), so that log p falls as s⁴ / 2d² beyond √d; and far from e as log s², up to √(2/n). Of unequal errors d² = 2 / Σ e⁻².
 * @param density has just been evaluated; its first lane at these spreads, without correlations
 */
export function turnsOf(
  marginal: Marginal,
  density: ModelDensity,
  scales: readonly SignedScale[],
  spreads: readonly number[],
): (Turns | undefined)[] {
  return scales.map(({ level: l, coefficient }, n) => {
    const level = marginal.term.levels[l];
    const { place, count } = informationColumns(level, coefficient);
    const part = Math.floor(place / stackWidth);
    const values = density.output(informationOutput(l, part));
    const width = Math.min(stackWidth, count - part * stackWidth);
    const variance = spreads[n] ** 2;
    let squares = 0;
    let informed = 0;
    for (let g = 0; g < marginal.groups[l]; g++) {
      // 1 / (s² + e).
      const information = values[(g * width + (place % stackWidth)) * density.lanes];
      if (!(information > 0)) continue;
      const rest = Math.max(1 - information * variance, Number.EPSILON);
      squares += (information / rest) ** 2;
      informed++;
    }
    if (informed === 0 || !Number.isFinite(squares)) return undefined;
    const d = Math.sqrt(2 / squares);
    const e = d * Math.sqrt(informed / 2);
    const bend = 1 / (linearTo * d);
    const from = logarithmicFrom[hasLightTail(level.covariance) ? 'light' : 'heavy'];
    const unit = from * Math.sqrt(e * (1 + bend * e));
    return { unit, bend, sd: coordinateOf(Math.sqrt(d), unit, bend) / 2 };
  });
}
