// Kernels of a leapfrog step around the evaluation of the gradient: half kick and drift before, half kick and energy after.
import { type KernelSource, kernelSource, type KernelVariant } from './shared.js';
import { storeSums } from './sums.js';

/** Words of an entry: chain, then vectors, step size (bits of an f32), scalar. A plain evaluation has no momenta (NONE). */
export const leapfrogEntryWords = 9;

const entry = `
struct Step {
  chain: u32, fromPosition: u32, fromGradient: u32, fromMomentum: u32,
  position: u32, gradient: u32, momentum: u32, stepSize: f32, scalar: u32,
}
fn stepOf(x: u32) -> Step {
  let at = header.first + x * ${leapfrogEntryWords}u;
  return Step(table[at], table[at + 1u], table[at + 2u], table[at + 3u],
    table[at + 4u], table[at + 5u], table[at + 6u], bitcast<f32>(table[at + 7u]), table[at + 8u]);
}`;

/** p ← p + ε/2 ∇, q ← q + ε M⁻¹ p (the dense block's drift follows); q goes to the slot and to the program's parameters. */
export const kickAndDrift = (): KernelSource =>
  kernelSource(
    'kick and drift',
    ['table', 'vectors', 'order', 'parameters'],
    `
  let step = stepOf(group.x);
  let isMoving = step.momentum != NONE;
  let fromPosition = rowOf(step.fromPosition, step.chain);
  let fromGradient = rowOf(step.fromGradient, step.chain);
  let fromMomentum = rowOf(step.fromMomentum, step.chain);
  let inverseMass = rowOf(INVERSE_MASS, step.chain);
  let toPosition = rowOf(step.position, step.chain);
  let toMomentum = rowOf(step.momentum, step.chain);
  let start = header.pageStart;
  let lanes = header.lanes;
  let end = chunkEnd(group.y);
  for (var i = chunkBegin(group.y) + thread; i < end; i += THREADS) {
    var position = vectors[fromPosition + i];
    if (isMoving) {
      let momentum = vectors[fromMomentum + i] + 0.5 * step.stepSize * vectors[fromGradient + i];
      position += step.stepSize * (vectors[inverseMass + i] * momentum);
      vectors[toMomentum + i] = momentum;
      vectors[toPosition + i] = position;
    }
    parameters[order[start + i] * lanes + step.chain] = position;
  }`,
    entry,
  );

/**
 * p ← p + ε/2 ∇ at the new position, ∇ to its slot, twice the kinetic energy of the diagonal part as partial sums; and the words
 * of the accurate log density to the log of this round.
 */
export const secondKick = ({ sums }: KernelVariant): KernelSource =>
  kernelSource(
    'second kick',
    ['table', 'vectors', 'order', 'gradients', 'words', 'wordLog', 'partials'],
    `
  let step = stepOf(group.x);
  let isMoving = step.momentum != NONE;
  let inverseMass = rowOf(INVERSE_MASS, step.chain);
  let toGradient = rowOf(step.gradient, step.chain);
  let toMomentum = rowOf(step.momentum, step.chain);
  let start = header.pageStart;
  let lanes = header.lanes;
  let end = chunkEnd(group.y);
  var energy = vec2f();
  for (var i = chunkBegin(group.y) + thread; i < end; i += THREADS) {
    let gradient = gradients[order[start + i] * lanes + step.chain];
    vectors[toGradient + i] = gradient;
    if (isMoving) {
      let momentum = vectors[toMomentum + i] + 0.5 * step.stepSize * gradient;
      vectors[toMomentum + i] = momentum;
      energy = accumulate(energy, vectors[inverseMass + i] * momentum * momentum);
    }
  }
  if (isMoving) { storeSums(array(energy), step.scalar, chunkNumber(group.y), thread); }
  if (start == 0u) {
    let count = header.wordCount;
    let stride = groups.x * groups.y * THREADS;
    for (var w = (group.y * groups.x + group.x) * THREADS + thread; w < count; w += stride) {
      wordLog[header.round * count + w] = words[w];
    }
  }`,
    entry + storeSums(sums, 1),
  );
