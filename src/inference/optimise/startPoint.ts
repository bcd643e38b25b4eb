// Where an optimiser starts: a jittered position with finite density and gradient.
import { InitialisationError, type InitialPositions } from '../initialise.js';
import { type RandomKey, sites, stepKey } from '../random/streams.js';
import { type Evaluating, newPoint, type Point } from './evaluating.js';
import { isFiniteVector } from './vectors.js';

const ATTEMPTS = 100;

/** The start of path (or chain) `index`, evaluated: the position that a chain of that number tries too. Throws InitialisationError. */
export function* startPoint(
  dimension: number,
  key: RandomKey,
  index: number,
  { centre = 0, radius = 2, positions }: InitialPositions = {},
): Evaluating<Point> {
  const exact = positions?.[index % positions.length];
  const attempts = exact ? 1 : ATTEMPTS;
  const point = newPoint(dimension);
  for (let attempt = 0; attempt < attempts; attempt++) {
    const stream = stepKey(key, index, attempt).stream(sites.initialPosition);
    for (let i = 0; i < dimension; i++) {
      point.position[i] = exact ? exact[i] : at(centre, i) + at(radius, i) * (2 * stream.uniform() - 1);
    }
    yield [point];
    if (Number.isFinite(point.value) && isFiniteVector(point.gradient)) return point;
  }
  const notFinite = Number.isFinite(point.value) ? 'gradient' : 'log density';
  throw new InitialisationError(index, attempts, notFinite, undefined, undefined, undefined);
}

function at(value: number | ArrayLike<number>, index: number): number {
  return typeof value === 'number' ? value : value[index];
}
