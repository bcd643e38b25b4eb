// Snapshots of a run under way: taken between two batches, when they fit the draws handed out.
interface Waiting<Snapshot> {
  readonly resolve: (snapshot: Snapshot) => void;
  readonly reject: (error: unknown) => void;
}

/** Who wants a snapshot, and when the next one is due. */
export class Checkpoints<Snapshot> {
  private isRunning = false;
  private isAsked = false;
  private waiting: Waiting<Snapshot>[] = [];
  private last = 0;

  /**
   * @param latest snapshot of the run before it begins
   * @param take makes a snapshot; called between batches only
   * @param interval milliseconds between two calls of `onCheckpoint`, at least
   */
  constructor(
    private latest: Snapshot,
    private readonly take: () => Promise<Snapshot>,
    private readonly onCheckpoint: ((snapshot: Snapshot) => void | Promise<void>) | undefined,
    private readonly interval = Infinity,
  ) {}

  /** The next snapshot that is taken; before and after the run, its state then. */
  snapshot(): Promise<Snapshot> {
    if (!this.isRunning) return Promise.resolve(this.latest);
    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
  }

  /** Asks for a checkpoint out of turn. */
  ask(): void {
    this.isAsked = true;
  }

  begin(): void {
    this.isRunning = true;
    this.last = performance.now();
  }

  areDue(now: number): boolean {
    return this.isAsked || this.waiting.length > 0 || now - this.last >= this.interval;
  }

  /** Takes a snapshot and hands it to all who want one. */
  async serve(): Promise<void> {
    const { waiting } = this;
    const isCheckpoint = this.isAsked || performance.now() - this.last >= this.interval;
    this.waiting = [];
    this.isAsked = false;
    try {
      const snapshot = await this.take();
      for (const { resolve } of waiting) resolve(snapshot);
      if (!isCheckpoint) return;
      await this.onCheckpoint?.(snapshot);
      this.last = performance.now();
    } catch (error) {
      for (const { reject } of waiting) reject(error);
      throw error;
    }
  }

  end(snapshot: Snapshot): void {
    this.isRunning = false;
    this.latest = snapshot;
    for (const { resolve } of this.waiting) resolve(snapshot);
    this.waiting = [];
  }

  fail(error: unknown): void {
    this.isRunning = false;
    for (const { reject } of this.waiting) reject(error);
    this.waiting = [];
  }
}
