// Wall-clock seconds of a fit by stage.
import type { SavedState } from './drawSink.js';

/** Wall-clock seconds by stage; warm-up and sampling go on from a checkpoint. */
export class Clock {
  private readonly started = performance.now();
  private last = this.started;
  private readonly stages = { load: 0, compile: 0 };
  readonly sampler = { warmup: 0, sampling: 0 };
  private before: number | undefined;

  lap(stage: 'load' | 'compile'): void {
    this.stages[stage] = this.take();
  }

  /** Takes up the seconds of a checkpoint; undefined where there is none. */
  resume(saved: SavedState['seconds'] | undefined): void {
    this.take();
    this.sampler.warmup = saved?.warmup ?? 0;
    this.sampler.sampling = saved?.sampling ?? 0;
    // What this process has spent already, and lost, stays in its total.
    this.before ??= this.sampler.warmup + this.sampler.sampling;
  }

  /** Whether any transition has been made, in this process or before. */
  get hasSampled(): boolean {
    return this.sampler.warmup + this.sampler.sampling > 0;
  }

  in(phase: 'warmup' | 'sampling'): void {
    this.sampler[phase] += this.take();
  }

  report() {
    return { ...this.stages, ...this.sampler, total: (performance.now() - this.started) / 1000 + (this.before ?? 0) };
  }

  private take(): number {
    const now = performance.now();
    const seconds = (now - this.last) / 1000;
    this.last = now;
    return seconds;
  }
}
