// Elliptical slices (Murray, Adams and MacKay 2010) through the density by which scales are proposed: in variances and covariances its quadratic is a normal density.
import { cholesky, solve, solveTransposed } from '../../linearAlgebra.js';
import { drawNormal } from '../../random/distributions.js';
import type { BoundProgram } from '../program.js';
import { coordinatesAt, displacementsOf, logJacobianOfDisplacements } from './coordinates.js';
import { evaluateAt, type Place, type Walker } from './walk.js';

/** Angles after which a walker stays where it is: so near to a singular covariance that rounding decides. */
const mostAngles = 100;

/** A walker's ellipse: q = mean + (q₀ − mean) cos θ + other sin θ. */
interface Ellipse {
  readonly mean: Float64Array;
  readonly from: Float64Array;
  readonly other: Float64Array;
  /** Of what the density has besides the normal one; a place above it ends the search. */
  readonly threshold: number;
  angle: number;
  low: number;
  high: number;
  angles: number;
}

/** One slice of each walker. Where trajectories go around the corners of singular covariances, ellipses lead across. */
export async function slide(
  program: BoundProgram,
  walkers: readonly Walker[],
  places: readonly Place[],
): Promise<Place[]> {
  const found = [...places];
  const searching = new Map<number, Ellipse>();
  for (const [i, walker] of walkers.entries()) {
    const ellipse = ellipseOf(walker, places[i]);
    if (ellipse !== undefined) searching.set(i, ellipse);
  }
  while (searching.size > 0) {
    const targets = found.map(({ x }) => x);
    for (const [i, ellipse] of searching) {
      const target = nextInside(walkers[i], ellipse);
      if (target === undefined) searching.delete(i);
      else targets[i] = target;
    }
    if (searching.size === 0) break;
    const reached = await evaluateAt(program, walkers, targets);
    for (const [i, ellipse] of searching) {
      if (leftover(walkers[i], reached[i]) > ellipse.threshold) {
        found[i] = reached[i];
        searching.delete(i);
      } else shrink(walkers[i], ellipse);
    }
  }
  return found;
}

function ellipseOf(walker: Walker, place: Place): Ellipse | undefined {
  const { surrogate, stream, temper = 1 } = walker;
  const { dimension, slopes, curvature, term } = surrogate;
  const factor = cholesky(curvature, dimension);
  if (factor === undefined) return undefined;
  const mean = slopes.slice();
  solve(factor, mean);
  solveTransposed(factor, mean);
  const other = Float64Array.from({ length: dimension }, () => drawNormal(stream) / Math.sqrt(temper));
  solveTransposed(factor, other);
  const from = displacementsOf(term, place.x).map((q, i) => q - mean[i]);
  const threshold = leftover(walker, place) + Math.log(stream.uniform());
  const angle = 2 * Math.PI * stream.uniform();
  return { mean, from, other, threshold, angle, low: angle - 2 * Math.PI, high: angle, angles: 0 };
}

/** What the density of displacements has besides the normal one. */
function leftover({ surrogate: { term } }: Walker, { x, value, quadratic }: Place): number {
  return value - quadratic - logJacobianOfDisplacements(term, x);
}

/** Coordinates at the first angle from this one on at which variances are positive. */
function nextInside(walker: Walker, ellipse: Ellipse): Float64Array | undefined {
  const { mean, from, other } = ellipse;
  while (ellipse.angles++ < mostAngles) {
    const [cos, sin] = [Math.cos(ellipse.angle), Math.sin(ellipse.angle)];
    const x = coordinatesAt(
      walker.surrogate.term,
      mean.map((m, i) => m + from[i] * cos + other[i] * sin),
    );
    if (!x.some(Number.isNaN)) return x;
    shrink(walker, ellipse);
  }
  return undefined;
}

function shrink({ stream }: Walker, ellipse: Ellipse): void {
  if (ellipse.angle < 0) ellipse.low = ellipse.angle;
  else ellipse.high = ellipse.angle;
  ellipse.angle = ellipse.low + (ellipse.high - ellipse.low) * stream.uniform();
}
