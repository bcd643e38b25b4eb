// The tensor program that accumulates what the rows say of the fixed block for all chains, given the coefficients of groups.
import * as tf from '@tensorflow/tfjs-core';
import type { Device } from '../../kernels/device.js';
import { segmentSum } from '../../kernels/ops/index.js';
import type { NamedTensors } from '../../kernels/trace/trace.js';
import type { LinearHierarchy } from '../../models/linearHierarchy/structure.js';
import { type BoundProgram, compileProgram } from './program.js';
import { fittedByOthers, rowInputs, rowNames } from './rowTensors.js';

/**
 * @param joined terms whose columns come after the dense ones
 * @param beside a program that goes through the same rows
 * Outputs: `cross` in indicator columns, and `squares`, Σ ω r² of the residuals without the block.
 */
export function compileFixed(
  structure: LinearHierarchy,
  device: Device,
  chains: number,
  joined: ReadonlySet<number>,
  beside: BoundProgram | undefined,
): Promise<BoundProgram> {
  const inputs = rowInputs(structure, -1);
  const { categories } = structure.fixed!;
  const fn = (p: NamedTensors, d: NamedTensors): Record<string, tf.Tensor> => {
    const residual = d.y.sub(fittedByOthers(inputs, p, d));
    const weights = p.weights as tf.Tensor | undefined;
    const weighted = weights === undefined ? residual : residual.mul(weights);
    const parts: tf.Tensor[] = [];
    if (inputs.dense > 0) parts.push(d.dense.mul(weighted.expandDims(1)).sum(0));
    for (const t of joined) parts.push(d[rowNames.columns(t)].mul(weighted.expandDims(1)).sum(0));
    for (const [c, { levels }] of categories.entries()) {
      const { codes, multiplier } = inputs.categories[c];
      parts.push(segmentSum(multiplier === undefined ? weighted : weighted.mul(d[multiplier]), d[codes], levels));
    }
    return { cross: tf.concat(parts, 0), squares: residual.mul(weighted).sum() };
  };
  return compileProgram(device, chains, inputs.parameters, inputs.data, fn, {}, { beside });
}
