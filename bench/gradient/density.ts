// The benchmark's log density in tensor ops, as a user of the library writes it, and its compiled form.
import * as tf from '@tensorflow/tfjs-core';
import { startThreads } from '../../src/kernels/adapters/nodeThreads.js';
import { compile } from '../../src/kernels/compiler/compile.js';
import { CpuExecutable } from '../../src/kernels/cpu/executable.js';
import { gatherRows } from '../../src/kernels/ops/index.js';
import { gradients } from '../../src/kernels/program/gradients.js';
import { sizeOf, type TensorProgram } from '../../src/kernels/program/tensorProgram.js';
import { type NamedTensors, trace } from '../../src/kernels/trace/trace.js';
import { position, type Problem } from './problem.js';

/** Σ log N(x; mean, exp(logScale)) without its constant; the scale is broadcast along the last axis. */
function normalSum(x: tf.Tensor, mean: tf.Tensor | number, logScale: tf.Tensor): tf.Tensor {
  const z = tf.div(tf.sub(x, mean), tf.exp(logScale));
  return tf.sum(tf.sub(tf.mul(-0.5, tf.square(z)), logScale));
}

/** Everything above the rows: units within markets, markets, and N(0, 1) or N(0, 10) priors. */
export function upperLevels(p: NamedTensors, w: tf.Tensor, unitMean: tf.Tensor): tf.Tensor {
  const prior = (x: tf.Tensor, scale: number): tf.Tensor => tf.mul(-0.5 / scale ** 2, tf.sum(tf.square(x)));
  return tf.addN([
    normalSum(p.beta, unitMean, p.logSigmaU),
    normalSum(p.gamma, tf.matMul(w, p.delta as tf.Tensor2D), p.logSigmaV),
    prior(p.delta, 10),
    prior(p.logSigmaV, 1),
    prior(p.logSigmaU, 1),
    prior(p.logSigma, 1),
  ]);
}

/** log p(y, parameters) of the three-level regression. */
function logDensity(p: NamedTensors, d: NamedTensors): tf.Tensor {
  const eta = tf.sum(tf.mul(d.x, gatherRows(p.beta, d.unit)), 1);
  return tf.add(normalSum(d.y, eta, p.logSigma), upperLevels(p, d.w, gatherRows(p.gamma, d.market)));
}

/** Value and all gradients as one program: outputs `value` and `gradient <block>`. */
export function traceProgram(problem: Problem): TensorProgram {
  const data = Object.fromEntries(
    [...problem.data].map(([name, { shape }]) => [
      name,
      { shape, dtype: name === 'unit' || name === 'market' ? ('int32' as const) : ('float32' as const) },
    ]),
  );
  const parameters = Object.fromEntries(problem.blocks.map(({ name, shape }) => [name, shape]));
  const recorded = trace(logDensity, { parameters, data });
  const value = recorded.outputs.get('value')!;
  const wrt = problem.blocks.map(({ name }) => recorded.parameters.get(name)!);
  const grads = gradients(recorded.builder, value, wrt);
  return recorded.builder.finish(
    new Map([['value', value], ...problem.blocks.map(({ name }, i) => [`gradient ${name}`, grads[i]] as const)]),
  );
}

/** Compiles for `chains` chains and writes a position to each. */
export async function bind(problem: Problem, program: TensorProgram, chains: number, threads: number) {
  const parameters = problem.blocks.map(({ name, shape }) => ({ name, size: sizeOf(shape) }));
  const compiled = compile(program, { parameters, data: problem.data, chains, precision: 'double' });
  const executable = await CpuExecutable.create(compiled, threads, startThreads);
  for (let chain = 0; chain < chains; chain++) {
    const values = position(problem, chain);
    for (let i = 0; i < values.length; i++) executable.parameters[i * executable.lanes + chain] = values[i];
  }
  return { compiled, executable };
}
