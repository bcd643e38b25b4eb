// How long one gradient of all chains takes on a device that is warm.
import type { ResidentDensity } from '../logDensity.js';
import type { ModelDensity } from '../portableDensity.js';

/** Evaluations that are timed, at least, and milliseconds after which no more are. */
const fewest = 3;
const patience = 100;
/** Evaluations that a device with memory of its own carries out at one request. */
const ahead = 8;

/** Median milliseconds of one evaluation of all lanes, each at the position `start`. */
export async function timeGradient(density: ModelDensity, start: ArrayLike<number>): Promise<number> {
  const { dimension, lanes, positions } = density;
  for (let i = 0; i < dimension; i++) positions.fill(start[i], i * lanes, (i + 1) * lanes);
  await density.evaluate();
  const { resident } = density;
  if (resident === undefined) return median(() => density.evaluate());
  await manyAtOnce(resident);
  return (await median(() => manyAtOnce(resident))) / ahead;
}

/** What sampling asks of a device of its own: evaluations one after another, positions left there, and a few numbers back. */
async function manyAtOnce({ program, value }: ResidentDensity): Promise<void> {
  const { context, lanes } = program;
  const encoder = context.device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  for (let i = 0; i < ahead; i++) program.encode(pass);
  pass.end();
  const { buffer, offset, size } = value.words;
  await context.submitAndRead(encoder, [{ buffer, offset, bytes: 4 * size * lanes }]);
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
