// A hierarchical regression as a tensor program, with its gradients and random data: the shapes of loops that devices must get right.
import { gradients } from '../../src/kernels/program/gradients.js';
import { ProgramBuilder } from '../../src/kernels/program/programBuilder.js';
import { type NodeId, sizeOf } from '../../src/kernels/program/tensorProgram.js';

/** A small linear congruential generator: test inputs only. */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
}

export function array(random: () => number, shape: readonly number[]) {
  return { shape, values: Float64Array.from({ length: sizeOf(shape) }, random) };
}

export function chains(random: () => number, parameters: Record<string, number>, count: number) {
  return Array.from(
    { length: count },
    () => new Map(Object.entries(parameters).map(([name, size]) => [name, array(random, [size]).values])),
  );
}

/** Value and gradients of a hierarchical regression with `units` groups, slopes that vary by group, and population means. */
export function hierarchy(rows: number, units: number, slopes: number, sorted: boolean) {
  const random = generator(rows + units);
  const b = new ProgramBuilder();
  const mean = b.parameter('mean', [slopes]);
  const logScale = b.parameter('logScale', [slopes]);
  const raw = b.parameter('raw', [units, slopes]);
  const logSigma = b.parameter('logSigma', []);
  const y = b.data('y', [rows]);
  const x = b.data('x', [rows, slopes]);
  const unit = b.data('unit', [rows]);
  const beta = b.add(mean, b.mul(b.unary('exp', logScale), raw));
  const eta = b.sum(b.mul(x, b.gather(beta, unit)), [1]);
  const z = b.div(b.sub(y, eta), b.unary('exp', logSigma));
  const logLikelihood = b.sub(b.mul(b.scalar(-0.5), b.mul(z, z)), logSigma);
  const prior = b.mul(b.scalar(-0.5), b.sum(b.mul(raw, raw)));
  const value = b.add(b.sum(logLikelihood), b.add(prior, b.mul(b.scalar(-0.5), b.sum(b.mul(mean, mean)))));
  const wrt: [string, NodeId][] = [
    ['mean', mean],
    ['logScale', logScale],
    ['raw', raw],
    ['logSigma', logSigma],
  ];
  const grads = gradients(
    b,
    value,
    wrt.map(([, id]) => id),
  );
  const outputs = new Map<string, NodeId>([['value', value]]);
  for (const [i, [name]] of wrt.entries()) outputs.set(`gradient ${name}`, grads[i]);
  const codes = Float64Array.from({ length: rows }, () => Math.floor((random() + 0.5) * units));
  if (sorted) codes.sort();
  const design = array(random, [rows, slopes]);
  for (let row = 0; row < rows; row++) design.values[row * slopes] = 1;
  const data = new Map([
    ['y', array(random, [rows])],
    ['x', design],
    ['unit', { shape: [rows], values: codes }],
  ]);
  const sizes = { mean: slopes, logScale: slopes, raw: units * slopes, logSigma: 1 };
  return { program: b.finish(outputs), data, sizes, random };
}
