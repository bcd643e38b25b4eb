// The density of the scalars whose coefficients follow: ratios of the model's joint density, times how far the move stretches the coefficients.
import { describe, expect, it } from 'vitest';
import type { ChainValues } from '../../../../src/inference/gibbs/chainValues.js';
import { followingOf } from '../../../../src/inference/gibbs/mixed/following.js';
import { groupInformation, typicalInformation } from '../../../../src/inference/gibbs/mixed/information.js';
import { linearise } from '../../../../src/inference/gibbs/mixed/linearise.js';
import { ScalarProgram } from '../../../../src/inference/gibbs/mixed/scalarProgram.js';
import { Scalars } from '../../../../src/inference/gibbs/scalars/scalars.js';
import { reflectionsOf, signedSpreads, withoutSigns } from '../../../../src/inference/gibbs/scalars/signedSpreads.js';
import { HierarchyPositions } from '../../../../src/inference/linearHierarchy/positions.js';
import { cpuDevice } from '../../../../src/kernels/cpu/cpuDevice.js';
import { declaredModel } from '../../../../src/models/linearHierarchy/declaredModel.js';
import type { GeneralisedHierarchy } from '../../../../src/models/linearHierarchy/structure.js';
import { densityOf } from '../../../models/evaluateModel.js';
import type { HierarchyShape } from '../../../models/hierarchyExample.js';
import { randomNumbers } from '../../../models/random.js';
import { copyOf } from '../density.js';
import { type Family, generalisedExample } from './example.js';

/** All coefficients of groups centred: positions then hold the coefficients themselves. */
function centred(structure: GeneralisedHierarchy): GeneralisedHierarchy {
  return {
    ...structure,
    terms: structure.terms.map((term) => ({
      ...term,
      levels: term.levels.map((level) => ({ ...level, centring: level.centring.map(() => 1) })),
    })),
  };
}

const coefficientsOf = ({ terms }: ChainValues): Float64Array[] =>
  terms.flatMap(({ levels }) => levels.map(({ coefficients }) => coefficients));

/** log |det A|, by elimination with pivots. */
function logDeterminant(matrix: readonly Float64Array[]): number {
  const a = matrix.map((row) => row.slice());
  let sum = 0;
  for (let k = 0; k < a.length; k++) {
    let pivot = k;
    for (let i = k; i < a.length; i++) if (Math.abs(a[i][k]) > Math.abs(a[pivot][k])) pivot = i;
    [a[k], a[pivot]] = [a[pivot], a[k]];
    sum += Math.log(Math.abs(a[k][k]));
    for (let i = k + 1; i < a.length; i++) {
      const factor = a[i][k] / a[k][k];
      for (let j = k; j < a.length; j++) a[i][j] -= factor * a[k][j];
    }
  }
  return sum;
}

const shapes: readonly (readonly [string, Family, HierarchyShape])[] = [
  [
    'three levels with correlations, by the approximation',
    'negativeBinomial',
    { terms: [{ slopes: 1, levels: [{ groups: 5, full: true, covariates: 1 }, { groups: 2 }] }], fixed: { dense: 1 } },
  ],
  ['factors, by the approximation', 'binomial', { terms: [{ slopes: 2, levels: [{ groups: 4, factors: 1 }] }] }],
  [
    'many coefficients, by their variances',
    'bernoulli',
    { terms: [{ slopes: 8, levels: [{ groups: 3, full: true }] }] },
  ],
  [
    'crossed terms, one by the approximation and one by its variances',
    'poisson',
    {
      terms: [
        { slopes: 8, levels: [{ groups: 2 }] },
        { slopes: 1, levels: [{ groups: 3 }] },
      ],
    },
  ],
];

describe.each(shapes)('%s, %s', (name, family, shape) => {
  it('differs as the joint density does', { timeout: 60_000 }, async () => {
    const structure = centred(generalisedExample(family, { ...shape, seed: name }));
    const model = declaredModel(structure);
    const positions = new HierarchyPositions(model);
    const density = await densityOf(model);
    const joint = async (values: ChainValues): Promise<number> => {
      const position = new Float64Array(positions.dimension);
      positions.write(values, position);
      return (await density.at(position)).value;
    };
    const rows = linearise(structure);
    const followings = structure.terms.map((term, t) => followingOf(term, t, groupInformation(term, rows)[0], rows));
    const program = await ScalarProgram.create(structure, cpuDevice(), 1, followings);
    const random = randomNumbers(name);
    const from: ChainValues = positions.read(random.normals(positions.dimension, 0.5));
    const information = structure.terms.map((term, t) => typicalInformation(term, rows.weights, from.terms[t].levels));
    await program.begin([{ lane: 0, values: from, information }]);
    const start = program.scalarsOf(0, from);
    const end = start.map((x) => x + 0.4 * random.normal());
    const spreads = signedSpreads(structure, new Scalars(structure, model.parameters));
    const signed = reflectionsOf(spreads).map(({ place }) => place);
    // One passes through 0.
    if (signed.length > 0) end[signed[0]] = -0.7 * start[signed[0]];
    /** Spreads are moved as w, with s = t sinh w, not as their logs. */
    const logJacobian = (scalars: Float64Array): number =>
      signed.reduce((sum, i) => sum - Math.log(Math.abs(Math.tanh(scalars[i]))), 0);
    /** The values after a move from these to the end, and the program's densities at both. */
    const moved = async (values: ChainValues) => {
      await program.begin([{ lane: 0, values, information }]);
      program.set(0, start);
      await program.run();
      const first = program.value(0);
      const stayed = copyOf(values);
      program.accept(0, start, stayed);
      program.set(0, end);
      await program.run();
      const last = program.value(0);
      const after = copyOf(values);
      program.accept(0, end, after);
      return { first, last, stayed, after };
    };
    const base = await moved(from);
    // Scalars that do not move leave the coefficients where they are.
    for (const [i, own] of coefficientsOf(base.stayed).entries())
      own.forEach((x, at) => expect(x).toBeCloseTo(coefficientsOf(from)[i][at], 9));
    const unsigned = withoutSigns(spreads, end);
    expect([...program.scalarsOf(0, base.after)].map((x, i) => Math.abs(x - unsigned[i]) < 1e-9)).not.toContain(false);
    const jacobian: Float64Array[] = [];
    for (const [i, own] of coefficientsOf(from).entries()) {
      for (let at = 0; at < own.length; at++) {
        const other = copyOf(from);
        // The map is affine.
        coefficientsOf(other)[i][at] += 1;
        const { after } = await moved(other);
        const flat = (values: ChainValues): number[] => coefficientsOf(values).flatMap((x) => [...x]);
        const [a, b] = [flat(after), flat(base.after)];
        jacobian.push(Float64Array.from(a, (x, k) => x - b[k]));
      }
    }
    const ratio = (await joint(base.after)) - (await joint(from));
    const stretched = logDeterminant(jacobian) + logJacobian(end) - logJacobian(start);
    expect(base.last - base.first).toBeCloseTo(ratio + stretched, 6);
    expect(Math.abs(logDeterminant(jacobian))).toBeGreaterThan(0.01);
    await program.dispose();
  });
});
