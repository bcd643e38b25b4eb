// The groups around a population written out element by element: the same numbers as by matrices.
import type * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import {
  type Information,
  integrate,
  type LevelLinks,
  logIntegral,
  prepare,
  toLevelAbove,
} from '../../../src/inference/gibbs/levels.js';
import { compileProgram } from '../../../src/inference/gibbs/program.js';
import { canWriteOut, integrateWrittenOut } from '../../../src/inference/gibbs/writtenOut.js';
import { cpuDevice } from '../../../src/kernels/cpu/cpuDevice.js';
import { randomNumbers } from '../../models/random.js';

const groups = 60;
const linksOf = (size: number): LevelLinks => ({
  size,
  covariateCount: 1,
  covariates: undefined,
  parent: undefined,
  parentGroups: 1,
});

type Message = { readonly logIntegral: tf.Tensor; readonly above: Information };

function byMatrices(information: Information, c: tf.Tensor): Message {
  const own = prepare(information, c, undefined);
  return {
    logIntegral: logIntegral(own),
    above: toLevelAbove(linksOf(information.shift.shape[1]!), integrate(information, own)),
  };
}

const outputsOf = ({ logIntegral: integral, above: { precision, shift } }: Message) => ({ integral, precision, shift });

/** Crossproducts of some rows: with fewer rows than coefficients they are singular. */
function crossproducts(size: number, random: ReturnType<typeof randomNumbers>): Float64Array {
  const gram = new Float64Array(groups * size * size);
  for (let g = 0; g < groups; g++) {
    for (let row = 0; row < g % 9; row++) {
      const x = random.normals(size);
      for (let i = 0; i < size; i++) for (let j = 0; j < size; j++) gram[(g * size + i) * size + j] += x[i] * x[j];
    }
  }
  return gram;
}

describe.each([1, 2, 3, 5, 6])('%i coefficients', (size) => {
  it.each(['diagonal', 'full', 'singular'])('%s', async (kind) => {
    const random = randomNumbers(`${size} ${kind}`);
    const isFull = kind !== 'diagonal';
    const c = random.normals(isFull ? size * size : size);
    if (isFull) for (let i = 0; i < size; i++) c.fill(0, i * size + i + 1, (i + 1) * size);
    if (kind === 'singular') c.fill(0, (size - 1) * size);
    const parameters = { c: isFull ? [size, size] : [size], shift: [groups, size], scale: [] };
    const data = new Map([['gram', { shape: [groups, size, size], values: crossproducts(size, random) }]]);
    const shift = random.normals(groups * size, 3);
    const found = await Promise.all(
      [byMatrices, integrateWrittenOut].map(async (message) => {
        const program = await compileProgram(cpuDevice(), 3, parameters, data, (p, d) =>
          outputsOf(message({ precision: d.gram.mul(p.scale), shift: p.shift.mul(p.scale) }, p.c)),
        );
        for (let lane = 0; lane < 3; lane++) {
          program.set('c', lane, c.map((x) => x * (lane + 1))); // prettier-ignore
          program.set('shift', lane, shift);
          program.setScalar('scale', lane, 0.4 + lane);
        }
        await program.run();
        const numbers = [0, 1, 2].map((lane) => {
          const [precision, own] = [new Float64Array(size * size), new Float64Array(size)];
          program.read('precision', lane, precision);
          program.read('shift', lane, own);
          return [program.readScalar('integral', lane), ...precision, ...own];
        });
        await program.dispose();
        return numbers.flat();
      }),
    );
    for (const [i, value] of found[0].entries())
      expect(Math.abs(found[1][i] - value)).toBeLessThan(1e-10 * Math.max(1, Math.abs(value)));
  });
});

it('is for groups that the compiler loops over, whose means are the population’s coefficients', () => {
  expect(canWriteOut(linksOf(5), undefined, groups)).toBe(true);
  expect(canWriteOut(linksOf(7), undefined, groups)).toBe(false);
  expect(canWriteOut(linksOf(5), [0], groups)).toBe(false);
  expect(canWriteOut(linksOf(5), undefined, 32)).toBe(false);
});
