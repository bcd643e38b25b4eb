// Kernels that reduce over chains, for samplers that pool their adaptation: means and distances of moves, one metric from all moments.
import { type KernelSource, kernelSource, type KernelVariant } from './shared.js';
import { emptyBlockSums, storeSums } from './sums.js';

/** Words of the entries: a chain's share in the means, its distances, its moments, its metric. */
const meanEntryWords = 3;
const distanceEntryWords = 5;
const momentEntryWords = 3;
const metricEntryWords = 3;

/**
 * Means over all chains, by dimension: of the positions before with equal weights, and of those after by the weights of the
 * entries, which sum to 1. A thread adds the chains of a dimension up in their order, in two floats. A chain of weight 0 is left out, for its
 * vector need not be finite. There is one entry for each chain, and one workgroup along x.
 */
export const meansOfMoves = (): KernelSource =>
  kernelSource(
    'means of moves',
    ['table', 'vectors', 'pooled'],
    `
  let count = header.chains;
  let end = chunkEnd(group.y);
  for (var i = chunkBegin(group.y) + thread; i < end; i += THREADS) {
    var before = vec2f();
    var after = vec2f();
    for (var chain = 0u; chain < count; chain++) {
      let at = header.first + chain * ${meanEntryWords}u;
      let weight = bitcast<f32>(table[at + 2u]);
      before = accumulate(before, vectors[rowOf(table[at], chain) + i]);
      if (weight > 0.0) { after = accumulate(after, weight * vectors[rowOf(table[at + 1u], chain) + i]); }
    }
    pooled[header.pageStart + i] = (before.x + before.y) / f32(count);
    pooled[header.dimension + header.pageStart + i] = after.x + after.y;
  }`,
  );

const move = `
struct Move { chain: u32, before: u32, after: u32, momentum: u32, scalar: u32 }
fn moveOf(x: u32) -> Move {
  let at = header.first + x * ${distanceEntryWords}u;
  let chain = table[at];
  return Move(chain, rowOf(table[at + 1u], chain), rowOf(table[at + 2u], chain), rowOf(table[at + 3u], chain), table[at + 4u]);
}`;

/**
 * Two scalars for each entry's chain: the change of its squared distance from the means outside of the dense block, and the product of its
 * deviation after the move with its momentum there, over all dimensions.
 */
export const moveDistances = ({ hasBlock, sums }: KernelVariant): KernelSource =>
  kernelSource(
    'distances of moves',
    ['table', 'vectors', 'pooled', 'partials'],
    `
  let moved = moveOf(group.x);
  let inverseMassRow = rowOf(INVERSE_MASS, moved.chain);
  let end = chunkEnd(group.y);
  var change = vec2f();
  var slope = vec2f();
  for (var i = chunkBegin(group.y) + thread; i < end; i += THREADS) {
    let dimension = header.pageStart + i;
    let before = vectors[moved.before + i] - pooled[dimension];
    let after = vectors[moved.after + i] - pooled[header.dimension + dimension];
    slope = accumulate(slope, after * vectors[moved.momentum + i]);
    if (dimension >= header.block) {
      change = accumulate(change, (after - before) * (after + before) / vectors[inverseMassRow + i]);
    }
  }
  storeSums(array(change, slope), moved.scalar, chunkNumber(group.y), thread);
  ${hasBlock ? '' : 'if (chunkNumber(group.y) == 0u) { emptyBlockSums(moved.scalar, 2u, thread); }'}`,
    move + storeSums(sums, 2) + (hasBlock ? '' : emptyBlockSums),
  );

/** The dense block's share in the change: of ‖L⁻¹ d‖² = ‖B' d‖², B being the matrix that makes momenta; thread k has column k. */
export const blockMoveDistances = ({ sums }: KernelVariant): KernelSource =>
  kernelSource(
    'block distances of moves',
    ['table', 'vectors', 'pooled', 'blockMatrices', 'partials'],
    `
  let moved = moveOf(group.x);
  let size = header.block;
  let column = group.y * THREADS + thread;
  var change = vec2f();
  if (column < size) {
    let matrix = (moved.chain * 2u + 1u) * size * size + column * size;
    var before = 0.0;
    var after = 0.0;
    for (var row = 0u; row < size; row++) {
      before += blockMatrices[matrix + row] * (vectors[moved.before + row] - pooled[row]);
      after += blockMatrices[matrix + row] * (vectors[moved.after + row] - pooled[header.dimension + row]);
    }
    change.x = (after - before) * (after + before);
  }
  storeSums(array(change, vec2f()), moved.scalar, header.chunks + group.y, thread);`,
    move + storeSums(sums, 2),
  );

/**
 * The moments of all chains merged in their order (Chan, Golub & LeVeque 1983): their mean and squares, by dimension, and a
 * scalar that is 0 when all squares are finite. Entries hold n_c/(n + n_c) and n n_c/(n + n_c) for chain c of n_c positions after n; a chain
 * without positions has 0 and 0.
 */
export const poolMoments = ({ sums }: KernelVariant): KernelSource =>
  kernelSource(
    'pool moments',
    ['table', 'vectors', 'pooled', 'partials'],
    `
  let count = header.chains;
  let end = chunkEnd(group.y);
  var bad = 0.0;
  for (var i = chunkBegin(group.y) + thread; i < end; i += THREADS) {
    var mean = vec2f();
    var squares = vec2f();
    for (var chain = 0u; chain < count; chain++) {
      let at = header.first + chain * ${momentEntryWords}u;
      let share = bitcast<f32>(table[at + 1u]);
      if (share > 0.0) {
        let difference = vectors[rowOf(MEAN, chain) + i] - (mean.x + mean.y);
        mean = accumulate(mean, share * difference);
        squares = accumulate(squares, vectors[rowOf(SQUARES, chain) + i]);
        squares = accumulate(squares, bitcast<f32>(table[at + 2u]) * difference * difference);
      }
    }
    let sum = squares.x + squares.y;
    pooled[header.pageStart + i] = mean.x + mean.y;
    pooled[header.dimension + header.pageStart + i] = sum;
    if ((bitcast<u32>(sum) & 0x7f800000u) == 0x7f800000u) { bad = 1.0; }
  }
  let scalar = table[header.first];
  storeSums(array(vec2f(bad, 0.0)), scalar, chunkNumber(group.y), thread);
  if (chunkNumber(group.y) == 0u) { emptyBlockSums(scalar, 1u, thread); }`,
    storeSums(sums, 1) + emptyBlockSums,
  );

/**
 * m⁻¹ = scale · pooled squares + share · prior variance for the chain of an entry that has a scale (not 0), as in
 * phaseSpace/estimateMetric.ts; the dense block keeps its zeros. Then the chain's moments are cleared.
 */
export const spreadMetric = (): KernelSource =>
  kernelSource(
    'spread metric',
    ['table', 'vectors', 'order', 'priorVariances', 'pooled'],
    `
  let at = header.first + group.x * ${metricEntryWords}u;
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
      vectors[inverseMassRow + i] =
        scale * pooled[header.dimension + dimension] + share * priorVariances[order[dimension]];
    }
    vectors[meanRow + i] = 0.0;
    vectors[squaresRow + i] = 0.0;
  }`,
  );
