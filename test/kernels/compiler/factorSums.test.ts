// Sums after the rewriting: the same values, and nothing inside the rows that is the same for all of them.
import { describe, expect, it } from 'vitest';
import { factorSums } from '../../../src/kernels/compiler/factorSums.js';
import { gradients } from '../../../src/kernels/program/gradients.js';
import { interpret } from '../../../src/kernels/program/interpreter.js';
import { ProgramBuilder } from '../../../src/kernels/program/programBuilder.js';
import type { NodeId, TensorProgram } from '../../../src/kernels/program/tensorProgram.js';

const rows = 60;

/** Normal log likelihood of a regression with a scale, value and gradients. */
function regression(): TensorProgram {
  const b = new ProgramBuilder();
  const beta = b.parameter('beta', [5, 2]);
  const logSigma = b.parameter('logSigma', []);
  const unit = b.data('unit', [rows]);
  const eta = b.sum(b.mul(b.data('x', [rows, 2]), b.gather(beta, unit)), [1]);
  const z = b.div(b.sub(b.data('y', [rows]), eta), b.unary('exp', logSigma));
  const value = b.sum(b.sub(b.mul(b.scalar(-0.5), b.mul(z, z)), logSigma));
  const [betaGradient, scaleGradient] = gradients(b, value, [beta, logSigma]);
  return b.finish(
    new Map([
      ['value', value],
      ['beta', betaGradient],
      ['logSigma', scaleGradient],
    ]),
  );
}

function numbers(length: number, seed: number): Float64Array {
  return Float64Array.from({ length }, (_, i) => Math.sin(seed + 7.3 * i));
}

function expectSameValues(program: TensorProgram, inputs: ReadonlyMap<string, ArrayLike<number>>): void {
  const [before, after] = [interpret(program, inputs), interpret(factorSums(program), inputs)];
  for (const [name, values] of before) {
    for (const [i, value] of values.entries()) {
      const error = Math.abs(after.get(name)![i] - value) / Math.max(1, Math.abs(value));
      expect(error, `${name}[${i}]`).toBeLessThan(1e-12);
    }
  }
}

describe('factorSums', () => {
  it('leaves values and gradients as they are', () => {
    expectSameValues(
      regression(),
      new Map<string, ArrayLike<number>>([
        ['beta', numbers(10, 1)],
        ['logSigma', [0.3]],
        ['x', numbers(rows * 2, 2)],
        ['y', numbers(rows, 3)],
        ['unit', Float64Array.from({ length: rows }, (_, i) => i % 5)],
      ]),
    );
  });

  it('computes residual, its square and its products with predictors in the rows, and nothing else', () => {
    const { nodes } = factorSums(regression());
    const work = nodes.filter(
      ({ shape, operation }) => shape[0] === rows && (operation.op === 'binary' || operation.op === 'unary'),
    );
    // x·β, y − η, residual², x·residual
    expect(work.length).toBe(4);
    expect(nodes.filter(({ operation, shape }) => operation.op === 'reduce' && shape.length === 0).length).toBe(1);
  });

  it('handles factors along some of the summed axes, signs, repeated terms and constants', () => {
    const b = new ProgramBuilder();
    const table = b.parameter('table', [40, 50]);
    const [perRow, perColumn, scalar] = [
      b.parameter('perRow', [40, 1]),
      b.parameter('perColumn', [50]),
      b.parameter('scalar', []),
    ];
    const product = b.mul(b.mul(b.neg(b.mul(table, perRow)), perColumn), scalar);
    const twice = b.add(product, product);
    const outputs = new Map<string, NodeId>([
      ['all', b.sum(twice)],
      ['columns', b.sum(twice, [0])],
      ['rows', b.sum(b.mul(twice, b.scalar(0.25)), [1])],
      ['shifted', b.sum(b.sub(scalar, b.mul(table, table)))],
      ['nothing', b.sum(b.sub(product, product))],
      ['outer', b.sum(b.mul(perRow, perColumn))],
      ['itself', product],
    ]);
    expectSameValues(
      b.finish(outputs),
      new Map<string, ArrayLike<number>>([
        ['table', numbers(2000, 4)],
        ['perRow', numbers(40, 5)],
        ['perColumn', numbers(50, 6)],
        ['scalar', [-1.7]],
      ]),
    );
  });
});
