// The reported sites of the regression in the data's units, and what its shrinkage says of each column.
import * as tf from '@tensorflow/tfjs-core';
import { meanAndSd } from '../../data/predictors.js';
import type { Coordinates } from '../../data/run/siteDescription.js';
import { literal } from '../../kernels/ops/index.js';
import { categoryEffects } from '../linearHierarchy/fixedBlock.js';
import { priorSds } from '../linearHierarchy/coefficientPrior.js';
import type { FixedBlock } from '../linearHierarchy/structure.js';
import type { Site, Tensors } from '../model.js';
import { horseshoeReport, horseshoeSites, inclusionOf } from '../shrinkage.js';
import type { RegressionData } from './data.js';

interface RegressionReport {
  readonly coords: Coordinates;
  readonly sites: readonly Site[];
  /** `theta`: the constant, the columns' coefficients and the free effects, in model units. */
  readonly compute: (parameters: Tensors, theta: tf.Tensor) => Tensors;
}

export function regressionReport(
  { x, categories, rows, response }: RegressionData,
  fixed: FixedBlock,
): RegressionReport {
  const { horseshoe } = fixed.prior;
  const sds = x.map(({ standardisation }) => standardisation?.sd ?? 1);
  const shifts = x.map(({ standardisation }) => standardisation?.mean ?? 0);
  const site = (name: string, ...dims: [string, number][]): Site => ({
    name,
    level: dims.some(([, size]) => size > 50) ? 'group' : 'population',
    shape: dims.map(([, size]) => size),
    dims: dims.map(([dim]) => dim),
    coefficientDims: ['column'],
  });
  const columns: [string, number] = ['column', x.length];
  const effectName = (name: string): string => `effect_${name}`;
  return {
    coords: {
      ...(x.length > 0 && { column: x.map(({ name }) => name) }),
      ...Object.fromEntries(categories.map(({ name, levels }) => [name, levels])),
    },
    sites: [
      site('intercept'),
      ...(x.length > 0 ? [site('coefficient', columns)] : []),
      site('sigma'),
      ...(horseshoe === undefined
        ? []
        : [...horseshoeSites(horseshoe).map((name) => site(name)), site('inclusion', columns)]),
      ...categories.map(({ name, levels }) => site(effectName(name), [name, levels.length])),
    ],
    compute: (parameters, theta) => {
      const own = theta.slice([1], [x.length]).div(literal(sds));
      const constant = theta.slice([0], [1]).reshape([]).add(literal(response.mean));
      const inclusion =
        horseshoe &&
        inclusionOf(
          priorSds(fixed.prior, parameters).slice([1], [x.length]),
          parameters.sigma.reshape([]).mul(literal(x.map(({ values }) => 1 / meanAndSd(values).sd / Math.sqrt(rows)))),
        );
      return {
        intercept: x.length === 0 ? constant : constant.sub(own.mul(literal(shifts)).sum()),
        ...(x.length > 0 && { coefficient: own }),
        sigma: parameters.sigma,
        ...(inclusion && { ...horseshoeReport(horseshoe, parameters, inclusion), inclusion }),
        ...Object.fromEntries(
          categories.map(({ name }, c): [string, tf.Tensor] => [effectName(name), categoryEffects(fixed, c, theta)]),
        ),
      };
    },
  };
}
