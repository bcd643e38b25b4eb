// Eight schools (Rubin 1981): a density so small that a call costs more than its arithmetic.
import * as tf from '@tensorflow/tfjs-core';
import { compile } from '../../src/kernels/compiler/compile.js';
import { CpuExecutable } from '../../src/kernels/cpu/executable.js';
import { gradients } from '../../src/kernels/program/gradients.js';
import type { NodeId } from '../../src/kernels/program/tensorProgram.js';
import { type NamedTensors, trace } from '../../src/kernels/trace/trace.js';

const effects = [28, 8, -3, 7, -1, 1, 18, 12];
const standardErrors = [15, 10, 16, 11, 9, 11, 10, 18];

/** Non-centred, τ ~ half-Cauchy(0, 5), μ ~ N(0, 5). */
function logDensity({ mu, logTau, raw }: NamedTensors, { y, sigma }: NamedTensors): tf.Tensor {
  const tau = tf.exp(logTau);
  const z = tf.div(tf.sub(y, tf.add(mu, tf.mul(tau, raw))), sigma);
  const squares = tf.addN([tf.sum(tf.square(z)), tf.sum(tf.square(raw)), tf.square(tf.div(mu, 5))]);
  return tf.sub(tf.sub(logTau, tf.mul(0.5, squares)), tf.log1p(tf.square(tf.div(tau, 5))));
}

/** Value and gradient for `chains` chains. */
export async function eightSchools(chains: number): Promise<CpuExecutable> {
  const { builder, outputs, parameters } = trace(logDensity, {
    parameters: { mu: [], logTau: [], raw: [8] },
    data: { y: { shape: [8] }, sigma: { shape: [8] } },
  });
  const value = outputs.get('value')!;
  const named: [string, NodeId][] = gradients(builder, value, [...parameters.values()]).map((id, i) => [`${i}`, id]);
  const compiled = compile(builder.finish(new Map([['value', value], ...named])), {
    parameters: [
      { name: 'mu', size: 1 },
      { name: 'logTau', size: 1 },
      { name: 'raw', size: 8 },
    ],
    data: new Map([
      ['y', { shape: [8], values: effects }],
      ['sigma', { shape: [8], values: standardErrors }],
    ]),
    chains,
    precision: 'double',
  });
  const executable = await CpuExecutable.create(compiled, 1);
  for (let i = 0; i < executable.parameters.length; i++) executable.parameters[i] = Math.sin(i);
  return executable;
}
