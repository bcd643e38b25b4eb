// Kernels of the metric's window: running moments of the positions, and the diagonal metric estimated from them.
import { type KernelSource, kernelSource, type KernelVariant } from './shared.js';
import { emptyBlockSums, storeSums } from './sums.js';

const observeEntryWords = 3;
const checkEntryWords = 2;
const adaptEntryWords = 3;

/**
 * Welford's update (1962) with the position of an entry; its third word is the number of positions with this one. Plain f32 will
 * do: squares add up positive terms, so a window of n draws has a relative error of at most n 2^-24 or so, and the mean is as
 * exact as the f32 positions are.
 */
export const observePosition = (): KernelSource =>
  kernelSource(
    'observe position',
    ['table', 'vectors'],
    `
  let at = header.first + group.x * ${observeEntryWords}u;
  let chain = table[at];
  let count = f32(table[at + 2u]);
  let positionRow = rowOf(table[at + 1u], chain);
  let meanRow = rowOf(MEAN, chain);
  let squaresRow = rowOf(SQUARES, chain);
  let end = chunkEnd(group.y);
  for (var i = chunkBegin(group.y) + thread; i < end; i += THREADS) {
    let position = vectors[positionRow + i];
    let mean = vectors[meanRow + i];
    let before = position - mean;
    let newMean = mean + before / count;
    vectors[meanRow + i] = newMean;
    vectors[squaresRow + i] += before * (position - newMean);
  }`,
  );

/** A scalar that is 0 when all squares are finite (told by their bits: compilers may assume that numbers are finite). */
export const checkMoments = ({ sums }: KernelVariant): KernelSource =>
  kernelSource(
    'check moments',
    ['table', 'vectors', 'partials'],
    `
  let at = header.first + group.x * ${checkEntryWords}u;
  let squaresRow = rowOf(SQUARES, table[at]);
  let end = chunkEnd(group.y);
  var bad = 0.0;
  for (var i = chunkBegin(group.y) + thread; i < end; i += THREADS) {
    let bits = bitcast<u32>(vectors[squaresRow + i]);
    if ((bits & 0x7f800000u) == 0x7f800000u) { bad = 1.0; }
  }
  storeSums(array(vec2f(bad, 0.0)), table[at + 1u], chunkNumber(group.y), thread);
  if (chunkNumber(group.y) == 0u) { emptyBlockSums(table[at + 1u], 1u, thread); }`,
    storeSums(sums, 1) + emptyBlockSums,
  );

/**
 * m⁻¹ = scale · squares + share · prior variance where an entry has a scale (not 0), as in warmup/estimateMetric.ts; the
 * dense block keeps its zeros. Then the moments are cleared.
 */
export const adaptDiagonal = (): KernelSource =>
  kernelSource(
    'adapt diagonal',
    ['table', 'vectors', 'order', 'priorVariances'],
    `
  let at = header.first + group.x * ${adaptEntryWords}u;
  let chain = table[at];
  let scale = bitcast<f32>(table[at + 1u]);
  let share = bitcast<f32>(table[at + 2u]);
  let inverseMassRow = rowOf(INVERSE_MASS, chain);
  let meanRow = rowOf(MEAN, chain);
  let squaresRow = rowOf(SQUARES, chain);
  let end = chunkEnd(group.y);
  for (var i = chunkBegin(group.y) + thread; i < end; i += THREADS) {
    let dimension = header.pageStart + i;
    if (scale > 0.0 && dimension >= header.block) {
      vectors[inverseMassRow + i] = scale * vectors[squaresRow + i] + share * priorVariances[order[dimension]];
    }
    vectors[meanRow + i] = 0.0;
    vectors[squaresRow + i] = 0.0;
  }`,
  );
