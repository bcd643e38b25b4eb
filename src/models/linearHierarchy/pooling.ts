// Spreads that sets of coefficients share, in tensor ops: the standard deviation of each coefficient, and their log density.
import * as tf from '@tensorflow/tfjs-core';
import { literal } from '../../kernels/ops/index.js';
import type { StartingPoint, Tensors } from '../model.js';
import { priorLogDensity } from '../priors.js';
import type { Pooling } from './structure.js';

/** Standard deviations of the coefficients that are pooled, `[places]`. */
export function pooledSds({ sets, sds }: Pooling, parameters: Tensors): tf.Tensor {
  const parts: tf.Tensor[] = [];
  for (let first = 0; first < sets.length;) {
    let next = first + 1;
    while (next < sets.length && sets[next] === sets[first]) next++;
    parts.push(parameters[sds].slice([sets[first]], [1]).mul(literal(new Array<number>(next - first).fill(1))));
    first = next;
  }
  return tf.concat(parts, 0);
}

/** Spreads as large as what the data leave unknown of the coefficients: `pooledSpreads`, and how far their logs are known. */
export function poolingStart(pooling: Pooling): Record<string, StartingPoint> {
  const spreads = pooledSpreads(pooling);
  return { [pooling.sds]: { centre: spreads.map(Math.log), sd: new Float64Array(spreads.length).fill(0.5) } };
}

/** Root mean square of the rough standard errors of each set, `[set]`. */
export function pooledSpreads({ sets, errorSds, priors }: Pick<Pooling, 'sets' | 'errorSds' | 'priors'>): Float64Array {
  return Float64Array.from(priors, (_, k) => {
    const own = errorSds.filter((_sd, j) => sets[j] === k);
    return Math.sqrt(own.reduce((sum, sd) => sum + (sd * sd) / own.length, 0));
  });
}

/** Log density of the spreads, a scalar. */
export function pooledLogPrior({ sds, priors }: Pooling, parameters: Tensors): tf.Tensor {
  return tf.addN(priors.map((prior, k) => priorLogDensity(prior, parameters[sds].slice([k], [1])).sum()));
}
