// The no-U-turn sampler: multinomial, iterative, generalised U-turn criterion (Hoffman & Gelman 2014; Betancourt 2017, app. A).
import type { Kernel, KernelState, TransitionInfo } from './kernel.js';
import { DIVERGENCE_THRESHOLD } from './kernel.js';
import type { Coroutine, MomentumSpan, PhasePoint, PhaseSpace } from './phaseSpace/singleRequests.js';
import { SlotPool } from './phaseSpace/slotPool.js';
import type { RandomStream, StepKey } from './random/streams.js';
import { sites } from './random/streams.js';

export interface NutsOptions {
  /** Doublings after which a trajectory ends: at most 2^maxTreeDepth − 1 leapfrog steps. */
  readonly maxTreeDepth: number;
}

export const defaultNutsOptions: NutsOptions = { maxTreeDepth: 10 };

// State and Info: those of kernel.ts. Within a transition:

/** A stretch of trajectory: its momenta, the state drawn from it, and the log of its total weight Σ exp(H₀ − H). */
interface Tree extends MomentumSpan {
  readonly proposal: number;
  readonly proposalEnergy: number;
  readonly logWeight: number;
}

/** One transition under way. */
interface Trajectory {
  readonly start: PhasePoint;
  readonly initialEnergy: number;
  readonly random: RandomStream;
  backward: PhasePoint;
  forward: PhasePoint;
  tree: Tree;
  /** Finished pieces of the subtree being grown, largest first; their sizes are the binary digits of its leaf count. */
  readonly pieces: Tree[];
  acceptanceSum: number;
  leapfrogSteps: number;
  isDivergent: boolean;
}

// Init

/** NUTS over one chain's phase space; slots in use grow with the tree depth, five vectors per level. */
export function nuts(space: PhaseSpace, { maxTreeDepth }: NutsOptions = defaultNutsOptions): Kernel {
  const [points, momenta] = [new SlotPool(), new SlotPool()];

  // Kernel

  function* step(
    key: StepKey,
    state: KernelState,
    stepSize: number,
  ): Coroutine<readonly [KernelState, TransitionInfo]> {
    points.keepOnly([state.point]);
    momenta.keepOnly([]);
    const start: PhasePoint = { point: state.point, momentum: momenta.acquire(() => []) };
    const initialEnergy = yield { kind: 'refresh', at: start, stream: key.stream(sites.momentum) };
    const random = key.stream(sites.trajectory);
    const trajectory = startTrajectory(start, initialEnergy, random);
    let depth = 0;
    let isTurning = false;
    while (depth < maxTreeDepth && !isTurning) {
      const isForward = random.bernoulli(0.5);
      const subtree = yield* grow(trajectory, depth, isForward ? stepSize : -stepSize);
      if (!subtree) break;
      depth++;
      // Biased progressive sampling: the new half is preferred, which leaves the target invariant all the same.
      const { tree } = trajectory;
      const chosen = random.bernoulli(Math.exp(subtree.logWeight - tree.logWeight)) ? subtree : tree;
      const [left, right] = isForward ? [tree, subtree] : [reversed(subtree), tree];
      const sum = momenta.acquire(() => liveMomenta(trajectory, subtree));
      isTurning = !((yield { kind: 'turning', left, right, sum }) > 0);
      trajectory.tree = joined(left, right, sum, chosen);
    }
    const { tree, leapfrogSteps, acceptanceSum, isDivergent } = trajectory;
    return [
      { point: tree.proposal },
      {
        logDensity: space.logDensityAt(tree.proposal),
        energy: tree.proposalEnergy,
        acceptanceRate: acceptanceSum / leapfrogSteps,
        stepSize,
        treeDepth: depth,
        leapfrogSteps,
        isDivergent,
        reachedMaxTreeDepth: depth >= maxTreeDepth,
      },
    ];
  }

  /**
   * Extends the trajectory by 2^depth leapfrog steps and returns them as a tree in order of integration; undefined when
   * a step diverges or any of the binary subtrees turns back on itself. Two pieces of equal size are joined as soon as
   * both exist, which is the order in which the recursive definition finishes its subtrees.
   */
  function* grow(trajectory: Trajectory, depth: number, stepSize: number): Coroutine<Tree | undefined> {
    const { pieces, random, initialEnergy } = trajectory;
    pieces.length = 0;
    for (let leaf = 0; leaf < 2 ** depth; leaf++) {
      const from = stepSize > 0 ? trajectory.forward : trajectory.backward;
      const to: PhasePoint = {
        point: points.acquire(() => livePoints(trajectory)),
        momentum: momenta.acquire(() => liveMomenta(trajectory)),
      };
      const energy = yield { kind: 'leapfrog', from, to, stepSize };
      trajectory.leapfrogSteps++;
      if (!(energy - initialEnergy <= DIVERGENCE_THRESHOLD)) {
        trajectory.isDivergent = true;
        return undefined;
      }
      trajectory.acceptanceSum += Math.min(1, Math.exp(initialEnergy - energy));
      if (stepSize > 0) trajectory.forward = to;
      else trajectory.backward = to;
      pieces.push(leafTree(to, energy, initialEnergy - energy));
      for (let joins = trailingOnes(leaf); joins > 0; joins--) {
        const sum = momenta.acquire(() => liveMomenta(trajectory));
        const right = pieces.pop()!;
        const left = pieces.pop()!;
        const logWeight = logAddExp(left.logWeight, right.logWeight);
        const chosen = random.bernoulli(Math.exp(right.logWeight - logWeight)) ? right : left;
        if (!((yield { kind: 'turning', left, right, sum }) > 0)) return undefined;
        pieces.push(joined(left, right, sum, chosen));
      }
    }
    return pieces.pop();
  }

  return { step };
}

// Helpers

function startTrajectory(start: PhasePoint, initialEnergy: number, random: RandomStream): Trajectory {
  return {
    start,
    initialEnergy,
    random,
    backward: start,
    forward: start,
    tree: leafTree(start, initialEnergy, 0),
    pieces: [],
    acceptanceSum: 0,
    leapfrogSteps: 0,
    isDivergent: false,
  };
}

function leafTree({ point, momentum }: PhasePoint, energy: number, logWeight: number): Tree {
  return { begin: momentum, end: momentum, sum: momentum, proposal: point, proposalEnergy: energy, logWeight };
}

function joined(left: Tree, right: Tree, sum: number, { proposal, proposalEnergy }: Tree): Tree {
  const logWeight = logAddExp(left.logWeight, right.logWeight);
  return { begin: left.begin, end: right.end, sum, proposal, proposalEnergy, logWeight };
}

/** A tree grown backwards, in order of time. */
function reversed(tree: Tree): Tree {
  return { ...tree, begin: tree.end, end: tree.begin };
}

function livePoints({ start, backward, forward, tree, pieces }: Trajectory): number[] {
  return [start.point, backward.point, forward.point, tree.proposal, ...pieces.map((piece) => piece.proposal)];
}

function liveMomenta({ backward, forward, tree, pieces }: Trajectory, subtree: Tree = tree): number[] {
  const live = [backward.momentum, forward.momentum, tree.begin, tree.end, tree.sum];
  for (const { begin, end, sum } of [subtree, ...pieces]) live.push(begin, end, sum);
  return live;
}

/** Number of ones at the low end of a binary number: how many equal-sized pieces leaf number `count` completes. */
function trailingOnes(count: number): number {
  return 31 - Math.clz32(~count & (count + 1));
}

function logAddExp(a: number, b: number): number {
  const larger = Math.max(a, b);
  return larger === -Infinity ? larger : larger + Math.log1p(Math.exp(Math.min(a, b) - larger));
}
