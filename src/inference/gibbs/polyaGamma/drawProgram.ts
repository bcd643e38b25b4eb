// Draws the coefficients of all groups given the scalars and the rows' precisions, and then the precisions given the coefficients.
import * as tf from '@tensorflow/tfjs-core';
import type { DataArray } from '../../../kernels/compiler/memoryLayout.js';
import type { Device } from '../../../kernels/device.js';
import { hierarchyModel, levelMeans } from '../../../models/linearHierarchy/hierarchyModel.js';
import { type GeneralisedHierarchy, isDiagonal } from '../../../models/linearHierarchy/structure.js';
import { type BoundProgram, compileProgram } from '../program.js';
import { drawStandardised, weightedRows } from './algebra.js';
import { blockNames, mostRows } from './fewRows.js';
import { normalsPerStep, precisionStep } from './precisions.js';

export const drawNames = {
  omega: 'omega',
  scale: 'scale',
  population: 'population',
  coefficients: 'coefficients',
} as const;

/** Outputs: coefficients `[group, k]` and omega `[group, row]`. */
export function compileDraws(
  structure: GeneralisedHierarchy,
  device: Device,
  chains: number,
  blocks: ReadonlyMap<string, DataArray>,
): Promise<BoundProgram> {
  const [{ levels }] = structure.terms;
  const [level] = levels;
  const { groups, size: k, covariateCount } = level;
  const rows = mostRows(structure);
  const parameters = {
    [drawNames.omega]: [groups, rows],
    [drawNames.scale]: isDiagonal(level.covariance) ? [k] : [k, k],
    [drawNames.population]: [k * covariateCount],
  };
  const noise: Record<string, readonly number[]> = { prior: [groups, k], errors: [groups, rows] };
  const steps = Array.from({ length: normalsPerStep }, (_, i) => `step ${i}`);
  for (const name of steps) noise[name] = [groups, rows];
  const { data } = hierarchyModel(structure);
  const all = new Map<string, DataArray>([['covariates_0_0', data['covariates_0_0']], ...blocks]);
  return compileProgram(
    device,
    chains,
    parameters,
    all,
    (p, d) => {
      const [x, omega, scale] = [d[blockNames.design], p[drawNames.omega], p[drawNames.scale]];
      const means = levelMeans(level, '0_0', p[drawNames.population], d);
      const zeta = drawStandardised(weightedRows(x, d[blockNames.halves], omega, means, scale), p.prior, p.errors);
      const deviations = scale.rank === 1 ? zeta.mul(scale) : tf.matMul(zeta, scale, false, true);
      const coefficients = means.add(deviations);
      const eta = x.mul(coefficients.expandDims(1)).sum(2);
      return {
        [drawNames.coefficients]: coefficients,
        [drawNames.omega]: precisionStep(
          omega,
          eta,
          steps.map((name) => p[name]),
        ),
      };
    },
    noise,
  );
}
