// Hierarchies whose response has the groups' effects in it, for the tests of marginal NUTS.
import { HierarchyPositions } from '../../../src/inference/linearHierarchy/positions.js';
import { positionBlocks } from '../../../src/inference/compiledModel.js';
import { groupOfRow } from '../../../src/models/linearHierarchy/hierarchyModel.js';
import type { Model } from '../../../src/models/model.js';
import { declaredModel } from '../../../src/models/linearHierarchy/declaredModel.js';
import { type HierarchyShape, hierarchyExample } from '../../models/hierarchyExample.js';
import { randomNumbers } from '../../models/random.js';

/** A model of one nest with a response drawn from it: spreads around 0.7, residuals of 1. */
export function simulatedHierarchy(shape: HierarchyShape): Model {
  const structure = hierarchyExample(shape);
  const model = declaredModel(structure);
  const random = randomNumbers(`truth ${shape.seed}`);
  const position = Float64Array.from(
    positionBlocks(model).flatMap(({ name, size }) => {
      if (name === 'sigma') return [0];
      if (name.startsWith('sds')) return Array.from({ length: size }, () => Math.log(0.7) + 0.2 * random.normal());
      return [...random.normals(size, 0.7)];
    }),
  );
  const { terms } = new HierarchyPositions(model).read(position);
  const [{ columns }] = structure.terms;
  const [{ coefficients }] = terms[0].levels;
  const y = Float64Array.from(groupOfRow(structure.terms[0]), (group, row) =>
    columns.reduce((sum, x, k) => sum + x[row] * coefficients[group * columns.length + k], random.normal()),
  );
  return declaredModel({ ...structure, y });
}
