// The density by which scales are proposed, as a tensor program: their priors exactly, a quadratic in variances and covariances for all else.
import * as tf from '@tensorflow/tfjs-core';
import type { Device } from '../../../kernels/device.js';
import { literal } from '../../../kernels/ops/index.js';
import { deviatingCount } from '../../../models/linearHierarchy/links.js';
import { covarianceLogPriors, sigmaLogPrior } from '../../../models/linearHierarchy/scalePriors.js';
import { hasFactors, isDiagonal, type LinearHierarchy } from '../../../models/linearHierarchy/structure.js';
import { type BoundProgram, compileProgram } from '../program.js';
import { identity, logJacobianOfFactor, placedAt, triangle } from '../triangles.js';
import { levelDimension, surrogateDimension } from './coordinates.js';

export const surrogateNames = {
  coordinates: 'coordinates',
  sigma: 'reference sigma',
  factor: (level: number) => `reference ${level}`,
  slopes: 'slopes',
  curvature: 'curvature',
} as const;

/** Outputs: `value` by the coordinates of a reference (see `Reference`) with its gradient, and `quadratic`, the part that stands for the likelihood. */
export function compileSurrogate(
  structure: LinearHierarchy,
  t: number,
  device: Device,
  chains: number,
): Promise<BoundProgram> {
  const { coordinates, sigma: sigmaName, factor, slopes, curvature } = surrogateNames;
  const term = structure.terms[t];
  const n = surrogateDimension(term);
  const shapes: Record<string, readonly number[]> = {
    [coordinates]: [n],
    [sigmaName]: [],
    [slopes]: [n],
    [curvature]: [n, n],
  };
  for (const [j, level] of term.levels.entries()) {
    const k = deviatingCount(level);
    shapes[factor(j)] = isDiagonal(level.covariance) ? [k] : [k, k];
  }
  return compileProgram(
    device,
    chains,
    shapes,
    new Map(),
    (p) => {
      const x = p[coordinates];
      const logSigma = x.slice([0], [1]);
      // Scales by the names of their parameters.
      const scales: Record<string, tf.Tensor> = { [structure.errors.sigma]: p[sigmaName].mul(logSigma.exp()).sum() };
      const parts = [logSigma.sum()];
      const displacements = [logSigma];
      let next = 1;
      for (const [j, level] of term.levels.entries()) {
        const length = levelDimension(level);
        const own = x.slice([next], [length]);
        next += length;
        const { covariance } = level;
        if (hasFactors(covariance)) throw new Error('scales of factors are not moved');
        if (covariance.cholesky === undefined) {
          displacements.push(own.mul(2).exp().sub(1));
          parts.push(own.sum());
          scales[covariance.sds] = own.exp().mul(p[factor(j)]);
          continue;
        }
        const { ratio, logDiagonal } = ratioOf(own, deviatingCount(level));
        const c = tf.matMul(p[factor(j)], ratio);
        const sds = c.square().sum(1).sqrt();
        const lower = c.div(sds.expandDims(1));
        parts.push(logJacobian(logDiagonal, sds, lower));
        scales[covariance.sds] = sds;
        scales[covariance.cholesky] = lower;
        displacements.push(lowerTriangle(tf.matMul(ratio, ratio, false, true)));
      }
      parts.push(sigmaLogPrior(structure.errors, scales), ...covarianceLogPriors(term, scales));
      const q = tf.concat(displacements, 0);
      const product = p[curvature].mul(q.expandDims(0)).sum(1);
      const quadratic = p[slopes].sub(product.mul(0.5)).mul(q).sum();
      return { value: parts.reduce((sum, part) => sum.add(part), quadratic), quadratic };
    },
    {},
    { gradientsBy: [coordinates] },
  );
}

/** B = U D of a level's coordinates, and log D. */
function ratioOf(own: tf.Tensor, k: number): { readonly ratio: tf.Tensor; readonly logDiagonal: tf.Tensor } {
  const places = triangle(k).map(([i, j], at) => ({ i, j, at }));
  const below = places.filter(({ i, j }) => i > j);
  const onDiagonal = places.filter(({ i, j }) => i === j);
  const logDiagonal = placedAt(
    own,
    onDiagonal.map(({ i, at }) => [at, i]),
    k,
  );
  const unit = placedAt(
    own,
    below.map(({ i, j, at }) => [at, i * k + j]),
    k * k,
  ).reshape([k, k]);
  return { ratio: unit.add(identity(k)).mul(logDiagonal.exp().expandDims(0)), logDiagonal };
}

/** Lower triangle of S − I, row by row. */
function lowerTriangle(s: tf.Tensor): tf.Tensor {
  const k = s.shape[0];
  const places = triangle(k);
  const own = placedAt(
    s.reshape([k * k]),
    places.map(([i, j], at) => [i * k + j, at]),
    places.length,
  );
  return own.sub(literal(places.map(([i, j]) => Number(i === j))));
}

/** log |∂(s, L) / ∂ coordinates| with diag(s) L = C U D, up to a constant: Π D_j^(k − j), j from 0, besides that of the factor. */
function logJacobian(logDiagonal: tf.Tensor, sds: tf.Tensor, lower: tf.Tensor): tf.Tensor {
  const k = sds.shape[0];
  const powers = literal(Array.from({ length: k }, (_, j) => k - j));
  return logJacobianOfFactor(sds, lower).add(logDiagonal.mul(powers).sum());
}
