// Learns the quadratic that stands for the likelihood of a term's scales: from values around a reference, then from differences all over its density.
import type { NestedTerm } from '../../../models/linearHierarchy/structure.js';
import { cholesky, solve, solveTransposed } from '../../linearAlgebra.js';
import { symmetricEigensystem } from '../../symmetricEigensystem.js';
import type { BoundProgram } from '../program.js';
import { fromCoordinates, type ScaleMove, type Scales, toCoordinates } from '../scaleMove.js';
import { coordinatesAt, coordinatesOf, displacementsOf, scalesAt } from './coordinates.js';
import type { Difference } from './differences.js';
import type { ScaleSurrogate } from './scaleSurrogate.js';
import { tuneWalks } from './tuneWalks.js';
import { setSurrogates, trajectoryLength, walk, type Walker } from './walk.js';

/** Displacement of differences where the curvature is known: in standard deviations, and at most. */
const [relativeWidth, widest] = [0.5, 0.3];
/** How far along an axis of the quadratic the slope may lead, in displacements, and how much an axis curves downwards at least. */
const [farthest, leastBend] = [20, 1e-3];
/** Places for each number of the quadratic, of the density that it gives when it is multiplied with this. */
const [pointsPerNumber, temper, trajectoriesPerPoint] = [0.7, 0.85, 3];
/** Standard deviations of a fit: of what no quadratic can say, and of slopes and curvatures around the reference's own, in units in which curvatures are 1. */
const [errorSd, changeSd] = [0.2, 0.3];
/** Error that halves the weight of a difference, and regressions in a row. */
const [outlyingError, rounds] = [0.7, 4];

/**
 * Learns anew around the references, at what the move's program holds of the rows.
 * @param program that of the surrogate
 */
export async function learnSurrogates(
  term: NestedTerm,
  move: ScaleMove,
  program: BoundProgram,
  walkers: readonly Walker[],
): Promise<void> {
  await fitReferences(term, move, walkers);
  await tuneWalks(program, walkers);
  await tryPairs(term, move, program, walkers);
  await refitSurrogates(program, walkers);
}

/** Learns from all differences that are known by now. */
export async function refitSurrogates(program: BoundProgram, walkers: readonly Walker[]): Promise<void> {
  for (const { surrogate } of walkers) fitDifferences(surrogate);
  await tuneWalks(program, walkers);
}

/** Log likelihoods at two lists of scales, one of each walker. */
async function evaluatePair(
  move: ScaleMove,
  walkers: readonly Walker[],
  pair: readonly (readonly Scales[])[],
): Promise<number[][]> {
  for (const [half, scales] of pair.entries())
    for (const [w, { lane }] of walkers.entries()) move.setScales(2 * lane + half, scales[w]);
  const running = move.program.run();
  if (running !== undefined) await running;
  return pair.map((scales, half) => walkers.map(({ lane }, w) => move.logLikelihood(2 * lane + half, scales[w].sigma)));
}

/** g and H from values at the reference, on both sides along each axis, and at pairs. */
async function fitReferences(term: NestedTerm, move: ScaleMove, walkers: readonly Walker[]): Promise<void> {
  const { dimension: n } = walkers[0].surrogate;
  const pairs = Array.from({ length: n }, (_, i) => Array.from({ length: i }, (_own, j) => [i, j] as const)).flat();
  const points: (readonly (readonly [place: number, sign: number])[])[] = [
    [],
    ...Array.from({ length: n }, (_, i) => [[[i, 1]], [[i, -1]]] as const).flat(),
    ...pairs.map(([i, j]) => [[i, 1] as const, [j, 1] as const]),
  ];
  if (points.length % 2 === 1) points.push([]);
  const values = walkers.map((): number[] => []);
  for (let first = 0; first < points.length; first += 2) {
    const pair = [0, 1].map((half) =>
      walkers.map(({ surrogate: { widths, reference } }) => {
        const displacements = new Float64Array(n);
        for (const [i, sign] of points[first + half]) displacements[i] = sign * widths[i];
        return scalesAt(term, reference, coordinatesAt(term, displacements));
      }),
    );
    for (const found of await evaluatePair(move, walkers, pair))
      for (const [w, value] of found.entries()) values[w].push(value);
  }
  for (const [w, { surrogate }] of walkers.entries()) {
    const { slopes, curvature, widths } = surrogate;
    const [centre] = values[w];
    const above = (i: number): number => values[w][1 + 2 * i];
    const below = (i: number): number => values[w][2 + 2 * i];
    for (let i = 0; i < n; i++) {
      slopes[i] = (above(i) - below(i)) / (2 * widths[i]);
      curvature[i * (n + 1)] = (2 * centre - above(i) - below(i)) / widths[i] ** 2;
    }
    for (const [at, [i, j]] of pairs.entries()) {
      const value = values[w][1 + 2 * n + at];
      curvature[i * n + j] = curvature[j * n + i] = (above(i) + above(j) - value - centre) / (widths[i] * widths[j]);
    }
    makeConcave(surrogate);
    for (let i = 0; i < n; i++) {
      const width = relativeWidth / Math.sqrt(curvature[i * (n + 1)]);
      widths[i] = i === 0 ? width : Math.min(widest, width);
    }
    surrogate.centre();
  }
}

/** Differences between places all over the density that the quadratics give. */
async function tryPairs(
  term: NestedTerm,
  move: ScaleMove,
  program: BoundProgram,
  walkers: readonly Walker[],
): Promise<void> {
  const { dimension: n } = walkers[0].surrogate;
  const trials = walkers.map((walker): Walker => ({ ...walker, x: new Float64Array(n), temper }));
  setSurrogates(program, trials);
  for (let count = Math.round((pointsPerNumber * numberCount(n)) / 2); count > 0; count--) {
    const pair: Scales[][] = [];
    for (let half = 0; half < 2; half++) {
      await walk(program, trials, { trajectories: trajectoriesPerPoint, length: trajectoryLength });
      pair.push(trials.map(({ x, surrogate: { reference } }) => scalesAt(term, reference, x)));
    }
    const [first, second] = await evaluatePair(move, walkers, pair);
    for (const [w, { surrogate }] of walkers.entries())
      surrogate.differences.observe(toCoordinates(pair[0][w]), toCoordinates(pair[1][w]), second[w] - first[w]);
  }
}

/** Slopes, and a triangle of curvatures. */
const numberCount = (dimension: number): number => (dimension * (dimension + 3)) / 2;

/** g and H by ridge regression of differences, shrunk to those of the reference; what the regression before leaves of one decides how much it counts. */
function fitDifferences(surrogate: ScaleSurrogate): void {
  const { dimension: n, slopes, curvature, term, reference } = surrogate;
  const placeOf = (coordinates: Float64Array): Float64Array =>
    displacementsOf(term, coordinatesOf(term, reference, fromCoordinates(term, coordinates)!.scales));
  const seen = surrogate.differences
    .all()
    .map(({ from, to, difference }): Difference => ({ from: placeOf(from), to: placeOf(to), difference }));
  const left = ({ from, to, difference }: Difference): number =>
    difference - quadraticAt(surrogate, to) + quadraticAt(surrogate, from);
  surrogate.toCentre();
  const errors = seen.map(left);
  const units = Float64Array.from({ length: n }, (_, i) => 1 / Math.sqrt(Math.max(curvature[i * (n + 1)], 1)));
  let weights = seen.map(() => 1);
  for (let round = 0; round < rounds; round++) {
    const change = regress(seen, errors, weights, units);
    if (change === undefined) return;
    surrogate.toCentre();
    let next = 0;
    for (let i = 0; i < n; i++) slopes[i] += change[next++] / units[i];
    for (let i = 0; i < n; i++) {
      for (let j = 0; j <= i; j++) {
        const own = change[next++] / (units[i] * units[j]);
        curvature[i * n + j] += own;
        if (i !== j) curvature[j * n + i] += own;
      }
    }
    makeConcave(surrogate);
    weights = seen.map((own) => 1 / (1 + (left(own) / outlyingError) ** 2));
  }
}

/** Change of slopes and curvatures, in units, that explains errors; undefined where it cannot be computed. */
function regress(
  seen: readonly Difference[],
  errors: readonly number[],
  weights: readonly number[],
  units: Float64Array,
): Float64Array | undefined {
  const n = units.length;
  const size = numberCount(n);
  const gram = new Float64Array(size * size);
  const change = new Float64Array(size);
  const row = new Float64Array(size);
  for (const [m, { from, to }] of seen.entries()) {
    let next = 0;
    for (let i = 0; i < n; i++) row[next++] = (to[i] - from[i]) / units[i];
    for (let i = 0; i < n; i++)
      for (let j = 0; j <= i; j++)
        row[next++] = ((i === j ? -0.5 : -1) * (to[i] * to[j] - from[i] * from[j])) / (units[i] * units[j]);
    for (let a = 0; a < size; a++) {
      const weighted = weights[m] * row[a];
      change[a] += weighted * errors[m];
      for (let b = 0; b <= a; b++) gram[a * size + b] += weighted * row[b];
    }
  }
  // Both ends of a difference have an error.
  for (let a = 0; a < size; a++) gram[a * (size + 1)] += 2 * (errorSd / changeSd) ** 2;
  const factor = cholesky(gram, size);
  if (factor === undefined) return undefined;
  solve(factor, change);
  solveTransposed(factor, change);
  return change;
}

function quadraticAt({ dimension: n, slopes, curvature }: ScaleSurrogate, q: Float64Array): number {
  let value = 0;
  for (let i = 0; i < n; i++) {
    let slope = slopes[i];
    for (let j = 0; j < n; j++) slope -= 0.5 * curvature[i * n + j] * q[j];
    value += slope * q[i];
  }
  return value;
}

/** Makes every axis curve downwards, so much that the slope leads no farther than can be believed. */
function makeConcave({ dimension: n, slopes, curvature }: ScaleSurrogate): void {
  const units = Float64Array.from(
    { length: n },
    (_, i) => 1 / Math.sqrt(Math.max(Math.abs(curvature[i * (n + 1)]), 1)),
  );
  const { values: bends, vectors } = symmetricEigensystem(
    curvature.map((x, at) => x * units[Math.floor(at / n)] * units[at % n]),
    n,
  );
  curvature.fill(0);
  for (const [m, vector] of vectors.entries()) {
    const slope = vector.reduce((sum, x, i) => sum + x * units[i] * slopes[i], 0);
    // The first is log σ, which the rows always know.
    const reach = farthest / Math.hypot(...vector.map((x, i) => (i === 0 ? 0 : x * units[i])));
    const bend = Math.max(bends[m], leastBend, Math.abs(slope) / reach);
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) curvature[i * n + j] += (bend * vector[i] * vector[j]) / (units[i] * units[j]);
  }
}
