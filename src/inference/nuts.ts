// The no-U-turn sampler: multinomial, iterative, generalised U-turn criterion (Hoffman & Gelman 2014; Betancourt 2017, app. A).
import type { Kernel, KernelState, TransitionInfo } from './kernel.js';
import { DIVERGENCE_THRESHOLD } from './kernel.js';
import { NutsPlan } from './nutsPlan.js';
import type { Coroutine, PhasePoint, PhaseSpace, Request } from './phaseSpace/requests.js';
import type { RandomStream, StepKey } from './random/streams.js';
import { sites } from './random/streams.js';

export interface NutsOptions {
  /** Doublings after which a trajectory ends: at most 2^maxTreeDepth − 1 leapfrog steps. */
  readonly maxTreeDepth: number;
}

export const defaultNutsOptions: NutsOptions = { maxTreeDepth: 10 };

// State and Info: those of kernel.ts. Within a transition:

/** What was drawn from a stretch of trajectory, and the log of the stretch's total weight Σ exp(H₀ − H). */
interface Proposal {
  readonly point: number;
  readonly energy: number;
  readonly logWeight: number;
}

/** The answered part of a trajectory; its slots are laid out by `NutsPlan`. */
interface Trajectory {
  readonly initialEnergy: number;
  readonly random: RandomStream;
  proposal: Proposal;
  /** Of the finished pieces of the subtree being grown, largest first. */
  readonly pieces: Proposal[];
  /** Doublings completed. */
  depth: number;
  acceptanceSum: number;
  leapfrogSteps: number;
  isDivergent: boolean;
  isTurning: boolean;
}

// Init

/**
 * NUTS over one chain's phase space; slots in use grow with the tree depth, five vectors per level. Plans up to `lookahead`
 * leapfrog steps ahead; draws do not depend on how many.
 */
export function nuts(space: PhaseSpace, { maxTreeDepth }: NutsOptions = defaultNutsOptions): Kernel {
  let trajectory: Trajectory | undefined;
  const plan = new NutsPlan(maxTreeDepth, () =>
    trajectory ? [trajectory.proposal.point, ...trajectory.pieces.map(({ point }) => point)] : [],
  );
  /** Steps of the last transition: as many are planned beyond the doubling under way, for the next one is likely as long. */
  let expectedSteps = 1;

  // Kernel

  function* step(
    key: StepKey,
    state: KernelState,
    stepSize: number,
  ): Coroutine<readonly [KernelState, TransitionInfo]> {
    trajectory = undefined;
    const start = plan.begin(state.point, stepSize, key.stream(sites.direction));
    let requests: Request[] = [{ kind: 'refresh', at: start, stream: key.stream(sites.momentum) }];
    do {
      const steps = Math.max(plan.remaining, expectedSteps - (trajectory?.leapfrogSteps ?? 0));
      plan.append(Math.min(space.lookahead, steps), requests);
      const answers = yield requests;
      let next = 0;
      trajectory ??= startTrajectory(start, answers[next++], key.stream(sites.trajectory));
      for (; next < requests.length && !hasEnded(trajectory); next++) apply(trajectory, requests[next], answers[next]);
      requests = [];
    } while (plan.remaining > 0 && !hasEnded(trajectory));
    const { proposal, depth, leapfrogSteps, acceptanceSum, isDivergent } = trajectory;
    expectedSteps = leapfrogSteps;
    return [
      { point: proposal.point },
      {
        logDensity: space.logDensityAt(proposal.point),
        energy: proposal.energy,
        acceptanceRate: acceptanceSum / leapfrogSteps,
        stepSize,
        treeDepth: depth,
        leapfrogSteps,
        isDivergent,
        reachedMaxTreeDepth: depth >= maxTreeDepth,
      },
    ];
  }

  return { step };
}

// Helpers

function startTrajectory({ point }: PhasePoint, initialEnergy: number, random: RandomStream): Trajectory {
  return {
    initialEnergy,
    random,
    proposal: { point, energy: initialEnergy, logWeight: 0 },
    pieces: [],
    depth: 0,
    acceptanceSum: 0,
    leapfrogSteps: 0,
    isDivergent: false,
    isTurning: false,
  };
}

function hasEnded({ isDivergent, isTurning }: Trajectory): boolean {
  return isDivergent || isTurning;
}

/** Takes the next answer in: a step adds a leaf, a turning test joins two pieces, or a complete subtree to the tree. */
function apply(trajectory: Trajectory, request: Request, answer: number): void {
  if (request.kind === 'leapfrog') addLeaf(trajectory, request.to.point, answer);
  else if (trajectory.pieces.length > 1) joinPieces(trajectory, answer);
  else joinSubtree(trajectory, answer);
}

function addLeaf(trajectory: Trajectory, point: number, energy: number): void {
  const { initialEnergy, pieces } = trajectory;
  trajectory.leapfrogSteps++;
  if (!(energy - initialEnergy <= DIVERGENCE_THRESHOLD)) {
    trajectory.isDivergent = true;
    return;
  }
  trajectory.acceptanceSum += Math.min(1, Math.exp(initialEnergy - energy));
  pieces.push({ point, energy, logWeight: initialEnergy - energy });
}

/** A subtree that turns within ends the trajectory and is left out. */
function joinPieces(trajectory: Trajectory, turningProduct: number): void {
  const { pieces, random } = trajectory;
  const right = pieces.pop()!;
  const left = pieces.pop()!;
  const logWeight = logAddExp(left.logWeight, right.logWeight);
  const { point, energy } = random.bernoulli(Math.exp(right.logWeight - logWeight)) ? right : left;
  pieces.push({ point, energy, logWeight });
  trajectory.isTurning = !(turningProduct > 0);
}

/** A doubling that is complete counts even if the trajectory turns with it. */
function joinSubtree(trajectory: Trajectory, turningProduct: number): void {
  const { proposal, pieces, random } = trajectory;
  const subtree = pieces.pop()!;
  trajectory.depth++;
  // Biased progressive sampling: the new half is preferred, which leaves the target invariant all the same.
  const { point, energy } = random.bernoulli(Math.exp(subtree.logWeight - proposal.logWeight)) ? subtree : proposal;
  trajectory.proposal = { point, energy, logWeight: logAddExp(proposal.logWeight, subtree.logWeight) };
  trajectory.isTurning = !(turningProduct > 0);
}

function logAddExp(a: number, b: number): number {
  const larger = Math.max(a, b);
  return larger === -Infinity ? larger : larger + Math.log1p(Math.exp(Math.min(a, b) - larger));
}
