// The leapfrog step on every device, through the phase space that its density picks, against plain f64 arithmetic.
import { afterEach, describe, expect, it } from 'vitest';
import { compileDensity } from '../../src/inference/compiledModel.js';
import { phaseSpaces } from '../../src/inference/phaseSpace/createPhaseSpaces.js';
import type { PhaseSpaces } from '../../src/inference/phaseSpace/phaseSpaces.js';
import type { PhasePoint, Request } from '../../src/inference/phaseSpace/requests.js';
import type { RandomStream } from '../../src/inference/random/streams.js';
import { PhiloxStream, randomKey } from '../../src/inference/random/streams.js';
import type { Device } from '../../src/kernels/device.js';
import { randomNumbers } from '../models/random.js';
import { testDevices } from './devices.js';
import {
  groupMeans,
  inner,
  type InverseMass,
  multiply,
  type PlainPoint,
  plainLeapfrog,
  pointAt,
} from './plainLeapfrog.js';

/** Short vectors are summed by threads, long ones by workgroups and in several chunks. */
const models = { short: groupMeans(8), long: groupMeans(300) };
const chains = 3;
const key = randomKey(31);
type Numbers = ReturnType<typeof randomNumbers>;

interface Case {
  readonly name: string;
  readonly plain: ReturnType<typeof groupMeans>;
  /** Dimensions of the dense block. */
  readonly dense: readonly number[];
  readonly stepSize: number;
}

const cases: readonly Case[] = [
  { name: 'a diagonal metric, 10 dimensions', plain: models.short, dense: [], stepSize: 0.08 },
  { name: 'a dense block of 4 of 10 dimensions', plain: models.short, dense: [0, 1, 3, 9], stepSize: 0.08 },
  { name: 'a diagonal metric, 302 dimensions', plain: models.long, dense: [], stepSize: 0.04 },
  { name: 'a dense block of 70 of 302 dimensions', plain: models.long, dense: everyFourth(70), stepSize: 0.04 },
];

function everyFourth(count: number): number[] {
  return Array.from({ length: count }, (_, i) => 4 * i + 1);
}

const rounded = (length: number, of: () => number): Float64Array =>
  Float64Array.from({ length }, () => Math.fround(of()));

/** A metric's vectors as they are saved, and its matrix. Every number is a float32. */
interface TestMetric {
  readonly inverseMass: Float64Array;
  readonly blockInverseMass: Float64Array | undefined;
  readonly matrix: InverseMass;
}

/** The block is D + v v' with D diagonal: positive definite, every entry different. */
function metricOf({ plain: { dimension }, dense }: Case, random: Numbers): TestMetric {
  const size = dense.length;
  const diagonal = rounded(dimension, () => Math.exp(0.5 * random.normal()));
  const inverseMass = diagonal.map((value, i) => (dense.includes(i) ? 0 : value));
  const v = rounded(size, () => random.normal() / Math.sqrt(size));
  const block = Float64Array.from({ length: size * size }, (_, i) => {
    const [row, column] = [Math.floor(i / size), i % size];
    return Math.fround(v[row] * v[column] + (row === column ? diagonal[dense[row]] : 0));
  });
  const matrix = Array.from({ length: dimension }, (_, i) => {
    const row = new Float64Array(dimension);
    row[i] = inverseMass[i];
    return row;
  });
  dense.forEach((i, row) => dense.forEach((k, column) => (matrix[i][k] = block[row * size + column])));
  return { inverseMass, blockInverseMass: size > 0 ? block : undefined, matrix };
}

/** A stream whose normals are given: the same momenta everywhere but for rounding. */
const given = (z: Float64Array): RandomStream => {
  return { uniform: () => 0.5, bernoulli: () => true, fillNormal: (target) => target.set(z) };
};

const at = (slot: number): PhasePoint => ({ point: slot, momentum: slot });
const step = (from: number, to: number, stepSize: number): Request => {
  return { kind: 'leapfrog', from: at(from), to: at(to), stepSize };
};

/** p ~ N(0, M) from standard normals: z/√m⁻¹, and L⁻ᵀ z over the dense block, whose inverse mass is L L'. */
function momentumOf({ matrix }: TestMetric, dense: readonly number[], z: Float64Array): Float64Array {
  const p = z.map((value, i) => (matrix[i][i] > 0 ? value / Math.sqrt(matrix[i][i]) : 0));
  const size = dense.length;
  const factor = dense.map(() => new Float64Array(size));
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= row; column++) {
      let sum = matrix[dense[row]][dense[column]];
      for (let k = 0; k < column; k++) sum -= factor[row][k] * factor[column][k];
      factor[row][column] = row === column ? Math.sqrt(sum) : sum / factor[column][column];
    }
  }
  for (let row = size - 1; row >= 0; row--) {
    let sum = z[dense[row]];
    for (let below = row + 1; below < size; below++) sum -= factor[below][row] * p[dense[below]];
    p[dense[row]] = sum / factor[row][row];
  }
  return p;
}

describe.each(await testDevices())('leapfrog on $label', ({ device }) => {
  /** Unit of rounding of the device, and how much of it a few hundred additions and a trajectory may gather. */
  const unit = device.precision === 'double' ? 2 ** -53 : 2 ** -24;
  const close = (actual: number, expected: number, scale: number, roundings: number, what: string): void =>
    expect(Math.abs(actual - expected) / (scale * unit), what).toBeLessThan(roundings);

  const open: (() => Promise<void> | void)[] = [];
  afterEach(async () => {
    for (const close of open.splice(0)) await close();
  });

  async function spacesOf({ plain, dense }: Case, on: Device): Promise<PhaseSpaces> {
    const density = await compileDensity(plain.model, on, chains);
    const spaces = await phaseSpaces(density, {
      chains,
      inverseMass: new Float64Array(plain.dimension).fill(1),
      denseIndices: Int32Array.from(dense),
      slots: () => ({ points: 24, momenta: 24 }),
    });
    open.push(
      () => spaces.dispose(),
      () => density.dispose(),
    );
    return spaces;
  }

  /** Every chain at a position of its own with a metric of its own, evaluated; and the same in f64. */
  async function started(subject: Case) {
    const { dimension } = subject.plain;
    const size = subject.dense.length;
    const spaces = await spacesOf(subject, device);
    // Every device is given the same.
    const random = randomNumbers(subject.name);
    const metrics = Array.from({ length: chains }, () => metricOf(subject, random));
    const positions = metrics.map(() => rounded(dimension, () => 0.5 * random.normal()));
    metrics.forEach(({ inverseMass, blockInverseMass }, chain) => {
      const zeros = new Float64Array(dimension);
      const moments = { count: 0, mean: zeros, squares: zeros, products: new Float64Array(size * size) };
      spaces.restore(chain, 0, { position: positions[chain], inverseMass, blockInverseMass, moments });
    });
    return { spaces, metrics, positions, random };
  }

  /** Momenta from given normals. */
  function plainStarts(subject: Case, { metrics, positions, random }: Awaited<ReturnType<typeof started>>) {
    const normals = positions.map(({ length }) => rounded(length, () => random.normal()));
    const starts = positions.map((position, chain) => {
      const metric = metrics[chain];
      return pointAt(subject.plain, metric.matrix, position, momentumOf(metric, subject.dense, normals[chain]));
    });
    const lists = normals.map((z): Request[] => [
      { kind: 'evaluate', point: 0 },
      { kind: 'refresh', at: at(0), stream: given(z) },
    ]);
    return { starts, lists };
  }

  async function read(spaces: PhaseSpaces, point: number, vector: 'position' | 'gradient'): Promise<Float64Array[]> {
    const targets = Array.from({ length: chains }, () => new Float64Array(spaces.dimension));
    await spaces.answer(targets.map((target) => [{ kind: 'read', point, vector, target }]));
    return targets;
  }

  const largest = (vector: Float64Array): number => vector.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const expectVector = (actual: Float64Array, expected: Float64Array, roundings: number, what: string): void => {
    const scale = largest(expected);
    expected.forEach((x, i) => close(actual[i], x, scale, roundings, `${what}, dimension ${i}`));
  };
  /** Energies are sums of two terms for each dimension, which are larger than their sum where they cancel. */
  const sizeOf = ({ energy, momentum }: PlainPoint): number => Math.abs(energy) + momentum.length;

  describe.each(cases)('$name', (subject) => {
    const { plain, dense, stepSize } = subject;

    it('takes the steps of plain arithmetic: positions, gradients and energies', async () => {
      const begun = await started(subject);
      const { spaces, metrics } = begun;
      const { starts, lists } = plainStarts(subject, begun);
      const steps = 6;
      // Chains go different ways, all in one batch.
      const signed = starts.map((_, chain) => (chain === 1 ? -stepSize : stepSize * (1 - chain / 8)));
      lists.forEach((list, chain) => {
        for (let k = 0; k < steps; k++) list.push(step(k, k + 1, signed[chain]));
      });
      const answers = await spaces.answer(lists);
      const ends = starts.map((start, chain) => {
        let point = start;
        close(answers[chain][1], start.energy, sizeOf(start), 40, `energy of chain ${chain} at the start`);
        for (let k = 0; k < steps; k++) {
          point = plainLeapfrog(plain, metrics[chain].matrix, point, signed[chain]);
          close(answers[chain][2 + k], point.energy, sizeOf(point), 40, `energy of chain ${chain} after step ${k + 1}`);
        }
        return point;
      });
      const [there, gradients] = [await read(spaces, steps, 'position'), await read(spaces, steps, 'gradient')];
      ends.forEach(({ position, gradient }, chain) => {
        expectVector(there[chain], position, 100, `position of chain ${chain}`);
        expectVector(gradients[chain], gradient, 100, `gradient of chain ${chain}`);
      });
    });

    it('comes back when time runs backwards', async () => {
      const begun = await started(subject);
      const { spaces, positions } = begun;
      const { lists } = plainStarts(subject, begun);
      for (const list of lists) {
        for (let k = 0; k < 10; k++) list.push(step(k, k + 1, stepSize));
        list.push(step(10, 11, -stepSize));
        for (let k = 1; k < 10; k++) list.push(step(11, 11, -stepSize));
      }
      const answers = await spaces.answer(lists);
      const energies = Array.from(answers, (own) => [own[1], own[21]]);
      const [there, back] = [await read(spaces, 10, 'position'), await read(spaces, 11, 'position')];
      positions.forEach((position, chain) => {
        expectVector(back[chain], position, 200, `chain ${chain}`);
        expect(Math.abs(there[chain][0] - position[0])).toBeGreaterThan(0.01);
        const [before, after] = energies[chain];
        close(after, before, Math.abs(before) + position.length, 80, `energy of chain ${chain}`);
      });
    });

    it('has the turning products of plain arithmetic, and of sums of momenta', async () => {
      const begun = await started(subject);
      const { spaces, metrics } = begun;
      const { starts, lists } = plainStarts(subject, begun);
      const leaf = (k: number) => ({ begin: k, end: k, sum: k });
      const [left, right] = [
        { begin: 1, end: 2, sum: 11 },
        { begin: 3, end: 4, sum: 12 },
      ];
      for (const list of lists) {
        for (let k = 0; k < 4; k++) list.push(step(k, k + 1, stepSize));
        list.push({ kind: 'turning', left: leaf(1), right: leaf(2), sum: 11 });
        list.push({ kind: 'turning', left: leaf(3), right: leaf(4), sum: 12 });
        list.push({ kind: 'turning', left, right, sum: 13 });
      }
      const answers = await spaces.answer(lists);
      starts.forEach((start, chain) => {
        const { matrix } = metrics[chain];
        const momenta = [start.momentum];
        let point = start;
        for (let k = 0; k < 4; k++) {
          point = plainLeapfrog(plain, matrix, point, stepSize);
          momenta.push(point.momentum);
        }
        const [, a, b, c, d] = momenta;
        const add = (x: Float64Array, y: Float64Array): Float64Array => x.map((value, i) => value + y[i]);
        const products = (first: Float64Array, last: Float64Array, sum: Float64Array): number[] =>
          [first, last].map((p) => inner(p, multiply(matrix, sum)));
        const [ab, cd] = [add(a, b), add(c, d)];
        const whole = [...products(a, d, add(ab, cd)), ...products(a, c, add(ab, c)), ...products(b, d, add(cd, b))];
        const expected = [products(a, b, ab), products(c, d, cd), whole].map((all) => Math.min(...all));
        const scale = 4 * Math.max(...momenta.map((p) => inner(p, multiply(matrix, p))));
        expected.forEach((product, i) =>
          close(answers[chain][6 + i], product, scale, 100, `chain ${chain}, test ${i}`),
        );
      });
    });

    it('draws momenta from the same integers everywhere', async () => {
      const { spaces, metrics, positions } = await started(subject);
      const stream = (chain: number): PhiloxStream => new PhiloxStream(key, chain, 5, 0);
      const answers = await spaces.answer(
        positions.map((_, chain): Request[] => [
          { kind: 'evaluate', point: 0 },
          { kind: 'refresh', at: at(0), stream: stream(chain) },
          step(0, 1, 0.5),
        ]),
      );
      const energies = Array.from(answers, (own) => own[1]);
      const there = await read(spaces, 1, 'position');
      positions.forEach((position, chain) => {
        const z = new Float64Array(plain.dimension);
        stream(chain).fillNormal(z);
        const { matrix } = metrics[chain];
        const start = pointAt(plain, matrix, position, momentumOf(metrics[chain], dense, z));
        // Normals made in f32 from the upper halves of the integers differ by 2e-7 on average, seldom by up to 5e-4.
        const normals = device.precision === 'double' ? 0 : 1e-5 * Math.sqrt(plain.dimension);
        close(energies[chain], start.energy, sizeOf(start) + normals / unit, 40, `energy of chain ${chain}`);
        const end = plainLeapfrog(plain, matrix, start, 0.5).position;
        const error = Math.sqrt(end.reduce((sum, x, i) => sum + (there[chain][i] - x) ** 2, 0) / end.length);
        expect(error / largest(end), `chain ${chain}`).toBeLessThan(device.precision === 'double' ? 1e-13 : 1e-5);
      });
    });
  });
});
