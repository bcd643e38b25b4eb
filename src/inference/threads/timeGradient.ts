// How long one gradient of all chains takes on a device that is warm.
import type { ModelDensity } from '../portableDensity.js';

/** Evaluations that are timed, at least, and milliseconds after which no more are. */
const fewest = 3;
const patience = 100;

/** Median milliseconds of one evaluation of all lanes, each at the position `start`. */
export async function timeGradient(density: ModelDensity, start: ArrayLike<number>): Promise<number> {
  const { dimension, lanes, positions } = density;
  for (let i = 0; i < dimension; i++) positions.fill(start[i], i * lanes, (i + 1) * lanes);
  await density.evaluate();
  return median(() => density.evaluate());
}

async function median(work: () => void | Promise<void>): Promise<number> {
  const times: number[] = [];
  const begun = performance.now();
  while (times.length < fewest || (performance.now() - begun < patience && times.length < 1000)) {
    const start = performance.now();
    await work();
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)];
}
