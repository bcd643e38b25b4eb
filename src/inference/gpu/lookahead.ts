// How many leapfrog steps are worth planning at once, from what batches have cost so far.

/** Batches of a length that have to be seen before it counts. */
const enough = 3;
/** Steps planned in vain, per step planned beyond the first, as a share: with 16 planned about every second one is used. */
const vain = 1 / 16;

/**
 * A batch of L steps takes a + b L: the round trip to the device, and the steps. Of steps that are planned ahead some are in vain,
 * because a trajectory ends or another chain's list is longer: 1 + (L − 1)/16 steps are taken for one that is used. The cost of a
 * used step, (a/L + b)(1 + (L − 1)/16), is least at L = √(15 a/b). So a gradient that takes a millisecond is planned
 * singly, and one that takes less than the round trip in long lists. Draws do not depend on it.
 */
export class Lookahead {
  /** Shortest time of a batch, by rounds: everything else that goes on only adds to it. */
  private readonly shortest: number[] = [];
  private readonly seen: number[] = [];

  constructor(
    /** What the slots suffice for. */
    private readonly most: number,
  ) {}

  /** Takes in a batch of `rounds` rounds of gradients that took `milliseconds`. */
  observe(rounds: number, milliseconds: number): void {
    if (rounds === 0) return;
    this.shortest[rounds] = Math.min(milliseconds, this.shortest[rounds] ?? Infinity);
    this.seen[rounds] = (this.seen[rounds] ?? 0) + 1;
  }

  /** Best number of steps; the most there is room for until batches of two lengths have been seen. */
  get steps(): number {
    const known = Object.keys(this.seen)
      .map(Number)
      .filter((rounds) => this.seen[rounds] >= enough);
    if (known.length < 2) return this.most;
    const [few, many] = [known[0], known[known.length - 1]];
    const perRound = (this.shortest[many] - this.shortest[few]) / (many - few);
    const roundTrip = this.shortest[few] - perRound * few;
    if (!(perRound > 0)) return this.most;
    const best = Math.sqrt(Math.max(0, (1 / vain - 1) * roundTrip) / perRound);
    return Math.min(this.most, Math.max(1, Math.round(best)));
  }
}
