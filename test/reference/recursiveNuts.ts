// The recursive no-U-turn sampler, written straight from its definition: the oracle of the iterative one.
import type { RandomStream, StepKey } from '../../src/inference/random/streams.js';
import { sites } from '../../src/inference/random/streams.js';

/** Log density at `position`, gradient written to `gradient`. */
type Density = (position: Float64Array, gradient: Float64Array) => number;

interface State {
  readonly q: Float64Array;
  readonly p: Float64Array;
  readonly gradient: Float64Array;
  readonly energy: number;
}

/** A binary tree over consecutive states, in order of integration. */
interface Tree {
  readonly first: State;
  readonly last: State;
  readonly sum: Float64Array;
  readonly proposal: State;
  readonly logWeight: number;
}

export interface RecursiveTransition {
  readonly position: Float64Array;
  readonly energy: number;
  readonly treeDepth: number;
  readonly leapfrogSteps: number;
  readonly isDivergent: boolean;
  readonly acceptanceRate: number;
}

/**
 * One transition (Betancourt 2017, appendix A.3; extra checks across subtrees as in Stan 2.21+) from `position`, with a diagonal
 * inverse mass. Uses the streams `momentum`, `direction` (one per doubling) and `trajectory` of the key: the joins of the
 * subtree in post-order, then the choice between old and new half.
 */
export function recursiveNuts(
  density: Density,
  position: Float64Array,
  inverseMass: Float64Array,
  stepSize: number,
  maxTreeDepth: number,
  key: StepKey,
): RecursiveTransition {
  const random: RandomStream = key.stream(sites.trajectory);
  const directions: RandomStream = key.stream(sites.direction);
  const momentum = new Float64Array(position.length);
  key.stream(sites.momentum).fillNormal(momentum);
  const state = (q: Float64Array, p: Float64Array): State => {
    const gradient = new Float64Array(q.length);
    const energy = p.reduce((sum, value, i) => sum + (inverseMass[i] * value * value) / 2, 0) - density(q, gradient);
    return { q, p, gradient, energy: Number.isNaN(energy) ? Infinity : energy };
  };
  const start = state(
    position,
    momentum.map((z, i) => z / Math.sqrt(inverseMass[i])),
  );
  let [leapfrogSteps, acceptanceSum, isDivergent] = [0, 0, false];

  const leapfrog = ({ q, p, gradient }: State, epsilon: number): State => {
    const half = p.map((value, i) => value + (epsilon / 2) * gradient[i]);
    const moved = q.map((value, i) => value + epsilon * inverseMass[i] * half[i]);
    const there = state(moved, half);
    const kicked = half.map((value, i) => value + (epsilon / 2) * there.gradient[i]);
    return { ...state(moved, kicked) };
  };
  const dot = (p: Float64Array, rho: Float64Array) =>
    p.reduce((sum, value, i) => sum + inverseMass[i] * value * rho[i], 0);
  const add = (a: Float64Array, b: Float64Array) => a.map((value, i) => value + b[i]);
  const goesOn = (a: State, b: State, rho: Float64Array) => dot(a.p, rho) > 0 && dot(b.p, rho) > 0;
  const isTurning = (left: Tree, right: Tree) =>
    !(
      goesOn(left.first, right.last, add(left.sum, right.sum)) &&
      goesOn(left.first, right.first, add(left.sum, right.first.p)) &&
      goesOn(left.last, right.last, add(right.sum, left.last.p))
    );
  const logSum = (a: number, b: number) => Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)));

  const build = (from: State, depth: number, epsilon: number): Tree | undefined => {
    if (depth === 0) {
      const leaf = leapfrog(from, epsilon);
      leapfrogSteps++;
      isDivergent = !(leaf.energy - start.energy <= 1000);
      if (isDivergent) return undefined;
      acceptanceSum += Math.min(1, Math.exp(start.energy - leaf.energy));
      return { first: leaf, last: leaf, sum: leaf.p, proposal: leaf, logWeight: start.energy - leaf.energy };
    }
    const left = build(from, depth - 1, epsilon);
    const right = left && build(left.last, depth - 1, epsilon);
    if (!left || !right) return undefined;
    const logWeight = logSum(left.logWeight, right.logWeight);
    const proposal = random.bernoulli(Math.exp(right.logWeight - logWeight)) ? right.proposal : left.proposal;
    if (isTurning(left, right)) return undefined;
    return { first: left.first, last: right.last, sum: add(left.sum, right.sum), proposal, logWeight };
  };

  let tree: Tree = { first: start, last: start, sum: start.p, proposal: start, logWeight: 0 };
  let depth = 0;
  while (depth < maxTreeDepth) {
    const isForward = directions.bernoulli(0.5);
    const grown = build(isForward ? tree.last : tree.first, depth, isForward ? stepSize : -stepSize);
    if (!grown) break;
    depth++;
    const proposal = random.bernoulli(Math.exp(grown.logWeight - tree.logWeight)) ? grown.proposal : tree.proposal;
    const [left, right] = isForward ? [tree, grown] : [{ ...grown, first: grown.last, last: grown.first }, tree];
    const logWeight = logSum(left.logWeight, right.logWeight);
    const stops = isTurning(left, right);
    tree = { first: left.first, last: right.last, sum: add(left.sum, right.sum), proposal, logWeight };
    if (stops) break;
  }
  const { q, energy } = tree.proposal;
  return {
    position: q,
    energy,
    treeDepth: depth,
    leapfrogSteps,
    isDivergent,
    acceptanceRate: acceptanceSum / leapfrogSteps,
  };
}
