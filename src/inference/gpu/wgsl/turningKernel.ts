// Kernel of the generalised U-turn criterion: the summed momenta of two stretches, and its six products as partial sums.
import type { Layout } from '../layout.js';
import { type KernelSource, kernelSource, mainParameters } from './shared.js';

/** Words of an entry: chain, the six momenta, the sum to write, the first of six scalars. */
export const turningEntryWords = 9;
export const turningProducts = 6;

/** The products are those of phaseSpace/turning.ts, in its order. */
export function turning(layout: Layout): KernelSource {
  const hasBlock = layout.blockSize > 0;
  const blockVelocity = `
    if (header.pageStart + i < BLOCK) {
      return blockVelocities[((vector - FIRST_MOMENTUM) * CHAINS + chain) * BLOCK + header.pageStart + i];
    }`;
  return kernelSource(
    'turning',
    layout,
    ['table', 'vectors', 'partials', ...(hasBlock ? (['blockVelocities'] as const) : [])],
    `
fn velocity(vector: u32, chain: u32, i: u32, momentum: f32) -> f32 {
  ${hasBlock ? blockVelocity : ''}
  return vectors[rowOf(INVERSE_MASS, chain) + i] * momentum;
}

@compute @workgroup_size(THREADS) fn main(${mainParameters}) {
  let at = header.first + group.x * ${turningEntryWords}u;
  let chain = table[at];
  let end = chunkEnd(group.y);
  var products = array<vec2f, ${turningProducts}>();
  for (var i = chunkBegin(group.y) + thread; i < end; i += THREADS) {
    let leftBegin = vectors[rowOf(table[at + 1u], chain) + i];
    let leftEnd = vectors[rowOf(table[at + 2u], chain) + i];
    let leftSum = vectors[rowOf(table[at + 3u], chain) + i];
    let rightBegin = vectors[rowOf(table[at + 4u], chain) + i];
    let rightEnd = vectors[rowOf(table[at + 5u], chain) + i];
    let rightSum = vectors[rowOf(table[at + 6u], chain) + i];
    let total = leftSum + rightSum;
    let leftward = leftSum + rightBegin;
    let rightward = rightSum + leftEnd;
    let leftBeginVelocity = velocity(table[at + 1u], chain, i, leftBegin);
    let leftEndVelocity = velocity(table[at + 2u], chain, i, leftEnd);
    let rightBeginVelocity = velocity(table[at + 4u], chain, i, rightBegin);
    let rightEndVelocity = velocity(table[at + 5u], chain, i, rightEnd);
    vectors[rowOf(table[at + 7u], chain) + i] = total;
    products[0] = accumulate(products[0], leftBeginVelocity * total);
    products[1] = accumulate(products[1], rightEndVelocity * total);
    products[2] = accumulate(products[2], leftBeginVelocity * leftward);
    products[3] = accumulate(products[3], rightBeginVelocity * leftward);
    products[4] = accumulate(products[4], leftEndVelocity * rightward);
    products[5] = accumulate(products[5], rightEndVelocity * rightward);
  }
  for (var k = 0u; k < ${turningProducts}u; k++) {
    let total = groupSum(products[k], thread);
    let scalar = (table[at + 8u] + k) * PARTIALS;
    if (thread == 0u) { partials[scalar + chunkNumber(group.y)] = total; }
    // The dense block has been added up with the rest: its own partial sums are empty.
    if (chunkNumber(group.y) == 0u && thread < PARTIALS - CHUNKS) { partials[scalar + CHUNKS + thread] = vec2f(); }
  }
}`,
  );
}
