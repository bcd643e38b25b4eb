// Draws of coefficients against ratios of the model's joint density.
import { describe, expect, it } from 'vitest';
import type { ChainValues } from '../../../src/inference/gibbs/chainValues.js';
import { FixedDraws } from '../../../src/inference/gibbs/fixedBlock.js';
import { moveColumn, sharedColumns, shiftBetween } from '../../../src/inference/gibbs/sharedColumns.js';
import { schemes } from '../../../src/inference/gibbs/settings.js';
import { GibbsSweep } from '../../../src/inference/gibbs/sweep.js';
import { TermBlock } from '../../../src/inference/gibbs/termBlock.js';
import { names } from '../../../src/inference/gibbs/termProgram.js';
import { randomKey, stepKey } from '../../../src/inference/random/streams.js';
import { cpuDevice } from '../../../src/kernels/cpu/cpuDevice.js';
import { deviatingCount, isPartial } from '../../../src/models/linearHierarchy/links.js';
import { randomNumbers } from '../../models/random.js';
import { copyOf, effectsOf, logDensityOf, randomValues, withNormalErrors } from './density.js';
import { exampleOf, shapes } from './shapes.js';

const squared = (x: Float64Array): number => x.reduce((sum, value) => sum + value * value, 0);

// A draw is mean + L⁻ᵀ ε, so the log densities of two draws of the same conditional differ by −½(|ε₁|² − |ε₂|²).
describe.each(Object.keys(shapes))('coefficients of %s', (name) => {
  const structure = withNormalErrors(exampleOf(name));
  const stream = stepKey(randomKey(1), 0, 0).stream(0);

  it.each(structure.terms.map((_, t) => t))('term %i, all levels as one draw', async (t) => {
    const logDensity = await logDensityOf(structure);
    const block = await TermBlock.create(structure, t, cpuDevice(), 1, schemes.collapsed);
    for (const seed of ['a', 'b', 'c']) {
      const random = randomNumbers(`noise ${seed}`);
      const before = randomValues(structure, seed);
      const found: { density: number; noise: number }[] = [];
      for (let draw = 0; draw < 2; draw++) {
        const values = copyOf(before);
        block.prepare(0, values, effectsOf(structure, values), stream, stream);
        let noise = 0;
        const { levels, population } = values.terms[t];
        const blocks = [
          ['noise population', population.length],
          ...structure.terms[t].levels.map((level, j) => [names.noise(j), level.groups * deviatingCount(level)]),
        ] as [string, number][];
        for (const [own, size] of blocks) {
          const normals = random.normals(size);
          block.program.set(own, 0, normals);
          noise += squared(normals);
        }
        await block.run();
        block.program.read('population', 0, population);
        for (const [j, { coefficients }] of levels.entries())
          block.program.read(names.coefficients(j), 0, coefficients);
        found.push({ density: await logDensity(values), noise });
      }
      const [a, b] = found;
      expect(a.density - b.density).toBeCloseTo(-0.5 * (a.noise - b.noise), 7);
      expect(Math.abs(a.noise - b.noise)).toBeGreaterThan(0.1);
    }
  });

  it.each(structure.terms.map((_, t) => t))('term %i, level after level', async (t) => {
    if (isPartial(structure.terms[t])) {
      await expect(TermBlock.create(structure, t, cpuDevice(), 1, schemes.plain)).rejects.toThrow(
        'need a collapsed scheme',
      );
      return;
    }
    const logDensity = await logDensityOf(structure);
    const block = await TermBlock.create(structure, t, cpuDevice(), 1, schemes.plain);
    const before = randomValues(structure, 'plain');
    const random = randomNumbers('noise');
    const { levels, population } = before.terms[t];
    const noise = [
      ...levels.map(({ coefficients }) => random.normals(coefficients.length)),
      random.normals(population.length),
    ];
    const noiseName = (j: number): string => (j < levels.length ? names.noise(j) : 'noise population');
    /** The values with blocks 0 … last as drawn from this noise, the others as before. */
    const drawn = async (own: readonly Float64Array[], last: number): Promise<ChainValues> => {
      const values = copyOf(before);
      block.prepare(0, values, effectsOf(structure, values), stream, stream);
      own.forEach((normals, j) => block.program.set(noiseName(j), 0, normals));
      await block.run();
      for (let j = 0; j <= last; j++) {
        if (j < levels.length) block.program.read(names.coefficients(j), 0, values.terms[t].levels[j].coefficients);
        else block.program.read('population', 0, values.terms[t].population);
      }
      return values;
    };
    for (let j = 0; j < noise.length; j++) {
      const other = noise.with(j, random.normals(noise[j].length));
      const ratio = (await logDensity(await drawn(noise, j))) - (await logDensity(await drawn(other, j)));
      expect(ratio).toBeCloseTo(-0.5 * (squared(noise[j]) - squared(other[j])), 7);
    }
  });
});

describe.each([
  'fixed columns and categories',
  'horseshoe and Student-t errors',
  'regularised horseshoes',
  'pooled categories',
])('fixed block of %s', (name) => {
  it.each(['its own prior', 'one prior for all'])('%s', async (priorOf) => {
    const example = withNormalErrors(exampleOf(name));
    const own = example.fixed!;
    const structure =
      priorOf === 'its own prior' || (own.prior.horseshoe ?? own.prior.pooling) !== undefined
        ? example
        : { ...example, fixed: { ...own, prior: { kind: 'normal' as const, sds: own.prior.sds.map(() => 0.8) } } };
    const fixed = structure.fixed!;
    const logDensity = await logDensityOf(structure);
    const draws = new FixedDraws(fixed, structure.rows, false);
    const before = randomValues(structure, name);
    const sweep = await GibbsSweep.create(structure, cpuDevice(), 1, schemes.plain);
    // Scales stay: only θ differs between the two.
    const found: ChainValues[] = [];
    const noises: Float64Array[] = [];
    for (const seed of ['one', 'two']) {
      const values = copyOf(before);
      const equations = await sweep.fixedEquations({
        lane: 0,
        values,
        key: stepKey(randomKey(1), 0, 0),
        progress: { sweep: 0, warmup: 0 },
      });
      const normals = randomNumbers(seed).normals(draws.free);
      draws.drawCoefficients(normals, equations, 1 / values.sigma ** 2, values.fixed!);
      found.push(values);
      noises.push(normals);
    }
    const ratio = (await logDensity(found[0])) - (await logDensity(found[1]));
    expect(ratio).toBeCloseTo(-0.5 * (squared(noises[0]) - squared(noises[1])), 7);
  });
});

describe('shifts between blocks that share a column', () => {
  it.each(['crossed', 'horseshoe and Student-t errors'])(
    'leave rows and deviations, and are normal: %s',
    async (name) => {
      const example = withNormalErrors(exampleOf(name));
      // The constant is among the dense columns too, where there are any.
      const ones = new Float64Array(example.rows).fill(1);
      const structure =
        example.fixed === undefined
          ? example
          : { ...example, fixed: { ...example.fixed, dense: example.fixed.dense.with(1, ones) } };
      const pairs = sharedColumns(structure);
      expect(pairs.map(([a, b]) => [a.term, a.column, b.term, b.column])).toEqual([
        [0, 0, ...(structure.fixed === undefined ? [1, 0] : [-1, 1])],
      ]);
      const logDensity = await logDensityOf(structure);
      const before = randomValues(structure, name);
      const along = async (shift: number): Promise<number> => {
        const values = copyOf(before);
        for (const [place, sign] of [
          [pairs[0][0], 1],
          [pairs[0][1], -1],
        ] as const)
          moveColumn(structure, values, place, sign * shift);
        return logDensity(values);
      };
      // The density along the direction is a parabola, and draws have its mean and variance.
      const [low, middle, high] = [await along(-1), await along(0), await along(1)];
      const precision = 2 * middle - low - high;
      const mean = (high - low) / 2 / precision;
      const draws = Array.from({ length: 4000 }, (_, n) => {
        const values = copyOf(before);
        shiftBetween(stepKey(randomKey(4), 0, n).stream(0), structure, values, pairs[0]);
        return values.terms[0].population[0] - before.terms[0].population[0];
      });
      const found = draws.reduce((sum, x) => sum + x, 0) / draws.length;
      const variance = draws.reduce((sum, x) => sum + (x - found) ** 2, 0) / draws.length;
      expect(Math.abs(found - mean) * Math.sqrt(precision * draws.length)).toBeLessThan(4);
      expect(Math.abs(variance * precision - 1) / Math.sqrt(2 / draws.length)).toBeLessThan(4);
    },
  );
});
