// The density of the scalars with coefficients integrated out: against dense normal algebra, and its gradient against differences.
import { describe, expect, it } from 'vitest';
import { covarianceFactor } from '../../../../src/inference/gibbs/scaleMove.js';
import { rowBlocks, mostRows } from '../../../../src/inference/gibbs/polyaGamma/fewRows.js';
import { RowScalarDensity } from '../../../../src/inference/gibbs/polyaGamma/scalarDensity.js';
import { HierarchyPositions } from '../../../../src/inference/linearHierarchy/positions.js';
import type { ChainValues } from '../../../../src/inference/gibbs/chainValues.js';
import { cholesky, solve } from '../../../../src/inference/linearAlgebra.js';
import { cpuDevice } from '../../../../src/kernels/cpu/cpuDevice.js';
import { declaredModel } from '../../../../src/models/linearHierarchy/declaredModel.js';
import type { GeneralisedHierarchy } from '../../../../src/models/linearHierarchy/structure.js';
import { levelMeans } from '../../../../src/models/linearHierarchy/values.js';
import { densityOf } from '../../../models/evaluateModel.js';
import type { LevelShape } from '../../../models/hierarchyExample.js';
import { randomNumbers } from '../../../models/random.js';
import { copyOf } from '../density.js';
import { generalisedExample } from '../mixed/example.js';

const levels: readonly (readonly [string, LevelShape])[] = [
  ['independent coefficients', { groups: 6 }],
  ['correlations and covariates', { groups: 6, full: true, covariates: 1 }],
  ['factors', { groups: 6, factors: 1 }],
];

/** log N(x; 0, V) without the constant. @param v `[n][n]` */
function logNormal(x: Float64Array, v: Float64Array): number {
  const factor = cholesky(v, x.length)!;
  const solved = x.slice();
  solve(factor, solved);
  let value = 0;
  for (let i = 0; i < x.length; i++) value -= 0.5 * solved[i] ** 2 + Math.log(factor[i * x.length + i]);
  return value;
}

describe.each(levels)('%s', (name, level) => {
  const shape = { terms: [{ slopes: 2, levels: [{ ...level, centring: 1 }] }], seed: name };
  const structure: GeneralisedHierarchy = generalisedExample('bernoulli', shape);
  const model = declaredModel(structure);
  const positions = new HierarchyPositions(model);
  const random = randomNumbers(name);
  const rows = mostRows(structure);
  const [{ columns, rowStart, levels: inner }] = structure.terms;
  const [{ groups, size: k }] = inner;
  const omega = Float64Array.from({ length: groups * rows }, () => 0.05 + 0.4 * random.uniform());

  /** Σ of the coefficients, and their means. */
  function momentsOf(values: ChainValues) {
    const { sds, lower } = values.terms[0].levels[0];
    const c = covarianceFactor(sds, lower);
    const sigma = new Float64Array(k * k);
    for (let i = 0; i < k; i++)
      for (let j = 0; j < k; j++)
        for (let r = 0; r < k; r++)
          sigma[i * k + j] += c.length === k ? Number(i === r && j === r) * c[r] ** 2 : c[i * k + r] * c[j * k + r];
    const means = new Float64Array(groups * k);
    levelMeans(structure.terms[0], 0, values.terms[0], means);
    return { sigma, means };
  }

  /** Log density of the rows' y − ½ over ω given the scalars, and of coefficients b given them. */
  function logDensities(values: ChainValues): { integrated: number; coefficients: number } {
    const { sigma, means } = momentsOf(values);
    const b = values.terms[0].levels[0].coefficients;
    let [integrated, coefficients] = [0, 0];
    for (let g = 0; g < groups; g++) {
      const n = rowStart[g + 1] - rowStart[g];
      const [residual, v] = [new Float64Array(n), new Float64Array(n * n)];
      const x = (i: number, a: number): number => columns[a][rowStart[g] + i];
      for (let i = 0; i < n; i++) {
        residual[i] = (structure.y[rowStart[g] + i] - 0.5) / omega[g * rows + i];
        v[i * n + i] = 1 / omega[g * rows + i];
        for (let a = 0; a < k; a++) residual[i] -= x(i, a) * means[g * k + a];
        for (let j = 0; j < n; j++)
          for (let a = 0; a < k; a++) for (let c = 0; c < k; c++) v[i * n + j] += x(i, a) * sigma[a * k + c] * x(j, c);
      }
      integrated += logNormal(residual, v);
      coefficients += logNormal(
        b.subarray(g * k, (g + 1) * k).map((own, a) => own - means[g * k + a]),
        sigma,
      );
    }
    return { integrated, coefficients };
  }

  it('is that of dense algebra, and its gradient that of differences', { timeout: 60_000 }, async () => {
    const joint = await densityOf(model);
    const program = await RowScalarDensity.create(structure, cpuDevice(), 1, rowBlocks(structure));
    program.begin(0, omega);
    const at = async (scalars: Float64Array) => {
      program.set(0, scalars);
      await program.run();
      const gradient = new Float64Array(scalars.length);
      program.gradient(0, gradient);
      return { value: program.value(0), gradient };
    };
    // Without factors spreads are moved as themselves, not as their logs.
    const logJacobian = (values: ChainValues): number =>
      name !== 'factors' ? values.terms[0].levels[0].sds.reduce((sum, sd) => sum + Math.log(sd), 0) : 0;
    /** What the program's value is to be, up to a constant; of logs of scales. */
    const exact = async (values: ChainValues): Promise<number> => {
      const position = new Float64Array(positions.dimension);
      positions.write(values, position);
      const { integrated, coefficients } = logDensities(values);
      return (await joint.at(position)).value - coefficients + integrated - logJacobian(values);
    };
    const from: ChainValues = positions.read(random.normals(positions.dimension, 0.5));
    const first = program.scalarsOf(0, from);
    for (let trial = 0; trial < 3; trial++) {
      const scalars = first.map((x) => x + 0.3 * random.normal());
      const to = copyOf(from);
      program.accept(0, scalars, to);
      const found = (await at(scalars)).value - (await at(first)).value;
      expect(found).toBeCloseTo((await exact(to)) - (await exact(from)), 8);
      const { gradient } = await at(scalars);
      for (let i = 0; i < scalars.length; i++) {
        const beside = async (step: number): Promise<number> =>
          (await at(scalars.map((x, j) => (j === i ? x + step : x)))).value;
        const difference = ((await beside(1e-5)) - (await beside(-1e-5))) / 2e-5;
        expect(gradient[i]).toBeCloseTo(difference, 5);
      }
    }
    await program.dispose();
  });
});
