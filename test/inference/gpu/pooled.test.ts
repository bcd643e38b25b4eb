// Reductions over chains on the device against the host's, on the same f32 vectors; and that only scalars come back.
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { GpuPhaseSpaces } from '../../../src/inference/gpu/gpuPhaseSpaces.js';
import { HostPhaseSpaces } from '../../../src/inference/phaseSpace/hostPhaseSpaces.js';
import type { PhaseSpaces } from '../../../src/inference/phaseSpace/phaseSpaces.js';
import type { Request } from '../../../src/inference/phaseSpace/requests.js';
import type { GpuContext } from '../../../src/kernels/webgpu/context.js';
import { testGpu } from '../../kernels/webgpu/testGpu.js';
import { randomNumbers } from '../../models/random.js';
import { batched, correlatedNormal } from '../densities.js';
import { resident, wgslCorrelatedNormal } from './residentDensities.js';

const context = await testGpu();
/** Pages of 128 dimensions, and few workgroups to a dispatch. */
const small = await testGpu({ bindingBytes: 46_000, workgroups: 6 });
afterAll(() => {
  context?.dispose();
  small?.dispose();
});

const cases = [
  { name: '3 dimensions, 5 chains', dimension: 3, chains: 5, dense: [], on: () => context! },
  { name: '700 dimensions, 4 chains', dimension: 700, chains: 4, dense: [], on: () => context! },
  { name: 'a dense block of 3 of 7, 1000 chains', dimension: 7, chains: 1000, dense: [1, 4, 6], on: () => context! },
  {
    name: 'a dense block of 70 of 300, 3 chains',
    dimension: 300,
    chains: 3,
    dense: everyThird(70),
    on: () => context!,
  },
  { name: 'pages and few workgroups, 8 chains', dimension: 400, chains: 8, dense: [3, 399], on: () => small! },
];

function everyThird(count: number): number[] {
  return Array.from({ length: count }, (_, i) => 3 * i);
}

const created: (() => void)[] = [];
afterEach(() => created.splice(0).forEach((dispose) => dispose()));

interface Both {
  readonly host: PhaseSpaces;
  readonly device: PhaseSpaces;
  readonly gpu: GpuContext;
  readonly normals: (length: number, scale?: number) => Float64Array;
}

async function both({ name, dimension, chains, dense, on }: (typeof cases)[number]): Promise<Both> {
  const random = randomNumbers(name);
  const normals = (length: number, scale = 1): Float64Array =>
    Float64Array.from({ length }, () => Math.fround(scale * random.normal()));
  const settings = {
    chains,
    inverseMass: normals(dimension).map((z) => Math.fround(Math.exp(z / 2))),
    denseIndices: Int32Array.from(dense),
    slots: () => ({ points: 3, momenta: 2 }),
  };
  const density = await resident(on(), wgslCorrelatedNormal(dimension, 0.5), chains);
  const device = await GpuPhaseSpaces.create(density, settings, 1);
  created.push(() => (device.dispose(), density.dispose()));
  const host = new HostPhaseSpaces(batched(dimension, correlatedNormal(dimension, 0.5).density, chains), settings);
  return { host, device, gpu: on(), normals };
}

/** Both take windows of draws in, of a length that differs between chains; some have none. */
async function observe({ host, device, normals }: Both, draws: (chain: number) => number): Promise<void> {
  const lists = Array.from({ length: host.chains }, (_, chain): Request[] =>
    Array.from({ length: draws(chain) }, (): Request[] => [
      { kind: 'write', point: 0, position: normals(host.dimension, 2).map((x) => Math.fround(x + 3)) },
      { kind: 'observe', point: 0 },
    ]).flat(),
  );
  for (const spaces of [host, device]) await spaces.answer(lists);
}

async function expectSameMetrics({ host, device }: Both): Promise<void> {
  for (const chain of new Set([0, 1, host.chains - 1])) {
    const [expected, actual] = [await host.save(chain, 0), await device.save(chain, 0)];
    expected.inverseMass.forEach((variance, i) => {
      expect(Math.abs(actual.inverseMass[i] - variance) / (Math.abs(variance) + 1e-30)).toBeLessThan(2e-6);
    });
    expect(actual.blockInverseMass === undefined).toBe(expected.blockInverseMass === undefined);
    expected.blockInverseMass?.forEach((value, i) =>
      expect(Math.abs(actual.blockInverseMass![i] - value)).toBeLessThan(1e-12),
    );
    expect(actual.moments.count).toBe(0);
    expect(Math.max(...actual.moments.mean, ...actual.moments.squares)).toBe(0);
  }
}

describe.skipIf(context === undefined)('reductions over chains on the device', () => {
  it.each(cases)('estimate one metric from the moments of all: $name', async (subject) => {
    const spaces = await both(subject);
    const priorVariances = new Float64Array(subject.dimension).fill(0.25);
    for (const window of [(chain: number) => 5 + (chain % 3), (chain: number) => (chain === 1 ? 0 : 4)]) {
      await observe(spaces, window);
      const before = spaces.gpu.counters.bytesRead;
      expect(await spaces.host.pooled!.adapt(priorVariances)).toBe(true);
      expect(await spaces.device.pooled!.adapt(priorVariances)).toBe(true);
      expect(spaces.gpu.counters.bytesRead - before).toBe(8);
      await expectSameMetrics(spaces);
    }
  });

  it.each(cases)('keep the metric when the moments allow no estimate: $name', async (subject) => {
    const spaces = await both(subject);
    const { host, device } = spaces;
    const priorVariances = new Float64Array(subject.dimension).fill(0.25);
    expect(await device.pooled!.adapt(priorVariances)).toBe(false);
    await observe(spaces, (chain) => Number(chain === 2));
    for (const each of [host, device]) expect(await each.pooled!.adapt(priorVariances)).toBe(false);
    const position = new Float64Array(subject.dimension).fill(1e38);
    const far = [position, position.map((x) => -x)].flatMap((at): Request[] => [
      { kind: 'write', point: 0, position: at },
      { kind: 'observe', point: 0 },
    ]);
    await device.answer([far, far]);
    expect(await device.pooled!.adapt(priorVariances)).toBe(false);
    await expectSameMetrics(spaces);
    await observe(spaces, () => 3);
    for (const each of [host, device]) expect(await each.pooled!.adapt(priorVariances)).toBe(true);
    await expectSameMetrics(spaces);
  });

  it.each(cases)('measure the moves of all chains: $name', async (subject) => {
    const spaces = await both(subject);
    const { host, device, gpu, normals } = spaces;
    const { dimension, chains } = subject;
    await observe(spaces, () => 6);
    for (const each of [host, device]) await each.pooled!.adapt(new Float64Array(dimension).fill(0.25));
    const weights = Float64Array.from({ length: chains }, (_, chain) => (chain === 1 ? 0 : 1 / (1 + (chain % 4))));
    const moves = {
      before: Int32Array.from(weights, (_, chain) => chain % 2),
      after: Int32Array.from(weights, (_, chain) => (chain % 2 === 0 ? 2 : 0)),
      momenta: Int32Array.from(weights, (_, chain) => chain % 2),
      weights,
    };
    // Far from 0, so that differences have to be taken before squares.
    const around = (): Float64Array => normals(dimension).map((x) => Math.fround(20 + x));
    const lists = Array.from({ length: chains }, (_, chain): Request[] => {
      const z = normals(dimension);
      const stream = { uniform: () => 0.5, bernoulli: () => true, fillNormal: (to: Float64Array) => void to.set(z) };
      return [
        { kind: 'write', point: moves.before[chain], position: around() },
        { kind: 'write', point: moves.after[chain], position: chain === 1 ? around().fill(NaN) : around() },
        { kind: 'evaluate', point: moves.before[chain] },
        { kind: 'refresh', at: { point: moves.before[chain], momentum: moves.momenta[chain] }, stream },
      ];
    });
    for (const each of [host, device]) await each.answer(lists);
    const expected = await host.pooled!.moveStatistics(moves);
    const before = gpu.counters.bytesRead;
    const actual = await device.pooled!.moveStatistics(moves);
    // Two sums of two floats for each chain that has moved.
    expect(gpu.counters.bytesRead - before).toBe(16 * (chains - 1));
    for (let chain = 0; chain < chains; chain++) {
      if (chain === 1) {
        expect([actual.changes[1], actual.slopes[1]]).toEqual([NaN, NaN]);
        continue;
      }
      // Sums over the dimensions of terms of order 1, from positions that are rounded by 2^-20.
      const tolerance = 2 ** -18 * dimension;
      expect(Math.abs(actual.changes[chain] - expected.changes[chain])).toBeLessThan(tolerance);
      expect(Math.abs(actual.slopes[chain] - expected.slopes[chain])).toBeLessThan(tolerance);
    }
    expect(await device.pooled!.moveStatistics(moves)).toEqual(actual);
  });
});
