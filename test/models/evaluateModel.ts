// Values of a model at unconstrained positions: log density with gradient, and any of its quantities by name.
import { compileDensity, compileQuantity, type Quantity } from '../../src/inference/compiledModel.js';
import type { Device } from '../../src/kernels/device.js';
import { cpuDevice } from '../../src/kernels/cpu/cpuDevice.js';
import type { Model } from '../../src/models/model.js';

export interface DensityValue {
  readonly value: number;
  readonly gradient: Float64Array;
}

export interface DensityFunction {
  readonly dimension: number;
  at(position: ArrayLike<number>): Promise<DensityValue>;
}

/** The log posterior density of a model on unconstrained space. */
export async function densityOf(
  model: Model,
  { device = cpuDevice(), likelihood }: { device?: Device; likelihood?: 'rows' | 'shortest' } = {},
): Promise<DensityFunction> {
  const density = await compileDensity(model, device, 1, likelihood);
  const { dimension, lanes, positions, logDensities, gradients } = density;
  return {
    dimension,
    at: async (position) => {
      if (position.length !== dimension) throw new RangeError(`${position.length} numbers for ${dimension} dimensions`);
      for (let i = 0; i < dimension; i++) positions.fill(position[i], i * lanes, (i + 1) * lanes);
      await density.evaluate();
      return {
        value: logDensities[0],
        gradient: Float64Array.from({ length: dimension }, (_, i) => gradients[i * lanes]),
      };
    },
  };
}

/** A quantity of a model at one position, by output. */
export async function quantityOf(
  model: Model,
  quantity: Quantity,
  device: Device = cpuDevice(),
): Promise<(position: ArrayLike<number>) => Promise<Map<string, Float64Array>>> {
  const evaluator = await compileQuantity(model, device, quantity);
  const target = new Float64Array(evaluator.outputs.reduce((sum, { size }) => sum + size, 0));
  return async (position) => {
    await evaluator.evaluate(position, target);
    let offset = 0;
    return new Map(
      evaluator.outputs.map(({ name, size }): [string, Float64Array] => [name, target.slice(offset, (offset += size))]),
    );
  };
}

/** Largest relative error of a gradient against five-point differences along every dimension. */
export async function gradientError(
  density: DensityFunction,
  position: ArrayLike<number>,
  step = 1e-3,
): Promise<number> {
  const { gradient } = await density.at(position);
  let worst = 0;
  for (let i = 0; i < density.dimension; i++) {
    const moved = async (shift: number): Promise<number> => {
      const x = Float64Array.from(position);
      x[i] += shift;
      return (await density.at(x)).value;
    };
    const near = (await moved(step)) - (await moved(-step));
    const far = (await moved(2 * step)) - (await moved(-2 * step));
    const difference = (8 * near - far) / (12 * step);
    worst = Math.max(worst, Math.abs(gradient[i] - difference) / Math.max(1, Math.abs(difference)));
  }
  return Number.isNaN(worst) ? Infinity : worst;
}
