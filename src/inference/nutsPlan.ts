// The shape of a NUTS trajectory: which slots every leapfrog step and turning test uses, known before any of them is answered.
import type { SlotCounts } from './phaseSpace/phaseSpaces.js';
import type { MomentumSpan, PhasePoint, Request } from './phaseSpace/requests.js';
import { SlotPool } from './phaseSpace/slotPool.js';
import type { RandomStream } from './random/streams.js';

/** Slots of the points and momenta of one chain, which recycle what a trajectory no longer refers to. */
export interface NutsSlots {
  readonly points: SlotPool;
  readonly momenta: SlotPool;
}

export const nutsSlots = (): NutsSlots => ({ points: new SlotPool(), momenta: new SlotPool() });

/**
 * Bound on the slots in use. Points: start, two ends, the current draw, one proposal per piece, and what is planned but not
 * answered. Momenta: two ends and a sum of the tree, of the subtree and of every piece.
 */
export function nutsSlotCounts(maxTreeDepth: number, lookahead: number): SlotCounts {
  return { points: maxTreeDepth + 5 + lookahead, momenta: 3 * maxTreeDepth + 9 };
}

/**
 * Lays out a trajectory step by step. It depends on the directions alone, which come from a random stream of their own, so
 * it may run ahead of the answers by any number of steps; whatever turns or diverges ends the trajectory, and then nothing
 * of the plan beyond is referred to any more. The part that depends on the answers is in nuts.ts.
 */
export class NutsPlan {
  /** Doublings laid out. */
  private depth = 0;
  /** Leapfrog steps of the doubling under way. */
  private leaves = 0;
  private isForward = false;
  private backward: PhasePoint;
  private forward: PhasePoint;
  private tree: MomentumSpan;
  /** Finished pieces of the subtree under way, largest first; their sizes are the binary digits of its leaf count. */
  private readonly pieces: MomentumSpan[] = [];
  /** Points of steps whose answers are not known yet. */
  private readonly planned: number[] = [];

  /**
   * @param drawn points that the answers so far have left as candidates for the draw
   */
  constructor(
    private readonly start: PhasePoint,
    private readonly stepSize: number,
    private readonly maxTreeDepth: number,
    private readonly directions: RandomStream,
    private readonly slots: NutsSlots,
    private readonly drawn: () => readonly number[],
  ) {
    this.backward = this.forward = start;
    this.tree = leaf(start.momentum);
  }

  /** Leapfrog steps that complete the doubling under way, or the next one; 0 when all doublings are laid out. */
  get remaining(): number {
    return this.depth < this.maxTreeDepth ? 2 ** this.depth - this.leaves : 0;
  }

  /** Appends leapfrog steps, as many as there may still be, each with the turning tests that fall after it. */
  append(steps: number, requests: Request[]): void {
    this.planned.length = 0;
    for (let step = 0; step < steps && this.depth < this.maxTreeDepth; step++) this.appendStep(requests);
  }

  private appendStep(requests: Request[]): void {
    const { slots, pieces } = this;
    if (this.leaves === 0) this.isForward = this.directions.bernoulli(0.5);
    const from = this.isForward ? this.forward : this.backward;
    const to: PhasePoint = {
      point: slots.points.acquire(this.livePoints),
      momentum: slots.momenta.acquire(this.liveMomenta),
    };
    requests.push({ kind: 'leapfrog', from, to, stepSize: this.isForward ? this.stepSize : -this.stepSize });
    this.planned.push(to.point);
    if (this.isForward) this.forward = to;
    else this.backward = to;
    pieces.push(leaf(to.momentum));
    // Two pieces of equal size are joined as soon as both exist: the order in which the recursion finishes its subtrees.
    for (let joins = trailingOnes(this.leaves); joins > 0; joins--) {
      const sum = slots.momenta.acquire(this.liveMomenta);
      const right = pieces.pop()!;
      pieces.push(this.join(pieces.pop()!, right, sum, requests));
    }
    if (++this.leaves < 2 ** this.depth) return;
    const sum = slots.momenta.acquire(this.liveMomenta);
    const subtree = pieces.pop()!;
    this.tree = this.isForward
      ? this.join(this.tree, subtree, sum, requests)
      : this.join({ ...subtree, begin: subtree.end, end: subtree.begin }, this.tree, sum, requests);
    this.depth++;
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
