// Every operation of the device's phase space against the host's, in f64, on random inputs; the seed is told on failure.
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { GpuPhaseSpaces } from '../../../src/inference/gpu/gpuPhaseSpaces.js';
import { HostPhaseSpaces } from '../../../src/inference/phaseSpace/hostPhaseSpaces.js';
import type { PhaseSpaces, PhaseSpacesSettings } from '../../../src/inference/phaseSpace/phaseSpaces.js';
import type { Request } from '../../../src/inference/phaseSpace/requests.js';
import type { RandomStream } from '../../../src/inference/random/streams.js';
import { PhiloxStream, randomKey } from '../../../src/inference/random/streams.js';
import type { GpuContext } from '../../../src/kernels/webgpu/context.js';
import { testGpu } from '../../kernels/webgpu/testGpu.js';
import { batched, correlatedNormal } from '../densities.js';
import { resident, wgslCorrelatedNormal } from './residentDensities.js';

const context = await testGpu();
// Pages of 128 dimensions: vectors of a chain are spread over several buffers.
const small = await testGpu({ bindingBytes: 110_000 });
afterAll(() => {
  context?.dispose();
  small?.dispose();
});

const seed = Math.floor(Math.random() * 2 ** 32);
const key = randomKey(seed);
let streams = 0;
const stream = () => new PhiloxStream(key, 1, streams++, 0);
const told = `seed ${seed}`;

interface Case {
  readonly name: string;
  readonly dimension: number;
  readonly chains: number;
  readonly dense: readonly number[];
  readonly on: () => GpuContext;
}

const cases: Case[] = [
  { name: '3 dimensions', dimension: 3, chains: 4, dense: [], on: () => context! },
  { name: '1 dimension, 1 chain', dimension: 1, chains: 1, dense: [], on: () => context! },
  { name: '700 dimensions', dimension: 700, chains: 3, dense: [], on: () => context! },
  { name: 'a dense block of 3 of 7', dimension: 7, chains: 3, dense: [1, 4, 6], on: () => context! },
  { name: 'a dense block of 130 of 300', dimension: 300, chains: 2, dense: everyOther(130), on: () => context! },
  { name: 'pages', dimension: 500, chains: 2, dense: [3, 499], on: () => small! },
];

function everyOther(count: number): number[] {
  return Array.from({ length: count }, (_, i) => 2 * i);
}

const rho = 0.7;
const slots = { points: 12, momenta: 24 };
const created: (() => void)[] = [];
afterEach(() => created.splice(0).forEach((dispose) => dispose()));

function f32Normals(length: number, scale = 1): Float64Array {
  const values = new Float64Array(length);
  stream().fillNormal(values);
  return values.map((value) => Math.fround(scale * value));
}

async function both({ dimension, chains, dense, on }: Case): Promise<{ host: PhaseSpaces; device: PhaseSpaces }> {
  const lanes = chains + 1;
  const settings: PhaseSpacesSettings = {
    chains,
    inverseMass: f32Normals(dimension).map((z) => Math.fround(Math.exp(z / 2))),
    denseIndices: Int32Array.from(dense),
    slots: () => slots,
  };
  const density = await resident(on(), wgslCorrelatedNormal(dimension, rho), lanes);
  const device = await GpuPhaseSpaces.create(density, settings);
  created.push(() => (device.dispose(), density.dispose()));
  const host = new HostPhaseSpaces(batched(dimension, correlatedNormal(dimension, rho).density, lanes), settings, 16);
  return { host, device };
}

/** A stream without a counter, whose normals are given. */
const givenNormals = (z: Float64Array): RandomStream => {
  return { uniform: () => 0.5, bernoulli: () => true, fillNormal: (target) => target.set(z) };
};

type Lists = readonly (readonly Request[] | undefined)[];

async function answersOf(spaces: PhaseSpaces, lists: Lists): Promise<number[][]> {
  const answers = await spaces.answer(lists);
  return lists.map((list, chain) => Array.from({ length: list?.length ?? 0 }, (_, i) => answers[chain][i]));
}

async function readOf(
  spaces: PhaseSpaces,
  point: number,
  vector: 'position' | 'gradient' = 'position',
): Promise<Float64Array[]> {
  const targets = Array.from({ length: spaces.chains }, () => new Float64Array(spaces.dimension));
  await spaces.answer(targets.map((target) => [{ kind: 'read', point, vector, target }]));
  return targets;
}

/** Largest difference of two vectors in units of f32 rounding of their size. */
function roundings(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let [difference, size] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    difference = Math.max(difference, Math.abs(actual[i] - expected[i]));
    size = Math.max(size, Math.abs(expected[i]));
  }
  return difference / (size * 2 ** -24);
}

/** Lists that put a random position into slot 0 of every chain, evaluate it, and draw a momentum into slot 0. */
function starts(spaces: PhaseSpaces): { positions: Float64Array[]; lists: Request[][] } {
  const positions = Array.from({ length: spaces.chains }, () => f32Normals(spaces.dimension));
  const lists = positions.map((position): Request[] => [
    { kind: 'write', point: 0, position },
    { kind: 'evaluate', point: 0 },
    { kind: 'refresh', at: { point: 0, momentum: 0 }, stream: stream() },
  ]);
  return { positions, lists };
}

const at = (k: number) => ({ point: k, momentum: k });
const leapfrog = (from: number, to: number, stepSize: number): Request => {
  return { kind: 'leapfrog', from: at(from), to: at(to), stepSize };
};

/** Observes positions and adapts the metric, to the same on both sides. */
async function adaptBoth(host: PhaseSpaces, device: PhaseSpaces, draws: number): Promise<number[][]> {
  const priorVariances = new Float64Array(host.dimension).fill(0.5);
  const answers: number[][] = [];
  const lists = Array.from({ length: host.chains }, (): Request[] => [
    ...Array.from({ length: draws }, (): Request[] => [
      { kind: 'write', point: 1, position: f32Normals(host.dimension, 2) },
      { kind: 'observe', point: 1 },
    ]).flat(),
    { kind: 'adapt', priorVariances },
  ]);
  for (const spaces of [host, device]) answers.push((await answersOf(spaces, lists)).map((chain) => chain.at(-1)!));
  return answers;
}

describe.skipIf(context === undefined)('phase space on the device equals the host to f32', () => {
  describe.each(cases)('$name', (subject) => {
    const { dimension } = subject;
    /** Energies are sums of `dimension` terms of order 1, each rounded to f32. */
    const energyTolerance = 2 ** -20 * Math.sqrt(dimension) * 8;

    it('evaluates, and reads positions and gradients back', async () => {
      const { host, device } = await both(subject);
      const { positions, lists } = starts(host);
      const [expected, actual] = [await answersOf(host, lists), await answersOf(device, lists)];
      actual.forEach((chain, c) => expect(Math.abs(chain[1] - expected[c][1]), told).toBeLessThan(energyTolerance));
      (await readOf(device, 0)).forEach((position, c) => expect([...position]).toEqual([...positions[c]]));
      const gradients = await readOf(host, 0, 'gradient');
      (await readOf(device, 0, 'gradient')).forEach((gradient, c) => {
        expect(roundings(gradient, gradients[c]), told).toBeLessThan(16);
        expect(device.logDensityAt(c, 0)).toBe(actual[c][1]);
      });
    });

    it('steps through several leapfrogs of each chain in one batch', async () => {
      const { host, device } = await both(subject);
      const { lists } = starts(host);
      lists.forEach((list, c) => {
        const stepSize = (c % 2 === 0 ? 0.1 : -0.07) / dimension ** 0.25;
        for (let k = 0; k < 3 + c; k++) list.push(leapfrog(k, k + 1, stepSize));
      });
      const [expected, actual] = [await answersOf(host, lists), await answersOf(device, lists)];
      actual.forEach((chain, c) => {
        for (let i = 1; i < chain.length; i++) {
          // The momentum's normals differ by 2e-7 on average, seldom by up to 5e-4.
          const tolerance = energyTolerance * 4 + 1e-5 * Math.sqrt(dimension);
          expect(Math.abs(chain[i] - expected[c][i]), `${told}, chain ${c}, answer ${i}`).toBeLessThan(tolerance);
        }
      });
      const positions = await readOf(host, 3);
      (await readOf(device, 3)).forEach((position, c) => {
        const root = Math.sqrt(position.reduce((sum, x, i) => sum + (x - positions[c][i]) ** 2, 0) / dimension);
        expect(root, told).toBeLessThan(2e-5);
      });
    });

    it('is reversible', async () => {
      const { host, device } = await both(subject);
      const { positions, lists } = starts(host);
      await device.answer(lists);
      const stepSize = 0.1 / dimension ** 0.25;
      const there = Array.from({ length: 10 }, (_, k) => leapfrog(k, k + 1, stepSize));
      const back = Array.from({ length: 10 }, () => leapfrog(10, 10, -stepSize));
      await device.answer(positions.map(() => [...there, ...back]));
      (await readOf(device, 10)).forEach((position, c) =>
        expect(roundings(position, positions[c]), told).toBeLessThan(200),
      );
    });

    it('tests for turns, sums of spans before the spans made of them', async () => {
      const { host, device } = await both(subject);
      const { lists } = starts(host);
      for (const list of lists) {
        // Momenta from the host: they are the same on both sides to f32.
        const z = f32Normals(dimension);
        list[2] = { kind: 'refresh', at: at(0), stream: givenNormals(z) };
        for (let k = 0; k < 4; k++) list.push(leapfrog(k, k + 1, 0.5 / dimension ** 0.25));
        const leaf = (k: number) => ({ begin: k, end: k, sum: k });
        list.push({ kind: 'turning', left: leaf(1), right: leaf(2), sum: 11 });
        list.push({ kind: 'turning', left: leaf(3), right: leaf(4), sum: 12 });
        const [left, right] = [
          { begin: 1, end: 2, sum: 11 },
          { begin: 3, end: 4, sum: 12 },
        ];
        list.push({ kind: 'turning', left, right, sum: 13 });
        list.push({ kind: 'turning', left: leaf(0), right: { begin: 1, end: 4, sum: 13 }, sum: 14 });
      }
      const [expected, actual] = [await answersOf(host, lists), await answersOf(device, lists)];
      actual.forEach((chain, c) => {
        for (let i = lists[c].length - 4; i < lists[c].length; i++) {
          expect(Math.abs(chain[i] - expected[c][i]), told).toBeLessThan(2e-5 * dimension);
        }
      });
    });

    it('adapts the metric from observed positions, and uses it', async () => {
      const { host, device } = await both(subject);
      const [expected, actual] = await adaptBoth(host, device, 40);
      expect(actual).toEqual(expected);
      expect(actual).toEqual(actual.map(() => 1));
      for (let chain = 0; chain < host.chains; chain++) {
        const diagonal = await host.inverseMassDiagonal(chain);
        expect(roundings(await device.inverseMassDiagonal(chain), diagonal), told).toBeLessThan(64);
      }
      const { lists } = starts(host);
      for (const list of lists) list.push(leapfrog(0, 1, 0.01), leapfrog(1, 2, 0.01));
      const [onHost, onDevice] = [await answersOf(host, lists), await answersOf(device, lists)];
      onDevice.forEach((chain, c) => {
        const tolerance = 1e-4 * Math.sqrt(dimension);
        for (let i = 1; i < chain.length; i++) expect(Math.abs(chain[i] - onHost[c][i]), told).toBeLessThan(tolerance);
      });
    });

    it('reduces over chains: statistics of their moves, and one metric from all their moments', async () => {
      const { host, device } = await both(subject);
      const priorVariances = new Float64Array(dimension).fill(0.2);
      const window = Array.from({ length: host.chains }, (_, c): Request[] =>
        Array.from({ length: 6 + c }, (): Request[] => [
          { kind: 'write', point: 1, position: f32Normals(dimension, 2) },
          { kind: 'observe', point: 1 },
        ]).flat(),
      );
      for (const spaces of [host, device]) {
        await spaces.answer(window);
        expect(await spaces.pooled!.adapt(priorVariances)).toBe(true);
        // The moments are cleared.
        expect(await spaces.pooled!.adapt(priorVariances)).toBe(false);
      }
      for (let chain = 0; chain < host.chains; chain++) {
        const diagonal = await host.inverseMassDiagonal(chain);
        expect(roundings(await device.inverseMassDiagonal(chain), diagonal), told).toBeLessThan(64);
      }
      const { lists } = starts(host);
      for (const list of lists) list.push(leapfrog(0, 1, 0.05));
      const moves = {
        before: new Int32Array(host.chains),
        after: new Int32Array(host.chains).fill(1),
        momenta: new Int32Array(host.chains).fill(1),
        weights: Float64Array.from({ length: host.chains }, (_, c) => 1 / (c + 1)),
      };
      for (const spaces of [host, device]) await spaces.answer(lists);
      const [expected, actual] = [await host.pooled!.moveStatistics(moves), await device.pooled!.moveStatistics(moves)];
      for (let chain = 0; chain < host.chains; chain++) {
        const tolerance = 1e-4 * dimension;
        expect(Math.abs(actual.changes[chain] - expected.changes[chain]), told).toBeLessThan(tolerance);
        expect(Math.abs(actual.slopes[chain] - expected.slopes[chain]), told).toBeLessThan(tolerance);
      }
    });

    it('keeps the metric when there is too little to estimate it from', async () => {
      const { host, device } = await both(subject);
      const before = await device.inverseMassDiagonal(0);
      for (const draws of [0, 1]) {
        const [expected, actual] = await adaptBoth(host, device, draws);
        expect(actual).toEqual(expected);
        expect(actual[0]).toBe(0);
      }
      const huge: Request[] = Array.from({ length: 3 }, (_, k): Request[] => [
        { kind: 'write', point: 1, position: new Float64Array(dimension).fill(1e38 * (-1) ** k) },
        { kind: 'observe', point: 1 },
      ]).flat();
      const priorVariances = new Float64Array(dimension).fill(1);
      const [answers] = await answersOf(device, [[...huge, { kind: 'adapt', priorVariances }]]);
      expect(answers.at(-1)).toBe(0);
      expect([...(await device.inverseMassDiagonal(0))]).toEqual([...before]);
      // The moments were cleared each time: a sound window is estimated as ever.
      expect((await adaptBoth(host, device, 20))[1][0]).toBe(1);
      const diagonal = await host.inverseMassDiagonal(0);
      expect(roundings(await device.inverseMassDiagonal(0), diagonal), told).toBeLessThan(64);
    });

    it('continues from what was saved with the very numbers', async () => {
      const { host, device } = await both(subject);
      await adaptBoth(host, device, 12);
      const { lists } = starts(host);
      await device.answer(lists);
      const observe: Request = { kind: 'observe', point: 0 };
      await device.answer(lists.map(() => [observe, observe]));
      const chain = host.chains - 1;
      const saved = await device.save(chain, 0);
      const { device: other } = await both(subject);
      other.restore(chain, 2, saved);
      const priorVariances = new Float64Array(dimension).fill(0.1);
      const onward = (point: number): Lists => {
        const refreshed = new PhiloxStream(key, 7, 8, 0);
        const list: Request[] = [
          { kind: 'evaluate', point },
          { kind: 'refresh', at: { point, momentum: 3 }, stream: refreshed },
          { kind: 'leapfrog', from: { point, momentum: 3 }, to: at(4), stepSize: 0.02 },
          { kind: 'observe', point: 4 },
          { kind: 'adapt', priorVariances },
          { kind: 'refresh', at: { point: 4, momentum: 4 }, stream: refreshed },
          { kind: 'leapfrog', from: at(4), to: at(5), stepSize: 0.02 },
        ];
        return Array.from({ length: host.chains }, (_, c) => (c === chain ? list : undefined));
      };
      const [here, there] = [await answersOf(device, onward(0)), await answersOf(other, onward(2))];
      expect(there).toEqual(here);
      expect(await other.save(chain, 5)).toEqual(await device.save(chain, 5));
    });
  });

  it('gives a chain the same numbers alone and among others, and in whatever pieces its lists come', async () => {
    const subject = { ...cases[3], chains: 1 };
    const inverseMass = Float64Array.from({ length: subject.dimension }, () => Math.fround(0.5 + Math.random()));
    const run = async (chains: number, chain: number, pieces: number): Promise<number[]> => {
      const density = await resident(context!, wgslCorrelatedNormal(subject.dimension, rho), chains);
      const settings = { chains, inverseMass, denseIndices: Int32Array.from(subject.dense), slots: () => slots };
      const device = await GpuPhaseSpaces.create(density, settings);
      created.push(() => (device.dispose(), density.dispose()));
      const listOf = (c: number): Request[] => [
        { kind: 'write', point: 0, position: new Float64Array(subject.dimension).fill(0.3 * (c - chain) + 0.1) },
        { kind: 'evaluate', point: 0 },
        { kind: 'refresh', at: at(0), stream: new PhiloxStream(key, c - chain, 3, 0) },
        ...Array.from({ length: 6 - c }, (_, k) => leapfrog(k, k + 1, 0.1)),
        { kind: 'turning', left: { begin: 0, end: 0, sum: 0 }, right: { begin: 1, end: 1, sum: 1 }, sum: 9 },
      ];
      const lists = Array.from({ length: chains }, (_, c) => (c === chain ? listOf(0) : listOf(c % 3)));
      lists[chain] = listOf(0).map((request) =>
        request.kind === 'write' ? { ...request, position: new Float64Array(subject.dimension).fill(0.1) } : request,
      );
      lists[chain][2] = { kind: 'refresh', at: at(0), stream: new PhiloxStream(key, 0, 3, 0) };
      const answers: number[] = [];
      const length = Math.ceil(lists[chain].length / pieces);
      for (let start = 0; start < lists[chain].length; start += length) {
        const part = lists.map((list) => list.slice(start, start + length));
        answers.push(...(await answersOf(device, part))[chain]);
      }
      return answers;
    };
    const alone = await run(1, 0, 1);
    expect(await run(5, 3, 1)).toEqual(alone);
    expect(await run(70, 66, 3)).toEqual(alone);
    expect(await run(1, 0, 100)).toEqual(alone);
  });

  it('refuses slots that were not announced', async () => {
    const { device } = await both(cases[0]);
    await expect(device.answer([[{ kind: 'evaluate', point: slots.points }]])).rejects.toThrow(
      /point slot 12, but 12 were announced/,
    );
  });
});
