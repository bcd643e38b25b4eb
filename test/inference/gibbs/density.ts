// The model's joint density at the values of a chain, and values to try.
import type { ChainValues } from '../../../src/inference/gibbs/chainValues.js';
import { HierarchyPositions } from '../../../src/inference/linearHierarchy/positions.js';
import type { LinearHierarchy } from '../../../src/models/linearHierarchy/structure.js';
import { densityOf } from '../../models/evaluateModel.js';
import { declaredModel } from '../../../src/models/linearHierarchy/declaredModel.js';
import { randomNumbers } from '../../models/random.js';

/** Values at a random position of the model. */
export function randomValues(structure: LinearHierarchy, seed: string): ChainValues {
  const positions = new HierarchyPositions(declaredModel(structure));
  const values = positions.read(randomNumbers(seed).normals(positions.dimension, 0.7));
  const weights = structure.errors.df === undefined ? undefined : new Float64Array(structure.rows).fill(1);
  return { ...values, weights };
}

export function copyOf(values: ChainValues): ChainValues {
  return structuredClone(values);
}

/** Log density of the unconstrained position that stands for the values. */
export async function logDensityOf(structure: LinearHierarchy): Promise<(values: ChainValues) => Promise<number>> {
  const model = declaredModel(structure);
  const density = await densityOf(model, { likelihood: 'rows' });
  const positions = new HierarchyPositions(model);
  const position = new Float64Array(positions.dimension);
  return async (values) => {
    positions.write(values, position);
    return (await density.at(position)).value;
  };
}

/** Normal errors in place of Student's. */
export function withNormalErrors({ errors, ...rest }: LinearHierarchy): LinearHierarchy {
  return { ...rest, errors: { sigma: errors.sigma, prior: errors.prior } };
}

/** Effects of every level of each category. */
export function effectsOf({ fixed }: LinearHierarchy, values: ChainValues): Float64Array[] {
  let next = fixed?.dense.length ?? 0;
  return (fixed?.categories ?? []).map(({ levels }) => {
    const free = values.fixed!.coefficients.subarray(next, (next += levels - 1));
    return Float64Array.of(...free, -free.reduce((sum, x) => sum + x, 0));
  });
}
