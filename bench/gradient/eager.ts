// The benchmark's density in tfjs as it is run there: op by op, with tfjs' own gradients, f32, one chain.
import * as tf from '@tensorflow/tfjs-core';
import { createRequire } from 'node:module';
import '@tensorflow/tfjs-backend-cpu';
import { setThreadsCount } from '@tensorflow/tfjs-backend-wasm';
import { upperLevels } from './density.js';
import { position, type Problem } from './problem.js';

// tfjs-core registers gradients only where a bundler asks for them; both copies of it share one engine and registry.
createRequire(import.meta.url)('@tensorflow/tfjs-core/dist/register_all_gradients.js');

export interface Eager {
  /** Log density and the norm of its gradient, read back. */
  evaluate(): { value: number; gradientNorm: number };
}

/**
 * Rows stand in a rectangle [unit, occasion, coefficient] with a mask, so that no gather is needed (its gradient is missing on
 * wasm and slow on cpu): the fastest form found.
 */
export async function eagerDensity(problem: Problem, backend: 'wasm' | 'cpu'): Promise<Eager> {
  setThreadsCount(1);
  await tf.setBackend(backend);
  const { markets, unitsPerMarket, coefficients, rows, traits } = problem.sizes;
  const { units } = problem;
  const unit = problem.data.get('unit')!.values;
  const occasion = unit.map((u, row) => row - unit.indexOf(u));
  const longest = occasion.reduce((a, b) => Math.max(a, b)) + 1;
  const x = new Float32Array(units * longest * coefficients);
  const y = new Float32Array(units * longest);
  const mask = new Float32Array(units * longest);
  for (let row = 0; row < rows; row++) {
    const place = unit[row] * longest + occasion[row];
    y[place] = problem.data.get('y')!.values[row];
    mask[place] = 1;
    for (let k = 0; k < coefficients; k++)
      x[place * coefficients + k] = problem.data.get('x')!.values[row * coefficients + k];
  }
  const [xTensor, yTensor, maskTensor, w] = [
    tf.tensor(x, [units, longest, coefficients]),
    tf.tensor(y, [units, longest, 1]),
    tf.tensor(mask, [units, longest, 1]),
    tf.tensor(Float32Array.from(problem.data.get('w')!.values), [markets, traits]),
  ];
  const values = position(problem, 0);
  let offset = 0;
  const parameters = problem.blocks.map(({ shape }) => {
    const size = shape.reduce((a, b) => a * b, 1);
    offset += size;
    return tf.tensor(Float32Array.from(values.subarray(offset - size, offset)), [...shape]);
  });
  const density = (...tensors: tf.Tensor[]): tf.Scalar => {
    const p = Object.fromEntries(problem.blocks.map(({ name }, i) => [name, tensors[i]]));
    const eta = tf.matMul(xTensor, p.beta.expandDims(2));
    const residual = tf.mul(tf.sub(yTensor, eta), maskTensor);
    const z = tf.div(residual, tf.exp(p.logSigma));
    const likelihood = tf.sub(tf.mul(-0.5, tf.sum(tf.square(z))), tf.mul(rows, p.logSigma));
    const byMarket = { ...p, beta: p.beta.reshape([markets, unitsPerMarket, coefficients]) };
    return tf.add(likelihood, upperLevels(byMarket, w, p.gamma.expandDims(1))).asScalar();
  };
  const valueAndGradients = tf.valueAndGrads(density);
  return {
    evaluate() {
      void tf.setBackend(backend);
      return tf.tidy(() => {
        const { value, grads } = valueAndGradients(parameters);
        let squares = 0;
        for (const gradient of grads) for (const component of gradient.dataSync()) squares += component ** 2;
        return { value: value.dataSync()[0], gradientNorm: Math.sqrt(squares) };
      });
    },
  };
}
