// Every operation and its gradient on every device against the interpreter, and special functions over their whole range.
import { describe, expect, it, test } from 'vitest';
import { ProgramBuilder } from '../../src/kernels/program/programBuilder.js';
import { type TensorProgram, unaryFunctions, type UnaryFunction } from '../../src/kernels/program/tensorProgram.js';
import { unaryScalar } from '../../src/kernels/program/scalarFunctions.js';
import { algebra, cumulative, indexing, reductions, views } from '../kernels/program/arrayCases.js';
import { type Case, elementwise, values } from '../kernels/program/elementwiseCases.js';
import { trace } from '../../src/kernels/trace/trace.js';
import { gradientProgram } from '../kernels/support.js';
import { testDevices } from './devices.js';
import { deviceErrors } from './deviceErrors.js';

const take = (list: readonly number[], shape: readonly number[]): Float64Array =>
  Float64Array.from(
    list.slice(
      0,
      shape.reduce((a, b) => a * b, 1),
    ),
    Math.fround,
  );

describe.each(await testDevices())('on $label', ({ device }) => {
  test.each([...elementwise, ...views, ...reductions, ...cumulative, ...indexing, ...algebra])(
    '$name',
    async ({ fn, x, y, xShape = [5], yShape = [5] }: Case) => {
      const { program } = gradientProgram((p) => fn(p.x, p.y), { parameters: { x: xShape, y: yShape } });
      const at = { x: take(x ?? values, xShape), y: take(y ?? [...values].reverse(), yShape) };
      const chains = [1, 1.0625].map(
        (factor) => new Map(Object.entries(at).map(([name, v]) => [name, v.map((z) => z * factor)])),
      );
      // A few operations in float32, some near a zero of their derivative.
      for (const [name, error] of await deviceErrors(device, { program, data: new Map(), chains })) {
        expect(error, name).toBeLessThan(1e-5);
      }
      // Shared by all lanes: the same operations without a lane axis.
      const { builder, outputs } = trace((_, d) => fn(d.x, d.y), {
        parameters: {},
        data: { x: { shape: xShape }, y: { shape: yShape } },
      });
      const data = new Map([
        ['x', { shape: xShape, values: at.x }],
        ['y', { shape: yShape, values: at.y }],
      ]);
      const errors = await deviceErrors(device, { program: builder.finish(outputs), data, chains: chains.slice(0, 1) });
      expect(errors.get('value')).toBeLessThan(1e-5);
    },
  );

  /** Where a function is finite, by name; elsewhere −6 … 6 without 0. */
  const ranges: Partial<Record<UnaryFunction, readonly [number, number]>> = {
    sqrt: [0.001, 100],
    log: [1e-6, 1e6],
    log1p: [-0.9, 10],
    asin: [-0.99, 0.99],
    acos: [-0.99, 0.99],
    atanh: [-0.95, 0.95],
    acosh: [1.01, 50],
    tan: [-1.4, 1.4],
    erf: [-5, 5],
    normalCdf: [-12, 8],
    normalLogCdf: [-60, 8],
    softplus: [-30, 30],
    logGamma: [0.01, 60],
    digamma: [0.05, 60],
    trigamma: [0.05, 60],
  };

  it.each(unaryFunctions)('%s', async (fn) => {
    const [low, high] = ranges[fn] ?? [-6, 6];
    const points = Float64Array.from({ length: 501 }, (_, i) => Math.fround(low + ((high - low) * (i + 0.37)) / 501.5));
    await checkUnary(fn, points);
  });

  it.each(['logGamma', 'digamma', 'trigamma'] as const)('%s of negative numbers', async (fn) => {
    await checkUnary(
      fn,
      Float64Array.from({ length: 60 }, (_, i) => -0.35 - 0.1 * i - (i % 3) * 0.01).filter(
        (x) => Math.abs(x - Math.round(x)) > 0.1,
      ),
    );
  });

  /** Relative error in units of the larger of 1 and the value itself, except where the value is small and tests relative precision. */
  async function checkUnary(fn: UnaryFunction, points: Float64Array): Promise<void> {
    const builder = new ProgramBuilder();
    const program = builder.finish(new Map([['value', builder.unary(fn, builder.parameter('x', [points.length]))]]));
    const executable = await compile(program, points.length);
    executable.parameters.set(points);
    await executable.run();
    const actual = executable.output('value');
    const isRelative = fn === 'normalCdf' || fn === 'softplus' || fn === 'log1p' || fn === 'exp' || fn === 'sigmoid';
    for (const [i, x] of points.entries()) {
      const expected = unaryScalar[fn](x);
      const error = Math.abs(actual[i] - expected) / Math.max(isRelative ? 0 : 1, Math.abs(expected));
      expect(error, `${fn}(${x}) = ${actual[i]}, not ${expected}`).toBeLessThan(3e-6);
    }
    await executable.dispose();
  }

  const compile = (program: TensorProgram, size: number) =>
    device.compile(program, { parameters: [{ name: 'x', size }], data: new Map(), chains: 1 });

  it('a matrix that is not positive definite gives NaN in its own lane alone', async () => {
    const builder = new ProgramBuilder();
    const program = builder.finish(new Map([['value', builder.cholesky(builder.parameter('x', [2, 2]))]]));
    const chains = [
      [1, 2, 2, 1],
      [4, 2, 2, 5],
    ].map((values) => new Map([['x', values]]));
    const errors = await deviceErrors(device, { program, data: new Map(), chains });
    expect(errors.get('value')).toBeLessThan(1e-6);
  });
});
