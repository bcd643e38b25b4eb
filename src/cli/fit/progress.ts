// Progress on stderr: a block that is redrawn on a terminal, a plain line every few seconds elsewhere.
import { createLogUpdate } from 'log-update';
import type { Draw, DrawInfo } from '../../inference/index.js';

interface ChainProgress {
  warmup: number;
  draws: number;
  /** Of methods that have them. */
  divergences: number;
  stepSize: number;
  gradients: number;
}

/** Chains that get a line of their own. */
const mostLines = 8;
/** Milliseconds between two reports. */
const interval = { terminal: 200, plain: 5000 } as const;

export class Progress {
  private readonly chains: ChainProgress[];
  /** When the first transition was counted: what a method does before says nothing of how long a draw takes. */
  private started: number | undefined;
  private lastReport = -Infinity;
  private readonly isTerminal = process.stderr.isTTY;
  private readonly update = createLogUpdate(process.stderr);
  /** Transitions that a resumed run had made already. */
  private readonly before: number;

  constructor(
    private readonly warmup: number,
    private readonly draws: number,
    counts: readonly { readonly warmup: number; readonly sampling: number }[],
    /** The method follows trajectories: divergences, step sizes and gradients are shown. */
    private readonly hasTrajectories: boolean,
  ) {
    this.chains = counts.map((count) => ({
      warmup: count.warmup,
      draws: count.sampling,
      divergences: 0,
      stepSize: NaN,
      gradients: 0,
    }));
    this.before = this.done;
  }

  /** Counts a finished transition and reports when it is time. */
  count(draw: Draw<DrawInfo>): void {
    const chain = this.chains[draw.chain];
    if (draw.phase === 'warmup') chain.warmup = draw.index + 1;
    else chain.draws = draw.index + 1;
    const { isDivergent = false, stepSize = NaN, leapfrogSteps = 0 } = draw.info;
    if (draw.phase === 'sampling' && isDivergent) chain.divergences++;
    chain.stepSize = stepSize;
    chain.gradients += leapfrogSteps;
    const now = performance.now();
    this.started ??= now;
    if (now - this.lastReport < (this.isTerminal ? interval.terminal : interval.plain)) return;
    this.lastReport = now;
    this.report();
  }

  /** Prints a last time and leaves the block on the screen. */
  finish(): void {
    this.report();
    if (this.isTerminal) this.update.done();
  }

  private get done(): number {
    return this.chains.reduce((sum, chain) => sum + chain.warmup + chain.draws, 0);
  }

  private report(): void {
    const lines =
      this.chains.length > mostLines ? [this.sum()] : this.chains.map((chain, index) => this.line(chain, index));
    const left = this.timeLeft();
    if (this.isTerminal) this.update([...lines, left].join('\n'));
    else process.stderr.write(`${lines.join(' | ')} | ${left}\n`);
  }

  private line({ warmup, draws, divergences, stepSize, gradients }: ChainProgress, index: number): string {
    const stage =
      draws > 0 || warmup >= this.warmup ? `draws ${draws}/${this.draws}` : `warm-up ${warmup}/${this.warmup}`;
    if (!this.hasTrajectories) return `chain ${index + 1}: ${stage}`;
    return `chain ${index + 1}: ${stage}, ${divergences} divergences, step ${Number.isNaN(stepSize) ? '…' : stepSize.toPrecision(3)}, ${gradients} gradients`;
  }

  /** One line for many chains. */
  private sum(): string {
    const { chains } = this;
    const total = (of: (chain: ChainProgress) => number): number => chains.reduce((sum, chain) => sum + of(chain), 0);
    const [warmup, draws] = [total((chain) => chain.warmup), total((chain) => chain.draws)];
    const stage =
      draws > 0 ? `draws ${draws}/${chains.length * this.draws}` : `warm-up ${warmup}/${chains.length * this.warmup}`;
    if (!this.hasTrajectories) return `${chains.length} chains: ${stage}`;
    return `${chains.length} chains: ${stage}, ${total((chain) => chain.divergences)} divergences, ${total((chain) => chain.gradients)} gradients`;
  }

  private timeLeft(): string {
    const total = this.chains.length * (this.warmup + this.draws);
    const made = this.done - this.before;
    if (this.done >= total) return 'done';
    if (made < 2 || this.started === undefined) return 'starting';
    const seconds = (((performance.now() - this.started) / 1000) * (total - this.done)) / made;
    return seconds < 90 ? `about ${Math.ceil(seconds)} s left` : `about ${Math.ceil(seconds / 60)} min left`;
  }
}
