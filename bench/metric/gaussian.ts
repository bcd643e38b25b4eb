// A normal with a few strong correlations: independent standard deviations, and some directions much wider or narrower than these say.
import type { BatchedLogDensity } from '../../src/inference/index.js';
import { randomKey, stepKey } from '../../src/inference/random/streams.js';

/** Standard deviations span two orders of magnitude; these are variances along random orthonormal directions, in units of theirs. */
const directionVariances = [400, 100, 25, 0.04, 0.01];

/** N(0, S (I + U (Λ − I) Uᵀ) S) for all lanes. */
export function correlatedGaussian(dimension: number, lanes: number): BatchedLogDensity {
  const scales = Float64Array.from({ length: dimension }, (_, i) => 10 ** (-1 + (2 * i) / (dimension - 1)));
  const directions = orthonormalDirections(dimension, directionVariances.length);
  const z = new Float64Array(dimension);
  const score = new Float64Array(dimension);
  const density = {
    dimension,
    lanes,
    positions: new Float64Array(dimension * lanes),
    logDensities: new Float64Array(lanes),
    gradients: new Float64Array(dimension * lanes),
    evaluate() {
      const { positions, gradients } = density;
      for (let lane = 0; lane < lanes; lane++) {
        let square = 0;
        for (let i = 0; i < dimension; i++) {
          z[i] = positions[i * lanes + lane] / scales[i];
          square += z[i] * z[i];
          score[i] = -z[i];
        }
        directions.forEach((direction, k) => {
          let along = 0;
          for (let i = 0; i < dimension; i++) along += direction[i] * z[i];
          const excess = 1 / directionVariances[k] - 1;
          square += excess * along * along;
          for (let i = 0; i < dimension; i++) score[i] -= excess * along * direction[i];
        });
        density.logDensities[lane] = -square / 2;
        for (let i = 0; i < dimension; i++) gradients[i * lanes + lane] = score[i] / scales[i];
      }
    },
  };
  return density;
}

/** Random directions, made orthonormal one after another. */
function orthonormalDirections(dimension: number, count: number): Float64Array[] {
  const directions: Float64Array[] = [];
  for (let k = 0; k < count; k++) {
    const direction = new Float64Array(dimension);
    stepKey(randomKey('directions'), k, 0).stream(0).fillNormal(direction);
    for (const other of directions) {
      const along = other.reduce((sum, value, i) => sum + value * direction[i], 0);
      other.forEach((value, i) => (direction[i] -= along * value));
    }
    const length = Math.hypot(...direction);
    directions.push(direction.map((value) => value / length));
  }
  return directions;
}
