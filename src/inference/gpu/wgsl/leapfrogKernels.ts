// Kernels of a leapfrog step around the evaluation of the gradient: half kick and drift before, half kick and energy after.
import type { Layout } from '../layout.js';
import { type KernelSource, kernelSource, mainParameters } from './shared.js';

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
export function kickAndDrift(layout: Layout): KernelSource {
  return kernelSource(
    'kick and drift',
    layout,
    ['table', 'vectors', 'order', 'parameters'],
    `${entry}
@compute @workgroup_size(THREADS) fn main(${mainParameters}) {
  let step = stepOf(group.x);
  let isMoving = step.momentum != NONE;
  let end = chunkEnd(group.y);
  for (var i = chunkBegin(group.y) + thread; i < end; i += THREADS) {
    var position = vectors[rowOf(step.fromPosition, step.chain) + i];
    if (isMoving) {
      let momentum = vectors[rowOf(step.fromMomentum, step.chain) + i]
        + 0.5 * step.stepSize * vectors[rowOf(step.fromGradient, step.chain) + i];
      position += step.stepSize * (vectors[rowOf(INVERSE_MASS, step.chain) + i] * momentum);
      vectors[rowOf(step.momentum, step.chain) + i] = momentum;
      vectors[rowOf(step.position, step.chain) + i] = position;
    }
    parameters[order[header.pageStart + i] * LANES + step.chain] = position;
  }
}`,
  );
}

/**
 * p ← p + ε/2 ∇ at the new position, ∇ to its slot, twice the kinetic energy of the diagonal part as partial sums; and the words
 * of the accurate log density to the log of this round.
 */
export function secondKick(layout: Layout): KernelSource {
  return kernelSource(
    'second kick',
    layout,
    ['table', 'vectors', 'order', 'gradients', 'words', 'wordLog', 'partials'],
    `${entry}
@compute @workgroup_size(THREADS) fn main(${mainParameters}, @builtin(num_workgroups) groups: vec3u) {
  let step = stepOf(group.x);
  let isMoving = step.momentum != NONE;
  let end = chunkEnd(group.y);
  var energy = vec2f();
  for (var i = chunkBegin(group.y) + thread; i < end; i += THREADS) {
    let gradient = gradients[order[header.pageStart + i] * LANES + step.chain];
    vectors[rowOf(step.gradient, step.chain) + i] = gradient;
    if (isMoving) {
      let momentum = vectors[rowOf(step.momentum, step.chain) + i] + 0.5 * step.stepSize * gradient;
      vectors[rowOf(step.momentum, step.chain) + i] = momentum;
      energy = accumulate(energy, vectors[rowOf(INVERSE_MASS, step.chain) + i] * momentum * momentum);
    }
  }
  if (isMoving) {
    let total = groupSum(energy, thread);
    if (thread == 0u) { partials[step.scalar * PARTIALS + chunkNumber(group.y)] = total; }
  }
  if (header.pageStart == 0u) {
    let stride = groups.x * groups.y * THREADS;
    for (var w = (group.y * groups.x + group.x) * THREADS + thread; w < WORDS; w += stride) {
      wordLog[header.round * WORDS + w] = words[w];
    }
  }
}`,
  );
}
