// Between the sampler of the scales and the listener: draws wait until a few are wanted, whose coefficients are then drawn together.
import type { Draw, Phase } from '../chain.js';
import type { TransitionInfo } from '../kernel.js';
import { type RandomKey, sites, stepKey } from '../random/streams.js';
import type { CoefficientDraws } from './coefficientDraws.js';

interface Waiting<Info> {
  readonly draw: Omit<Draw<Info>, 'position'>;
  /** Place in the coefficient draws; −1 for a draw whose position nobody wants. */
  readonly place: number;
}

interface DrawQueueListener<Info> {
  readonly onDraw: (draw: Draw<Info>) => void;
  readonly wantsDraw?: (chain: number, phase: Phase, index: number) => boolean;
}

const noPosition = new Float64Array(0);

/** Hands draws on in the order in which they come, as positions of the whole model. */
export class DrawQueue<Info = TransitionInfo> {
  private waiting: Waiting<Info>[] = [];
  private wanted = 0;
  private readonly position: Float64Array;

  /** @param warmup transitions of warm-up, which count towards the step of the random stream */
  constructor(
    private readonly coefficients: CoefficientDraws,
    private readonly key: RandomKey,
    private readonly warmup: number,
    private readonly listener: DrawQueueListener<Info>,
  ) {
    this.position = new Float64Array(coefficients.dimension);
  }

  add({ position, ...draw }: Draw<Info>): void {
    const { chain, phase, index } = draw;
    const isWanted = this.listener.wantsDraw?.(chain, phase, index) ?? true;
    if (isWanted) {
      const step = phase === 'warmup' ? index : this.warmup + index;
      this.coefficients.set(this.wanted, position, stepKey(this.key, chain, step).stream(sites.coefficients));
    }
    this.waiting.push({ draw, place: isWanted ? this.wanted++ : -1 });
    if (this.wanted === this.coefficients.capacity) this.flush();
  }

  /** Hands on everything that waits. */
  flush(): void {
    if (this.wanted > 0) this.coefficients.run();
    const { waiting } = this;
    this.waiting = [];
    this.wanted = 0;
    for (const { draw, place } of waiting) {
      if (place >= 0) this.coefficients.read(place, this.position);
      this.listener.onDraw({ ...draw, position: place >= 0 ? this.position : noPosition });
    }
  }
}
