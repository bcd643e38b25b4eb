// Kernels of the metric's dense block: momenta from normals, drift, velocities with their share of the kinetic energy.
import type { Layout } from '../layout.js';
import { leapfrogEntryWords } from './leapfrogKernels.js';
import { type BindingName, type KernelSource, kernelSource, mainParameters } from './shared.js';

type Bound = Exclude<BindingName, 'header'>;

/**
 * Workgroup (x, y) computes 64 rows of the product of entry x's matrix with its vector. Matrices are `[chain][2][k][row]`: the
 * inverse mass A, then the factor that makes momenta, both stored by columns so that neighbouring threads read
 * neighbouring numbers. Entries are those of leapfrog steps or of refreshed momenta.
 */
function blockKernel(
  layout: Layout,
  name: string,
  bound: readonly Bound[],
  { matrix, operand, use }: { matrix: 0 | 1; operand: string; use: string },
): KernelSource {
  return kernelSource(
    name,
    layout,
    ['table', 'vectors', 'blockMatrices', ...bound],
    `
@compute @workgroup_size(THREADS) fn main(${mainParameters}) {
  let at = header.first + group.x * ${leapfrogEntryWords}u;
  let chain = table[at];
  let momentumVector = table[at + 6u];
  if (momentumVector == NONE) { return; }
  let momentumRow = rowOf(momentumVector, chain);
  let velocityRow = ((momentumVector - FIRST_MOMENTUM) * CHAINS + chain) * BLOCK;
  let row = group.y * THREADS + thread;
  var result = 0.0;
  if (row < BLOCK) {
    let matrix = (chain * 2u + ${matrix}u) * BLOCK * BLOCK;
    for (var k = 0u; k < BLOCK; k++) { result += blockMatrices[matrix + k * BLOCK + row] * ${operand}; }
  }
  ${use}
}`,
  );
}

/** p = L⁻ᵀ z over the block, where z lies with the block's velocities. */
export function blockMomentum(layout: Layout): KernelSource {
  return blockKernel(layout, 'block momentum', ['blockVelocities'], {
    matrix: 1,
    operand: 'blockVelocities[velocityRow + k]',
    use: 'if (row < BLOCK) { vectors[momentumRow + row] = result; }',
  });
}

/** v = A p over the block, kept for the turning criterion, and p·v as partial sums. */
export function blockVelocity(layout: Layout): KernelSource {
  return blockKernel(layout, 'block velocity', ['blockVelocities', 'partials'], {
    matrix: 0,
    operand: 'vectors[momentumRow + k]',
    use: `
  var energy = vec2f();
  if (row < BLOCK) {
    blockVelocities[velocityRow + row] = result;
    energy.x = vectors[momentumRow + row] * result;
  }
  let total = groupSum(energy, thread);
  if (thread == 0u) { partials[table[at + 8u] * PARTIALS + CHUNKS + group.y] = total; }`,
  });
}

/** q ← q + ε A p over the block. */
export function blockDrift(layout: Layout): KernelSource {
  return blockKernel(layout, 'block drift', ['order', 'parameters'], {
    matrix: 0,
    operand: 'vectors[momentumRow + k]',
    use: `
  if (row < BLOCK) {
    let at_position = rowOf(table[at + 4u], chain) + row;
    let position = vectors[at_position] + bitcast<f32>(table[at + 7u]) * result;
    vectors[at_position] = position;
    parameters[order[row] * LANES + chain] = position;
  }`,
  });
}
