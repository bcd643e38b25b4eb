// Jobs on long vectors: what the operations say, block by block, and the same draws on any number of threads.
import { afterEach, describe, expect, it } from 'vitest';
import { compileDensity, type ModelDensity } from '../../src/inference/compiledModel.js';
import { type Draw, sample, type SampleSettings } from '../../src/inference/index.js';
import { type ArenaVector, VectorArena } from '../../src/inference/phaseSpace/vectorArena.js';
import { VectorJob } from '../../src/inference/phaseSpace/vectorJob.js';
import { blockLength } from '../../src/inference/phaseSpace/vectorKernels.js';
import { PhiloxStream, randomKey } from '../../src/inference/random/streams.js';
import { startThreads } from '../../src/kernels/adapters/nodeThreads.js';
import { cpuDevice } from '../../src/kernels/cpu/cpuDevice.js';
import type { StartThreads, Threads } from '../../src/kernels/cpu/executable.js';
import { groupMeans } from '../devices/plainLeapfrog.js';

const numbers = (length: number, seed: number) => Float64Array.from({ length }, (_, i) => Math.sin(seed + 7 * i));

describe.each([1, blockLength - 1, blockLength + 1, 3 * blockLength, 3 * blockLength + 1237])(
  'a job on %i numbers',
  (length) => {
    const arena = new VectorArena();
    const job = new VectorJob(arena, length);
    const vector = (seed: number): ArenaVector => {
      const made = arena.allocate(length);
      made.values.set(numbers(length, seed));
      return made;
    };
    const [p, g, q, m] = [vector(1), vector(2), vector(3), vector(4)];
    m.values.forEach((value, i) => (m.values[i] = i === 5 ? 0 : 1.5 + value));
    const inner = (...vectors: ArrayLike<number>[]): number =>
      Array.from({ length }, (_, i) => vectors.reduce((product, one) => product * one[i], 1)).reduce(
        (a, b) => a + b,
        0,
      );
    const expectSum = (at: number, value: number): void =>
      expect(Math.abs(job.total(at) - value)).toBeLessThan(1e-13 * length * 10);

    it('carries out each operation after those before it', () => {
      const [newP, newQ, sum, lanes, back] = [vector(5), vector(6), vector(7), arena.allocate(3 * length), vector(8)];
      const addresses = [p, g, q, m, newP, newQ].map(({ address }) => address);
      job.kickAndDrift(...(addresses as [number, number, number, number, number, number]), -0.3);
      job.copy(newQ.address, 8, lanes.address + 16, 24);
      job.copy(lanes.address + 16, 24, back.address, 8);
      const kicked = job.kick(newP.address, back.address, m.address, 0.5);
      const turned = job.turningOfPair(p.address, newP.address, m.address, sum.address);
      const stretches = [p, g, q, newP, newQ, sum, m, back].map(({ address }) => address);
      const all = job.turningOfStretches(
        ...(stretches as [number, number, number, number, number, number, number, number]),
      );
      job.run();
      const half = p.values.map((value, i) => value + -0.15 * g.values[i]);
      expect(newQ.values).toEqual(q.values.map((value, i) => value + -0.3 * m.values[i] * half[i]));
      expect(newP.values).toEqual(half.map((value, i) => value + 0.25 * newQ.values[i]));
      expect(lanes.values.filter((_, i) => i % 3 !== 2).every((value) => value === 0)).toBe(true);
      expect(sum.values).toEqual(p.values.map((value, i) => value + newP.values[i]));
      expect(back.values).toEqual(q.values.map((value, i) => value + sum.values[i]));
      expectSum(kicked, inner(m.values, newP.values, newP.values));
      expectSum(turned, inner(p.values, m.values, sum.values));
      expectSum(turned + 1, inner(newP.values, m.values, sum.values));
      const withNear = [q.values.map((value, i) => value + newP.values[i]), sum.values.map((v, i) => v + g.values[i])];
      [
        inner(p.values, m.values, back.values),
        inner(newQ.values, m.values, back.values),
        inner(p.values, m.values, withNear[0]),
        inner(newP.values, m.values, withNear[0]),
        inner(g.values, m.values, withNear[1]),
        inner(newQ.values, m.values, withNear[1]),
      ].forEach((value, i) => expectSum(all + i, value));
      job.reset();
    });

    it('goes on when it is full', () => {
      const counter = arena.allocate(length);
      const before = vector(10);
      const sums = Array.from({ length: 150 }, () =>
        job.turningOfPair(before.address, counter.address, m.address, counter.address),
      );
      job.run();
      expect(Math.abs(counter.values[length - 1] - 150 * before.values[length - 1])).toBeLessThan(1e-11);
      sums.forEach((at, i) => {
        const expected = (i + 1) * inner(before.values, m.values, before.values);
        expect(Math.abs(job.total(at) - expected)).toBeLessThan(1e-11 * length);
      });
      job.reset();
    });
  },
);

it.each([blockLength + 1, 3 * blockLength])('momenta of %i numbers take the normals of the stream', (length) => {
  const arena = new VectorArena();
  const job = new VectorJob(arena, length);
  const [made, m] = [arena.allocate(length), arena.allocate(length)];
  m.values.forEach((_, i) => (m.values[i] = i % 100 === 5 ? 0 : 1.5 + Math.sin(i)));
  const stream = new PhiloxStream(randomKey(3), 2, 5, 1);
  const twice = job.refresh(made.address, m.address, stream.counter);
  job.run();
  const z = new Float64Array(length);
  stream.fillNormal(z);
  z.forEach((value, i) => {
    const expected = m.values[i] > 0 ? value / Math.sqrt(m.values[i]) : value;
    expect(Math.abs(made.values[i] - expected)).toBeLessThan(1e-14 * (1 + Math.abs(expected)));
  });
  const sum = made.values.reduce((total, value, i) => total + m.values[i] * value * value, 0);
  expect(Math.abs(job.total(twice) / sum - 1)).toBeLessThan(1e-13);
});

describe('draws of long vectors', () => {
  const { model, dimension } = groupMeans(5 * blockLength);
  const open: ModelDensity[] = [];
  afterEach(async () => {
    for (const density of open.splice(0)) await density.dispose();
  });

  async function drawsOn(threads: number, metric: SampleSettings['metric'], hasMemory = true): Promise<string[]> {
    let started: Promise<Threads> | undefined;
    const start: StartThreads = (count, setup) => (started = startThreads(count, setup));
    const density = await compileDensity(model, cpuDevice({ threads, startThreads: start }), 3);
    open.push(density);
    expect(started !== undefined).toBe(threads > 1);
    await started;
    const draws: string[] = [];
    const onDraw = ({ chain, index, phase, position, info }: Draw): void => {
      const parts = [0, 1, 2, blockLength, dimension - 1].map((i) => position[i]);
      draws.push(JSON.stringify([chain, phase, index, parts, position.reduce((sum, x) => sum + x * x, 0), info]));
    };
    const settings = { chains: 3, warmup: 22, draws: 6, maxTreeDepth: 4, metric };
    await sample(hasMemory ? density : { ...density, memory: undefined }, settings, { onDraw });
    return draws.sort();
  }

  it.each([{ kind: 'diagonal' }, { kind: 'block', dense: [0, 1, 7000] }] as const)(
    'are the same on 1 and 3 threads, and with vectors in a memory of their own: metric $kind',
    async (metric) => {
      const alone = await drawsOn(1, metric);
      expect(alone.length).toBe(3 * 28);
      expect(await drawsOn(3, metric)).toEqual(alone);
      expect(await drawsOn(1, metric, false)).toEqual(alone);
    },
    120_000,
  );
});
