// Kernels of the metric's window: running moments of the positions, and the diagonal metric estimated from them.
import type { Layout } from '../layout.js';
import { type KernelSource, kernelSource, mainParameters } from './shared.js';

export const observeEntryWords = 3;
export const checkEntryWords = 2;
export const adaptEntryWords = 3;

/**
 * Welford's update (1962) with the position of an entry; its third word is the number of positions with this one. Plain f32 will
 * do: squares add up positive terms, so a window of n draws has a relative error of at most n 2^-24 or so, and the mean is as
 * exact as the f32 positions are.
 */
export function observePosition(layout: Layout): KernelSource {
  return kernelSource(
    'observe position',
    layout,
    ['table', 'vectors'],
    `
@compute @workgroup_size(THREADS) fn main(${mainParameters}) {
  let at = header.first + group.x * ${observeEntryWords}u;
  let chain = table[at];
  let count = f32(table[at + 2u]);
  let end = chunkEnd(group.y);
  for (var i = chunkBegin(group.y) + thread; i < end; i += THREADS) {
    let position = vectors[rowOf(table[at + 1u], chain) + i];
    let mean = vectors[rowOf(MEAN, chain) + i];
    let before = position - mean;
    let newMean = mean + before / count;
    vectors[rowOf(MEAN, chain) + i] = newMean;
    vectors[rowOf(SQUARES, chain) + i] += before * (position - newMean);
  }
}`,
  );
}

/** Counts the chunks whose squares are not all finite (told by their bits: compilers may assume that numbers are finite). */
export function checkMoments(layout: Layout): KernelSource {
  return kernelSource(
    'check moments',
    layout,
    ['table', 'vectors', 'partials'],
    `
@compute @workgroup_size(THREADS) fn main(${mainParameters}) {
  let at = header.first + group.x * ${checkEntryWords}u;
  let scalar = table[at + 1u] * PARTIALS;
  let end = chunkEnd(group.y);
  var bad = 0.0;
  for (var i = chunkBegin(group.y) + thread; i < end; i += THREADS) {
    let bits = bitcast<u32>(vectors[rowOf(SQUARES, table[at]) + i]);
    if ((bits & 0x7f800000u) == 0x7f800000u) { bad = 1.0; }
  }
  let total = groupSum(vec2f(bad, 0.0), thread);
  if (thread == 0u) { partials[scalar + chunkNumber(group.y)] = total; }
  if (chunkNumber(group.y) == 0u && thread < PARTIALS - CHUNKS) { partials[scalar + CHUNKS + thread] = vec2f(); }
}`,
  );
}

/**
 * m⁻¹ = scale · squares + share · prior variance where an entry has a scale (not 0), as in warmup/estimateMetric.ts; the
 * dense block keeps its zeros. Then the moments are cleared.
 */
export function adaptDiagonal(layout: Layout): KernelSource {
  return kernelSource(
    'adapt diagonal',
    layout,
    ['table', 'vectors', 'order', 'priorVariances'],
    `
@compute @workgroup_size(THREADS) fn main(${mainParameters}) {
  let at = header.first + group.x * ${adaptEntryWords}u;
  let chain = table[at];
  let scale = bitcast<f32>(table[at + 1u]);
  let share = bitcast<f32>(table[at + 2u]);
  let end = chunkEnd(group.y);
  for (var i = chunkBegin(group.y) + thread; i < end; i += THREADS) {
    let dimension = header.pageStart + i;
    if (scale > 0.0 && dimension >= BLOCK) {
      let squares = vectors[rowOf(SQUARES, chain) + i];
      vectors[rowOf(INVERSE_MASS, chain) + i] = scale * squares + share * priorVariances[order[dimension]];
    }
    vectors[rowOf(MEAN, chain) + i] = 0.0;
    vectors[rowOf(SQUARES, chain) + i] = 0.0;
  }
}`,
  );
}
