// Slice sampling of one number: any density that can be evaluated, no rejection, no step size that matters much.
import type { RandomStream } from '../random/streams.js';

/** Steps out of an interval on one side, at most; the interval is then as valid as any. */
const mostSteps = 200;

/**
 * One update of x whose log density (up to a constant) is `logDensity`, finite at x: stepping out by `width`, then shrinking
 * (Neal 2003, figures 3 and 5).
 */
export function sliceSample(stream: RandomStream, x: number, width: number, logDensity: (x: number) => number): number {
  const level = logDensity(x) + Math.log(stream.uniform());
  let low = x - width * stream.uniform();
  let high = low + width;
  // Steps are shared out at random between the sides, which keeps the update valid when they run out.
  const left = Math.floor(mostSteps * stream.uniform());
  for (let steps = left; steps > 0 && logDensity(low) > level; steps--) low -= width;
  for (let steps = mostSteps - 1 - left; steps > 0 && logDensity(high) > level; steps--) high += width;
  for (;;) {
    const proposal = low + (high - low) * stream.uniform();
    if (logDensity(proposal) > level) return proposal;
    if (proposal < x) low = proposal;
    else high = proposal;
    if (high - low <= 4 * Number.EPSILON * Math.abs(x)) return x;
  }
}
