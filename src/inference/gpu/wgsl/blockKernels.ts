// Kernels of the metric's dense block: momenta from normals, drift, velocities with their share of the kinetic energy.
import { leapfrogEntryWords } from './leapfrogKernels.js';
import { type BindingName, type KernelSource, kernelSource, type KernelVariant } from './shared.js';
import { storeSums } from './sums.js';

type Bound = Exclude<BindingName, 'header'>;

/**
 * Workgroup (x, y) computes 64 rows of the product of entry x's matrix with its vector. Matrices are `[chain][2][k][row]`: the
 * inverse mass A, then the factor that makes momenta, both stored by columns so that neighbouring threads read
 * neighbouring numbers. Entries are those of leapfrog steps or of refreshed momenta.
 */
function blockKernel(
  name: string,
  bound: readonly Bound[],
  { matrix, operand, use, declarations }: { matrix: 0 | 1; operand: string; use: string; declarations?: string },
): KernelSource {
  return kernelSource(
    name,
    ['table', 'vectors', 'blockMatrices', ...bound],
    `
  let at = header.first + group.x * ${leapfrogEntryWords}u;
  let chain = table[at];
  let momentumVector = table[at + 6u];
  if (momentumVector == NONE) { return; }
  let momentumRow = rowOf(momentumVector, chain);
  let size = header.block;
  let velocityRow = ((momentumVector - FIRST_MOMENTUM) * header.chains + chain) * size;
  let row = group.y * THREADS + thread;
  var result = 0.0;
  if (row < size) {
    let matrix = (chain * 2u + ${matrix}u) * size * size;
    for (var k = 0u; k < size; k++) { result += blockMatrices[matrix + k * size + row] * ${operand}; }
  }
  ${use}`,
    declarations,
  );
}

/** p = L⁻ᵀ z over the block, where z lies with the block's velocities. */
export const blockMomentum = (): KernelSource =>
  blockKernel('block momentum', ['blockVelocities'], {
    matrix: 1,
    operand: 'blockVelocities[velocityRow + k]',
    use: 'if (row < size) { vectors[momentumRow + row] = result; }',
  });

/** v = A p over the block, kept for the turning criterion, and p·v as partial sums. */
export const blockVelocity = ({ sums }: KernelVariant): KernelSource =>
  blockKernel('block velocity', ['blockVelocities', 'partials'], {
    matrix: 0,
    operand: 'vectors[momentumRow + k]',
    use: `
  var energy = vec2f();
  if (row < size) {
    blockVelocities[velocityRow + row] = result;
    energy.x = vectors[momentumRow + row] * result;
  }
  storeSums(array(energy), table[at + 8u], header.chunks + group.y, thread);`,
    declarations: storeSums(sums, 1),
  });

/** q ← q + ε A p over the block. */
export const blockDrift = (): KernelSource =>
  blockKernel('block drift', ['order', 'parameters'], {
    matrix: 0,
    operand: 'vectors[momentumRow + k]',
    use: `
  if (row < size) {
    let positionAt = rowOf(table[at + 4u], chain) + row;
    let position = vectors[positionAt] + bitcast<f32>(table[at + 7u]) * result;
    vectors[positionAt] = position;
    parameters[order[row] * header.lanes + chain] = position;
  }`,
  });
