// Gaussian kernel density estimates of draws for the report, on an even grid, with reflection at known bounds.
import { bandwidthSheatherJones, bandwidthSilverman } from './bandwidth.js';

/** A density on an even grid; it integrates to one up to the tails beyond the grid. */
export interface KernelDensity {
  /** `[points]` in the units of the draws. */
  readonly x: Float64Array;
  /** `[points]` density, per unit of x. */
  readonly density: Float64Array;
  readonly bandwidth: number;
}

export interface KernelDensityOptions {
  /** Grid points, 512 by default. */
  readonly points?: number;
  /** `sheatherJones` (default) keeps modes apart; `silverman` is a rule of thumb for one mode. */
  readonly bandwidth?: 'sheatherJones' | 'silverman';
  /** Ends of the support, where there are: mass that the kernel would put beyond is reflected (Silverman 1986, §2.10). */
  readonly lower?: number;
  readonly upper?: number;
}

/** How far beyond the extreme draws the grid goes, in bandwidths. */
const REACH = 3;
/** The kernel is below 1e-10 of its peak beyond this many bandwidths. */
const CUT = 7;
/** Grid steps per bandwidth at least, so that binning errs by at most (1/4)² / 8 · h² f″, far below a drawn line's width. */
const STEPS_PER_BANDWIDTH = 4;
/** Heavy tails make the grid much wider than the bandwidth; finer than this the binning is not worth its memory. */
const MAX_REFINEMENT = 256;

/**
 * Kernel density estimate of the finite values: linear binning on a grid at least as fine as the one asked for (Wand 1994),
 * then a direct sum over bins. Heavy tails would leave the grid nothing but empty space: pass draws cut to a central range
 * for those.
 * @returns null when fewer than two values are finite or all are equal: there is no density to draw
 */
export function kernelDensity(values: Float64Array, options: KernelDensityOptions = {}): KernelDensity | null {
  const { points = 512, bandwidth: rule = 'sheatherJones', lower = -Infinity, upper = Infinity } = options;
  if (!(Number.isInteger(points) && points > 1))
    throw new RangeError(`points must be a whole number above 1, got ${points}`);
  const sorted = values.filter(Number.isFinite).sort();
  const bandwidth = rule === 'silverman' ? bandwidthSilverman(sorted) : bandwidthSheatherJones(sorted);
  if (!(bandwidth > 0)) return null;
  const min = sorted[0];
  const max = sorted[sorted.length - 1];
  if (min < lower || max > upper)
    throw new RangeError(`draws from ${min} to ${max} leave the support [${lower}, ${upper}]`);
  const start = Math.max(lower, min - REACH * bandwidth);
  const end = Math.min(upper, max + REACH * bandwidth);
  const step = (end - start) / (points - 1);
  const x = Float64Array.from({ length: points }, (_, i) => start + i * step);
  const refinement = Math.min(MAX_REFINEMENT, Math.ceil((STEPS_PER_BANDWIDTH * step) / bandwidth));
  const fine = binLinearly(sorted, start, step / refinement, (points - 1) * refinement + 1);
  const grid = { start, step: step / refinement, weights: fine };
  const density = x.map((at) => {
    let sum = kernelSum(grid, at, bandwidth);
    if (start === lower) sum += kernelSum(grid, 2 * lower - at, bandwidth);
    if (end === upper) sum += kernelSum(grid, 2 * upper - at, bandwidth);
    return sum / (sorted.length * bandwidth * Math.sqrt(2 * Math.PI));
  });
  return { x, density, bandwidth };
}

interface BinnedDraws {
  readonly start: number;
  readonly step: number;
  readonly weights: Float64Array;
}

/** Each value is shared between its two neighbouring grid points in proportion to its nearness. */
function binLinearly(values: Float64Array, start: number, step: number, size: number): Float64Array {
  const weights = new Float64Array(size);
  for (const value of values) {
    const position = (value - start) / step;
    const index = Math.max(0, Math.min(size - 2, Math.floor(position)));
    const share = position - index;
    weights[index] += 1 - share;
    weights[index + 1] += share;
  }
  return weights;
}

function kernelSum({ start, step, weights }: BinnedDraws, at: number, bandwidth: number): number {
  const first = Math.max(0, Math.ceil((at - CUT * bandwidth - start) / step));
  const last = Math.min(weights.length - 1, Math.floor((at + CUT * bandwidth - start) / step));
  let sum = 0;
  for (let i = first; i <= last; i++) {
    if (weights[i] === 0) continue;
    const distance = (start + i * step - at) / bandwidth;
    sum += weights[i] * Math.exp((-distance * distance) / 2);
  }
  return sum;
}
