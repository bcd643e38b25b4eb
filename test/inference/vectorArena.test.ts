// Vectors in WebAssembly memory: the kernels do what their definitions say, for odd lengths too, and growth keeps every view.
import { describe, expect, it } from 'vitest';
import type { BatchedLogDensity, Draw } from '../../src/inference/index.js';
import { sample } from '../../src/inference/index.js';
import { HostPhaseSpace } from '../../src/inference/phaseSpace/hostPhaseSpace.js';
import { diagonalMetric } from '../../src/inference/phaseSpace/metric.js';
import { type ArenaVector, sharedArena, VectorArena } from '../../src/inference/phaseSpace/vectorArena.js';
import { batched, correlatedNormal, eightSchools } from './densities.js';

/** The same density with its arrays in a memory that can grow, as compiled densities have them. */
function inMemory(plain: BatchedLogDensity): BatchedLogDensity {
  const { dimension, lanes } = plain;
  const size = dimension * lanes;
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
  const positions = new Float64Array(memory.buffer, 64, size);
  const gradients = new Float64Array(memory.buffer, 64 + 8 * size, size);
  const evaluate = (): void => {
    plain.positions.set(positions);
    void plain.evaluate();
    gradients.set(plain.gradients);
  };
  return { dimension, lanes, memory, positions, gradients, logDensities: plain.logDensities, evaluate };
}

/** Deterministic numbers of both signs. */
const numbers = (length: number, seed: number) => Float64Array.from({ length }, (_, i) => Math.sin(seed + 7 * i));
const sum = (length: number, term: (i: number) => number) =>
  Array.from({ length }, (_, i) => term(i)).reduce((total, value) => total + value, 0);

describe.each([1, 2, 5, 4017])('kernels over %i numbers', (length) => {
  const arena = new VectorArena();
  const vector = (seed: number): ArenaVector => {
    const made = arena.allocate(length);
    made.values.set(numbers(length, seed));
    return made;
  };
  const bytes = VectorArena.bytesOf(length);
  const { kernels } = arena;
  const results = arena.allocate(8).values;
  const [p, g, q, m] = [vector(1), vector(2), vector(3), vector(4)];

  it('kick and drift', () => {
    const [newP, newQ] = [vector(5), vector(6)];
    kernels.kickAndDrift(p.address, g.address, q.address, m.address, newP.address, newQ.address, bytes, -0.3);
    expect([...newP.values]).toEqual([...p.values].map((value, i) => value + -0.15 * g.values[i]));
    expect([...newQ.values]).toEqual([...q.values].map((value, i) => value + -0.3 * m.values[i] * newP.values[i]));
    const before = newP.values.slice();
    const twice = kernels.kick(newP.address, g.address, m.address, bytes, 0.5);
    expect([...newP.values]).toEqual([...before].map((value, i) => value + 0.25 * g.values[i]));
    expect(twice).toBeCloseTo(
      sum(length, (i) => m.values[i] * newP.values[i] ** 2),
      10,
    );
  });

  it('turning products', () => {
    const total = vector(7);
    kernels.turningOfPair(p.address, q.address, m.address, total.address, bytes, results.byteOffset);
    expect([...total.values]).toEqual([...p.values].map((value, i) => value + q.values[i]));
    const product = (a: Float64Array, b: Float64Array, c: Float64Array) =>
      sum(length, (i) => a[i] * m.values[i] * (b[i] + c[i]));
    expect(results[0]).toBeCloseTo(product(p.values, p.values, q.values), 9);
    expect(results[1]).toBeCloseTo(product(q.values, p.values, q.values), 9);
    const [a, b, c, d, e, f] = [8, 9, 10, 11, 12, 13].map(vector);
    kernels.turningOfStretches(
      ...([a.address, b.address, c.address, d.address, e.address, f.address] as const),
      ...([m.address, total.address, bytes, results.byteOffset] as const),
    );
    const expected = [
      product(a.values, c.values, f.values),
      product(e.values, c.values, f.values),
      product(a.values, c.values, d.values),
      product(d.values, c.values, d.values),
      product(b.values, f.values, b.values),
      product(e.values, f.values, b.values),
    ];
    expect([...total.values]).toEqual([...c.values].map((value, i) => value + f.values[i]));
    expected.forEach((value, i) => expect(results[i]).toBeCloseTo(value, 9));
  });

  it('copies between strides', () => {
    const lanes = arena.allocate(3 * length);
    kernels.copy(p.address, 8, lanes.address + 16, 24, length);
    expect([...lanes.values]).toEqual([...p.values].flatMap((value) => [0, 0, value]));
    const back = arena.allocate(length + 1);
    kernels.copy(lanes.address + 16, 24, back.address, 8, length);
    expect([...back.values]).toEqual([...p.values, 0]);
  });
});

describe('the arena', () => {
  it('grows without losing a vector', () => {
    const arena = new VectorArena();
    const vectors = Array.from({ length: 40 }, (_, i) => {
      const made = arena.allocate(5000);
      made.values.fill(i);
      return made;
    });
    vectors.forEach(({ values }, i) => expect(values.every((value) => value === i)).toBe(true));
    const addresses = vectors.map(({ address }) => address % 4096);
    expect(new Set(addresses).size).toBeGreaterThan(5);
  });

  it('lies behind the arrays of a density, unless the vectors would fill that memory', () => {
    const density = inMemory(batched(10, eightSchools().density));
    const before = density.memory!.buffer.byteLength;
    expect(sharedArena(density, 100)!.allocate(10).address).toBeGreaterThanOrEqual(before);
    expect(sharedArena({ ...density, dimension: 2 ** 20 }, 500)).toBeDefined();
    expect(sharedArena({ ...density, dimension: 2 ** 20 }, 512)).toBeUndefined();
  });

  it('gives the draws that separate memories give, bit for bit', async () => {
    const drawsOf = async (density: BatchedLogDensity): Promise<string[]> => {
      const draws: string[] = [];
      const onDraw = ({ chain, index, position, info }: Draw) =>
        void draws.push(JSON.stringify([chain, index, ...position, info]));
      await sample(density, { chains: 3, warmup: 100, draws: 50 }, { onDraw });
      return draws.sort();
    };
    for (const [dimension, plain] of [
      [10, eightSchools().density],
      [5, correlatedNormal(5, 0.8).density],
    ] as const) {
      expect(await drawsOf(inMemory(batched(dimension, plain)))).toEqual(await drawsOf(batched(dimension, plain)));
    }
  });

  it('forgets steps that were not finite: padding never reaches an energy', () => {
    const density = batched(3, correlatedNormal(3, 0.5).density, 1);
    const space = new HostPhaseSpace(density, 0, diagonalMetric(3));
    const at = { point: 0, momentum: 0 };
    const stream = { uniform: () => 0.5, bernoulli: () => true, fillNormal: (z: Float64Array) => void z.fill(0.5) };
    const leap = (stepSize: number): number => {
      space.positionAt(0).fill(0.1);
      const start = { kind: 'evaluate', point: 0 } as const;
      space.begin(start);
      void density.evaluate();
      space.finish(start);
      space.answer({ kind: 'refresh', at, stream });
      const step = { kind: 'leapfrog', from: at, to: at, stepSize } as const;
      space.begin(step);
      void density.evaluate();
      return space.finish(step);
    };
    const usual = leap(0.1);
    expect(usual).toBeGreaterThan(0);
    expect(leap(Infinity)).toBe(Infinity);
    expect(leap(0.1)).toBe(usual);
  });
});
