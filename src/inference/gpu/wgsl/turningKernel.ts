// Kernel of the generalised U-turn criterion: the summed momenta of two stretches, and its six products as partial sums.
import { type KernelSource, kernelSource, type KernelVariant } from './shared.js';
import { emptyBlockSums, storeSums } from './sums.js';

/** Words of an entry: chain, the six momenta, the sum to write, the first of six scalars. */
const turningEntryWords = 9;
export const turningProducts = 6;

/** The products are those of phaseSpace/turning.ts, in its order. */
export function turning({ hasBlock, sums }: KernelVariant): KernelSource {
  const fromBlock = `
  if (header.pageStart + i < header.block) {
    return blockVelocities[((vector - FIRST_MOMENTUM) * header.chains + chain) * header.block + header.pageStart + i];
  }`;
  return kernelSource(
    'turning',
    ['table', 'vectors', 'partials', ...(hasBlock ? (['blockVelocities'] as const) : [])],
    `
  let at = header.first + group.x * ${turningEntryWords}u;
  let chain = table[at];
  let leftBeginVector = table[at + 1u];
  let leftEndVector = table[at + 2u];
  let rightBeginVector = table[at + 4u];
  let rightEndVector = table[at + 5u];
  let leftBeginRow = rowOf(leftBeginVector, chain);
  let leftEndRow = rowOf(leftEndVector, chain);
  let leftSumRow = rowOf(table[at + 3u], chain);
  let rightBeginRow = rowOf(rightBeginVector, chain);
  let rightEndRow = rowOf(rightEndVector, chain);
  let rightSumRow = rowOf(table[at + 6u], chain);
  let sumRow = rowOf(table[at + 7u], chain);
  let inverseMassRow = rowOf(INVERSE_MASS, chain);
  let end = chunkEnd(group.y);
  var products = array<vec2f, ${turningProducts}>();
  for (var i = chunkBegin(group.y) + thread; i < end; i += THREADS) {
    let inverseMass = vectors[inverseMassRow + i];
    let leftBegin = velocity(leftBeginVector, chain, i, inverseMass * vectors[leftBeginRow + i]);
    let rightEnd = velocity(rightEndVector, chain, i, inverseMass * vectors[rightEndRow + i]);
    let leftEndMomentum = vectors[leftEndRow + i];
    let rightBeginMomentum = vectors[rightBeginRow + i];
    let leftEnd = velocity(leftEndVector, chain, i, inverseMass * leftEndMomentum);
    let rightBegin = velocity(rightBeginVector, chain, i, inverseMass * rightBeginMomentum);
    let leftSum = vectors[leftSumRow + i];
    let rightSum = vectors[rightSumRow + i];
    let total = leftSum + rightSum;
    let leftward = leftSum + rightBeginMomentum;
    let rightward = rightSum + leftEndMomentum;
    vectors[sumRow + i] = total;
    products[0] = accumulate(products[0], leftBegin * total);
    products[1] = accumulate(products[1], rightEnd * total);
    products[2] = accumulate(products[2], leftBegin * leftward);
    products[3] = accumulate(products[3], rightBegin * leftward);
    products[4] = accumulate(products[4], leftEnd * rightward);
    products[5] = accumulate(products[5], rightEnd * rightward);
  }
  storeSums(products, table[at + 8u], chunkNumber(group.y), thread);
  if (chunkNumber(group.y) == 0u) { emptyBlockSums(table[at + 8u], ${turningProducts}u, thread); }`,
    `
${storeSums(sums, turningProducts)}
${emptyBlockSums}
/** Velocity of a momentum in a dimension outside of the dense block, or what the block's matrix has made of it. */
fn velocity(vector: u32, chain: u32, i: u32, ofDiagonal: f32) -> f32 {
  ${hasBlock ? fromBlock : ''}
  return ofDiagonal;
}`,
  );
}
