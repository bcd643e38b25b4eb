// The shape of a NUTS trajectory: which slots every leapfrog step and turning test uses, known before any of them is answered.
import type { SlotCounts } from './phaseSpace/phaseSpaces.js';
import type { MomentumSpan, PhasePoint, Request } from './phaseSpace/requests.js';
import { SlotPool } from './phaseSpace/slotPool.js';
import type { RandomStream } from './random/streams.js';

/**
 * Bound on the slots in use. Points: start, the other end, the current draw, one proposal per piece (at most maxTreeDepth − 1 at once), and
 * what is planned but not answered. Momenta: two ends and a sum of the tree and of every piece, and the sum that joins two of them.
 */
export function nutsSlotCounts(maxTreeDepth: number, lookahead: number): SlotCounts {
  return { points: maxTreeDepth + 2 + lookahead, momenta: 3 * maxTreeDepth + 1 };
}

/**
 * Lays out one chain's trajectories step by step, in slots that it recycles. A plan depends on the directions alone, which
 * come from a random stream of their own, so it may run ahead of the answers by any number of steps; whatever turns or
 * diverges ends the trajectory, and then nothing of the plan beyond is referred to any more. The part that depends on the
 * answers is in nuts.ts.
 */
export class NutsPlan {
  private stepSize = 0;
  private directions: RandomStream | undefined;
  /** Doublings laid out. */
  private depth = 0;
  /** Leapfrog steps of the doubling under way: 2^depth. */
  private size = 1;
  /** Those laid out. */
  private leaves = 0;
  private isForward = true;
  private start: PhasePoint = { point: 0, momentum: 0 };
  private backward = this.start;
  private forward = this.start;
  private tree: MomentumSpan = leaf(0);
  /** Finished pieces of the subtree under way, largest first; their sizes are the binary digits of its leaf count. */
  private pieces: MomentumSpan[] = [];
  /** Points of steps whose answers are not known yet. */
  private planned: number[] = [];
  private readonly points = new SlotPool();
  private readonly momenta = new SlotPool();

  /** @param drawn points that the answers so far have left as candidates for the draw */
  constructor(
    private readonly maxTreeDepth: number,
    private readonly drawn: () => readonly number[],
  ) {}

  /** Begins a trajectory at an evaluated point, whose slot is left as it is; gives it a momentum's slot. */
  begin(point: number, stepSize: number, directions: RandomStream): PhasePoint {
    this.points.keepOnly([point]);
    this.momenta.keepOnly([]);
    this.start = this.backward = this.forward = { point, momentum: this.momenta.acquire(() => []) };
    this.stepSize = stepSize;
    this.directions = directions;
    this.depth = 0;
    this.size = 1;
    this.leaves = 0;
    this.tree = leaf(this.start.momentum);
    this.pieces = [];
    return this.start;
  }

  /** Leapfrog steps that complete the doubling under way, or the next one; 0 when all doublings are laid out. */
  get remaining(): number {
    return this.depth < this.maxTreeDepth ? this.size - this.leaves : 0;
  }

  /** Appends leapfrog steps, as many as there may still be, each with the turning tests that fall after it. */
  append(steps: number, requests: Request[]): void {
    this.planned = [];
    for (let step = 0; step < steps && this.depth < this.maxTreeDepth; step++) this.appendStep(requests);
  }

  private appendStep(requests: Request[]): void {
    const { pieces, points, momenta } = this;
    if (this.leaves === 0) this.isForward = this.directions!.bernoulli(0.5);
    const from = this.isForward ? this.forward : this.backward;
    const to: PhasePoint = {
      point: points.acquire(this.livePoints),
      momentum: momenta.acquire(this.liveMomenta),
    };
    requests.push({ kind: 'leapfrog', from, to, stepSize: this.isForward ? this.stepSize : -this.stepSize });
    this.planned.push(to.point);
    if (this.isForward) this.forward = to;
    else this.backward = to;
    pieces.push(leaf(to.momentum));
    // Two pieces of equal size are joined as soon as both exist: the order in which the recursion finishes its subtrees.
    for (let joins = trailingOnes(this.leaves); joins > 0; joins--) {
      const sum = momenta.acquire(this.liveMomenta);
      const right = pieces.pop()!;
      pieces.push(this.join(pieces.pop()!, right, sum, requests));
    }
    if (++this.leaves < this.size) return;
    const sum = momenta.acquire(this.liveMomenta);
    const subtree = pieces.pop()!;
    this.tree = this.isForward
      ? this.join(this.tree, subtree, sum, requests)
      : this.join({ ...subtree, begin: subtree.end, end: subtree.begin }, this.tree, sum, requests);
    this.depth++;
    this.size *= 2;
    this.leaves = 0;
  }

  private join(left: MomentumSpan, right: MomentumSpan, sum: number, requests: Request[]): MomentumSpan {
    requests.push({ kind: 'turning', left, right, sum });
    return { begin: left.begin, end: right.end, sum };
  }

  private readonly livePoints = (): number[] => [
    this.start.point,
    this.backward.point,
    this.forward.point,
    ...this.planned,
    ...this.drawn(),
  ];

  private readonly liveMomenta = (): number[] => {
    const live = [this.backward.momentum, this.forward.momentum];
    for (const { begin, end, sum } of [this.tree, ...this.pieces]) live.push(begin, end, sum);
    return live;
  };
}

function leaf(momentum: number): MomentumSpan {
  return { begin: momentum, end: momentum, sum: momentum };
}

/** Number of ones at the low end of a binary number: how many equal-sized pieces leaf number `count` completes. */
function trailingOnes(count: number): number {
  return 31 - Math.clz32(~count & (count + 1));
}
