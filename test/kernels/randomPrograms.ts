// Random tensor functions, written with tf ops over random small shapes, for comparing ways to evaluate them.
import * as tf from '@tensorflow/tfjs-core';
import type { NamedTensors, TensorFunction, TraceSignature } from '../../src/kernels/trace/trace.js';
import { bounded, randomOf, Run, steps } from './randomSteps.js';

export interface RandomProgram {
  readonly seed: number;
  /** Outputs: 'value' (a scalar) and 'array' (the last intermediate, of any shape). */
  readonly fn: TensorFunction;
  /** Smallest distance, over all elements, of an argument to a kink or jump: compare only where it is well above rounding. */
  readonly margin: (parameters: NamedTensors, data: NamedTensors) => tf.Tensor;
  readonly signature: TraceSignature;
  /** Values of parameters and data by name; all are exact in float32. */
  readonly arrays: Readonly<Record<string, Float64Array>>;
}

/** The random function of a seed: same seed, same function and arrays. `longExtents` are mixed in with extents up to 4. */
export function randomProgram(seed: number, stepCount = 12, longExtents: readonly number[] = []): RandomProgram {
  const random = randomOf(seed * 7919 + 17);
  const extent = (): number => {
    const isLong = longExtents.length > 0 && random() < 0.4;
    return isLong ? longExtents[Math.floor(random() * longExtents.length)] : 1 + Math.floor(random() * 4);
  };
  const shapeOfRank = (rank: number): number[] => Array.from({ length: rank }, extent);
  const parameters = { a: [], b: shapeOfRank(1), c: shapeOfRank(2), d: shapeOfRank(Math.floor(random() * 4)) };
  const indexLimit = 2 + Math.floor(random() * 3);
  const data = {
    x: { shape: shapeOfRank(2), dtype: 'float32' as const },
    index: { shape: [5], dtype: 'int32' as const },
  };
  const arrays: Record<string, Float64Array> = {};
  const values = (shape: readonly number[], draw: () => number): Float64Array =>
    Float64Array.from({ length: shape.reduce((p, n) => p * n, 1) }, draw);
  const real = (): number => Math.fround(random() * 3 - 1.5);
  for (const [name, shape] of Object.entries(parameters)) arrays[name] = values(shape, real);
  arrays.x = values(data.x.shape, real);
  arrays.index = values(data.index.shape, () => Math.floor(random() * indexLimit));

  const play = (p: NamedTensors, d: NamedTensors, keepMargins: boolean): Run => {
    const run = new Run(randomOf(seed), [p.a, p.b, p.c, p.d, d.x], d.index, indexLimit, keepMargins);
    for (let i = 0; i < stepCount; i++) run.pool.push(run.pick(steps)(run));
    return run;
  };
  return {
    seed,
    signature: { parameters, data },
    arrays,
    fn: (p, d) => {
      const { pool } = play(p, d, false);
      const array = pool[pool.length - 1];
      return { value: tf.addN(pool.map((x) => bounded(x.mul(0.5)).mean())), array };
    },
    margin: (p, d) => {
      const { margins } = play(p, d, true);
      return margins.length === 0 ? tf.scalar(1) : tf.min(tf.stack(margins));
    },
  };
}
