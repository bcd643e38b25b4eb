// Learns the quadratic that stands for the likelihood of a term's scales: from differences of values, then from values all over its density.
import type { NestedTerm } from '../../../models/linearHierarchy/structure.js';
import { cholesky, solve, solveTransposed } from '../../linearAlgebra.js';
import { symmetricEigensystem } from '../../symmetricEigensystem.js';
import type { BoundProgram } from '../program.js';
import type { ScaleMove, Scales } from '../scaleMove.js';
import { coordinatesOf, displacedScales, displacementsOf, scalesAt } from './coordinates.js';
import type { ScaleSurrogate } from './scaleSurrogate.js';
import { tuneWalks } from './tuneWalks.js';
import { setSurrogates, trajectoryLength, walk, type Walker } from './walk.js';

/** A surrogate that learns, and states of its chain that it is to fit besides. */
export interface LearningWalker extends Walker {
  readonly states: readonly Scales[];
}

/** Displacement of differences where the curvature is known: in standard deviations, and at most. */
const [relativeWidth, widest] = [0.5, 0.3];
/** How far along an axis of the quadratic the slope may lead, in displacements, and how much an axis curves downwards at least. */
const [farthest, leastBend] = [20, 1e-3];
/** Points for each number of the quadratic, of the density that it gives when it is multiplied with this. */
const [pointsPerNumber, temper, trajectoriesPerPoint] = [0.7, 0.85, 3];
/** Standard deviations of a fit: of what no quadratic can say, and of slopes and curvatures around those by differences, in units in which curvatures are 1. */
const [errorSd, changeSd] = [0.2, 0.3];

/**
 * Learns anew around the references, at what the move's program holds of the rows.
 * @param program that of the surrogate
 */
export async function learnSurrogates(
  term: NestedTerm,
  move: ScaleMove,
  program: BoundProgram,
  walkers: readonly LearningWalker[],
): Promise<void> {
  await fitDifferences(term, move, walkers);
  await tuneWalks(program, walkers);
  await fitPoints(term, move, program, walkers);
  await tuneWalks(program, walkers);
  for (const { surrogate } of walkers) surrogate.end();
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
async function fitDifferences(term: NestedTerm, move: ScaleMove, walkers: readonly LearningWalker[]): Promise<void> {
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
        return displacedScales(term, reference, displacements);
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
  }
}

/** g and H by regression, shrunk to those of the differences, on values at states of the chains and all over the density that those give. */
async function fitPoints(
  term: NestedTerm,
  move: ScaleMove,
  program: BoundProgram,
  walkers: readonly LearningWalker[],
): Promise<void> {
  const { dimension: n } = walkers[0].surrogate;
  const least = Math.min(...walkers.map(({ states }) => states.length));
  const fromStates = least - (least % 2);
  const fromWalk = 2 * Math.round((pointsPerNumber * (n * (n + 3))) / 4);
  setSurrogates(program, walkers, temper);
  const trials = walkers.map((walker): Walker => ({ ...walker, x: new Float64Array(n) }));
  const points = walkers.map((): Float64Array[] => []);
  const values = walkers.map((): number[] => []);
  for (let first = 0; first < fromStates + fromWalk; first += 2) {
    const pair: Scales[][] = [];
    for (const half of [0, 1]) {
      const isState = first < fromStates;
      if (!isState) await walk(program, trials, { trajectories: trajectoriesPerPoint, length: trajectoryLength });
      const at = walkers.map(({ surrogate, states }, w) =>
        isState ? coordinatesOf(term, surrogate.reference, states[first + half]) : trials[w].x,
      );
      for (const [w, x] of at.entries()) points[w].push(displacementsOf(term, x));
      pair.push(at.map((x, w) => scalesAt(term, walkers[w].surrogate.reference, x)));
    }
    for (const found of await evaluatePair(move, walkers, pair))
      for (const [w, value] of found.entries()) values[w].push(value);
  }
  for (const [w, { surrogate }] of walkers.entries()) regress(surrogate, points[w], values[w]);
}

/** Ridge regression of what the quadratic leaves of the values, with an intercept. */
function regress(surrogate: ScaleSurrogate, points: readonly Float64Array[], values: readonly number[]): void {
  const { dimension: n, slopes, curvature } = surrogate;
  const size = 1 + (n * (n + 3)) / 2;
  const units = Float64Array.from({ length: n }, (_, i) => 1 / Math.sqrt(Math.max(curvature[i * (n + 1)], 1)));
  const errors = points.map((q, m) => values[m] - quadraticAt(surrogate, q));
  const level = errors.reduce((sum, e) => sum + e, 0) / errors.length;
  const gram = new Float64Array(size * size);
  const change = new Float64Array(size);
  const row = new Float64Array(size);
  for (const [m, q] of points.entries()) {
    row[0] = 1;
    let next = 1;
    for (let i = 0; i < n; i++) row[next++] = q[i] / units[i];
    for (let i = 0; i < n; i++)
      for (let j = 0; j <= i; j++) row[next++] = ((i === j ? -0.5 : -1) * q[i] * q[j]) / (units[i] * units[j]);
    for (let a = 0; a < size; a++) {
      change[a] += row[a] * (errors[m] - level);
      for (let b = 0; b <= a; b++) gram[a * size + b] += row[a] * row[b];
    }
  }
  for (let a = 1; a < size; a++) gram[a * (size + 1)] += (errorSd / changeSd) ** 2;
  const factor = cholesky(gram, size);
  if (factor === undefined) return;
  solve(factor, change);
  solveTransposed(factor, change);
  let next = 1;
  for (let i = 0; i < n; i++) slopes[i] += change[next++] / units[i];
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      const own = change[next++] / (units[i] * units[j]);
      curvature[i * n + j] += own;
      if (i !== j) curvature[j * n + i] += own;
    }
  }
  makeConcave(surrogate);
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
