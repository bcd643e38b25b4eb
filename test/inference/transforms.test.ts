// Constraint transforms: values lie in the set, Jacobians equal those of the map by differences, extremes stay finite.
import { describe, expect, it } from 'vitest';
import { constrain, unconstrainedShape } from '../../src/inference/transforms/transforms.js';
import type { Constraint } from '../../src/models/parameters.js';
import { invert, jacobian, logDeterminant, multiply, transpose } from '../models/denseMatrices.js';
import { randomNumbers } from '../models/random.js';
import { evaluate, finiteDifferences, gradientProgram, largestError } from '../kernels/support.js';

interface Case {
  readonly constraint: Constraint;
  readonly shape: readonly number[];
}

const sizes: readonly (readonly number[])[] = [[2], [3], [6], [1, 4], [3, 2], [2, 3, 4]];
const correlationSizes = [
  [1, 1],
  [2, 2],
  [3, 3],
  [5, 5],
  [3, 2, 2],
  [2, 2, 4, 4],
];
const cases: Case[] = [
  ...[[], [1], ...sizes].flatMap((shape): Case[] => [
    { constraint: { kind: 'real' }, shape },
    { constraint: { kind: 'positive' }, shape },
    { constraint: { kind: 'interval', lower: -2.5, upper: 0.75 }, shape },
  ]),
  ...[[1], ...sizes].map((shape): Case => ({ constraint: { kind: 'ordered' }, shape })),
  ...sizes.flatMap((shape): Case[] => [
    { constraint: { kind: 'simplex' }, shape },
    { constraint: { kind: 'sumToZero' }, shape },
  ]),
  ...correlationSizes.map((shape): Case => ({ constraint: { kind: 'choleskyCorrelation' }, shape })),
];
const named = cases.map((one) => ({ ...one, name: `${one.constraint.kind} [${one.shape.join(', ')}]` }));

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1);

/** Constrained value and log Jacobian as a program of the unconstrained `x`, and a function of x. */
function transformOf({ constraint, shape }: Case) {
  const free = unconstrainedShape(constraint, shape);
  const { program } = gradientProgram(
    ({ x }) => {
      const { value, logJacobian } = constrain(constraint, x, shape);
      return { value, logJacobian: logJacobian ?? x.sum().mul(0) };
    },
    { parameters: { x: free } },
    'logJacobian',
  );
  const at = (x: ArrayLike<number>) => {
    const outputs = evaluate(program, { x });
    return {
      value: outputs.get('value')!,
      logJacobian: outputs.get('logJacobian')![0],
      gradient: outputs.get('gradient of x')!,
    };
  };
  return { program, at, freeSize: sizeOf(free) };
}

/** Coordinates of one constrained element that determine it: as many as the set has dimensions. */
function freeCoordinates(kind: Constraint['kind'], value: ArrayLike<number>, last: number): number[] {
  const all = Array.from(value);
  switch (kind) {
    case 'simplex':
      return all.filter((_, i) => i % last < last - 1);
    case 'choleskyCorrelation':
      return all.filter((_, i) => Math.floor((i % (last * last)) / last) > i % last);
    default:
      return all;
  }
}

function expectMember({ constraint, shape }: Case, value: Float64Array): void {
  const last = shape.at(-1) ?? 1;
  const rows = Array.from({ length: value.length / last }, (_, i) => [...value.slice(i * last, (i + 1) * last)]);
  const total = (row: readonly number[]): number => row.reduce((a, b) => a + b, 0);
  switch (constraint.kind) {
    case 'real':
      break;
    case 'positive':
      expect(Math.min(...value)).toBeGreaterThan(0);
      break;
    case 'interval':
      expect(Math.min(...value)).toBeGreaterThanOrEqual(constraint.lower);
      expect(Math.max(...value)).toBeLessThanOrEqual(constraint.upper);
      break;
    case 'ordered':
      for (const row of rows) expect(row).toEqual([...row].sort((a, b) => a - b));
      break;
    case 'simplex':
      expect(Math.min(...value)).toBeGreaterThanOrEqual(0);
      for (const row of rows) expect(total(row)).toBeCloseTo(1, 12);
      break;
    case 'sumToZero':
      for (const row of rows) expect(Math.abs(total(row))).toBeLessThan(1e-13 * Math.max(1, ...row.map(Math.abs)));
      break;
    case 'choleskyCorrelation':
      for (const [i, row] of rows.entries()) {
        expect(total(row.map((x) => x * x))).toBeCloseTo(1, 12);
        expect(row[i % last]).toBeGreaterThan(0);
        expect(row.slice((i % last) + 1).every((x) => x === 0)).toBe(true);
      }
      break;
    default:
      constraint satisfies never;
  }
}

describe.each(named)('$name', (one) => {
  const { at, program, freeSize } = transformOf(one);
  const last = one.shape.at(-1) ?? 1;
  const points = [0, 1, 2].map((seed) => randomNumbers(`${one.name} ${seed}`).normals(freeSize, 1.5));

  it('maps onto the set', () => {
    for (const x of points) expectMember(one, at(x).value);
  });

  it('has the Jacobian of the map', () => {
    for (const x of points) {
      const J = jacobian((moved) => freeCoordinates(one.constraint.kind, at(moved).value, last), x);
      // Sums of zero lie on a plane of their space: the volume is that of the rectangular Jacobian.
      const volume =
        one.constraint.kind === 'sumToZero'
          ? 0.5 * logDeterminant(multiply(transpose(J), J))
          : J.length === 0
            ? 0
            : invert(J).logDet;
      expect(at(x).logJacobian).toBeCloseTo(volume, 8);
    }
  });

  it('has the gradient of its log Jacobian', () => {
    for (const x of points) {
      expect(largestError(at(x).gradient, finiteDifferences(program, { x }, 'x', 'logJacobian'))).toBeLessThan(1e-8);
    }
  });

  it('stays finite at extremes', () => {
    for (const pattern of [() => 30, () => -30, (i: number) => (i % 2 === 0 ? 30 : -30)]) {
      const { value, logJacobian, gradient } = at(Float64Array.from({ length: freeSize }, (_, i) => pattern(i)));
      expectMember(one, value);
      expect([...value, logJacobian, ...gradient].every(Number.isFinite)).toBe(true);
    }
  });
});

describe('coordinates', () => {
  it('puts zero at the centre of every set', () => {
    const centre = (constraint: Constraint, shape: readonly number[]) => {
      const { at, freeSize } = transformOf({ constraint, shape });
      return [...at(new Float64Array(freeSize)).value];
    };
    for (const share of centre({ kind: 'simplex' }, [5])) expect(share).toBeCloseTo(0.2, 14);
    expect(centre({ kind: 'sumToZero' }, [3])).toEqual([0, 0, 0]);
    expect(centre({ kind: 'choleskyCorrelation' }, [2, 2])).toEqual([1, 0, 0, 1]);
    expect(centre({ kind: 'interval', lower: 1, upper: 3 }, [])).toEqual([2]);
    expect(centre({ kind: 'ordered' }, [3])).toEqual([0, 1, 2]);
  });

  it('spreads sums of zero alike in every direction', () => {
    // J J' of an isometry onto the plane is the projection I − 1/K.
    const { at, freeSize } = transformOf({ constraint: { kind: 'sumToZero' }, shape: [4] });
    const J = jacobian((x) => at(x).value, new Float64Array(freeSize));
    const projection = multiply(J, transpose(J));
    for (const [i, row] of projection.entries()) {
      for (const [j, value] of row.entries()) expect(value).toBeCloseTo((i === j ? 1 : 0) - 0.25, 10);
    }
  });

  it('reaches strong correlations without loss', () => {
    const { at } = transformOf({ constraint: { kind: 'choleskyCorrelation' }, shape: [2, 2] });
    const value = at([18]).value;
    // sech(18), which 1 − tanh² would round to nothing.
    expect(value[3] / (1 / Math.cosh(18))).toBeCloseTo(1, 12);
    expect(value[2]).toBeCloseTo(Math.tanh(18), 14);
  });
});

describe('shapes that cannot hold the set', () => {
  it.each([
    [{ kind: 'simplex' }, [1], /last axis of at least 2/],
    [{ kind: 'sumToZero' }, [], /last axis of at least 2/],
    [{ kind: 'ordered' }, [], /at least one axis/],
    [{ kind: 'choleskyCorrelation' }, [2, 3], /equal size/],
    [{ kind: 'choleskyCorrelation' }, [3], /equal size/],
  ] as const)('%o of %o is refused', (constraint, shape, message) => {
    expect(() => unconstrainedShape(constraint, shape)).toThrow(message);
  });
});
