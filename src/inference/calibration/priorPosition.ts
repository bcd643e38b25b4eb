// A position drawn from a model's prior: from the declared hierarchy, or where there is none by a chain of NUTS on the prior alone.
import type { Model } from '../../models/model.js';
import { HierarchyPositions } from '../linearHierarchy/positions.js';
import { randomKey, stepKey } from '../random/streams.js';
import { drawHierarchy } from './drawHierarchy.js';
import { drawPrior } from './drawPrior.js';

/** Why nothing can be drawn from the model's prior, in one line; undefined: something can. */
export function priorRefusal(model: Model): string | undefined {
  if (model.structure === undefined) {
    const flat = model.description?.priors.find(({ prior }) => prior.startsWith('flat'));
    return (
      flat &&
      `the prior flat of ${flat.site} is improper: nothing can be drawn from it; give every parameter a proper prior`
    );
  }
  try {
    drawHierarchy(model.structure, stepKey(randomKey(1), 0, 0).stream(0));
  } catch (error) {
    return `${(error as Error).message}; give every parameter a proper prior`;
  }
  return undefined;
}

/** `[dimension]`, unconstrained; a seed gives one position. The priors must be proper: see `priorRefusal`. */
export async function priorPosition(model: Model, seed: string): Promise<Float64Array> {
  if (model.structure === undefined) return drawPrior(model, seed);
  const positions = new HierarchyPositions(model);
  const position = new Float64Array(positions.dimension);
  positions.write(drawHierarchy(model.structure, stepKey(randomKey(seed), 0, 0).stream(0)), position);
  return position;
}
