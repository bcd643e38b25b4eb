// The density of the scalars given the rows' precisions, with the coefficients of all groups integrated out; value and gradient as a tensor program.
import type * as tf from '@tensorflow/tfjs-core';
import type { DataArray } from '../../../kernels/compiler/memoryLayout.js';
import type { Device } from '../../../kernels/device.js';
import { literal } from '../../../kernels/ops/index.js';
import { hierarchyModel, type PlacedLevel } from '../../../models/linearHierarchy/hierarchyModel.js';
import type { GeneralisedHierarchy } from '../../../models/linearHierarchy/structure.js';
import type { Tensors } from '../../../models/model.js';
import type { ChainValues } from '../chainValues.js';
import type { ScalarDensity } from '../scalars/move.js';
import { Scalars } from '../scalars/scalars.js';
import { reflectionsOf, type SignedSpreads, signedSpreads, withoutSigns } from '../scalars/signedSpreads.js';
import { type BoundProgram, compileProgram } from '../program.js';
import { integrateRows, weightedRows } from './algebra.js';
import { blockNames, mostRows } from './fewRows.js';

const omegaName = 'omega';

/** Outputs whose derivatives are known, and those that hold these; 1 for the priors. */
const derivatives = {
  residual: 'by residual',
  scale: 'by scale',
  priors: 'by priors',
} as const;

/** C of Σ = CC', as `CovarianceFactor`. */
const scaleOfLevel = ({ sds, lower }: Pick<PlacedLevel, 'sds' | 'lower'>): tf.Tensor =>
  lower === undefined ? sds : lower.mul(sds.expandDims(1));

export class RowScalarDensity implements ScalarDensity {
  private constructor(
    private readonly scalars: Scalars,
    private readonly signed: readonly SignedSpreads[],
    private readonly program: BoundProgram,
  ) {}

  /** @param blocks of rows; see `rowBlocks` */
  static async create(
    structure: GeneralisedHierarchy,
    device: Device,
    chains: number,
    blocks: ReadonlyMap<string, DataArray>,
  ): Promise<RowScalarDensity> {
    const [{ groups, covariance }] = structure.terms[0].levels;
    const { parameters, data } = hierarchyModel(structure);
    const scalars = new Scalars(structure, parameters);
    const signed = signedSpreads(structure, scalars);
    const shapes = { ...scalars.shapes, [omegaName]: [groups, mostRows(structure)] };
    const all = new Map<string, DataArray>([['covariates_0_0', data['covariates_0_0']], ...blocks]);
    const fn = (p: Tensors, d: Tensors): Record<string, tf.Tensor> => {
      const { values, logJacobians } = scalars.constrained(
        p,
        signed.length > 0 ? { [covariance.sds]: p[covariance.sds] } : {},
      );
      let found: Record<string, tf.Tensor> = {};
      const integrated = hierarchyModel(structure, undefined, (level) => {
        const scale = scaleOfLevel(signed.length === 0 ? level : { ...level, sds: p[covariance.sds] });
        const rows = weightedRows(d[blockNames.design], d[blockNames.halves], p[omegaName], level.means, scale);
        const { value, byResidual, byScale } = integrateRows(rows, scale);
        found = {
          value,
          residual: rows.residual,
          [derivatives.residual]: byResidual,
          scale,
          [derivatives.scale]: byScale,
        };
        return { coefficients: level.means, logPrior: literal(0) };
      });
      const priors = logJacobians.reduce((sum, own) => sum.add(own), integrated.logPrior(values, d));
      return { ...found, priors, [derivatives.priors]: literal(1), value: found.value.add(priors) };
    };
    const gradientsBy = scalars.blocks.map(({ name }) => name);
    const program = await compileProgram(device, chains, shapes, all, fn, {}, { gradientsBy, derivatives });
    return new RowScalarDensity(scalars, signed, program);
  }

  get dimension(): number {
    return this.scalars.dimension;
  }

  get memoryBytes(): number {
    return this.program.memoryBytes;
  }

  get dataBytes(): number {
    return this.program.dataBytes;
  }

  dispose(): Promise<void> {
    return this.program.dispose();
  }

  /** Takes a chain's precisions as those that the density is given. */
  begin(lane: number, omega: Float64Array): void {
    this.program.set(omegaName, lane, omega);
  }

  scalarsOf(_lane: number, values: ChainValues): Float64Array {
    const scalars = this.scalars.of(values);
    for (const { place } of reflectionsOf(this.signed)) scalars[place] = Math.exp(scalars[place]);
    return scalars;
  }

  set(lane: number, scalars: Float64Array): void {
    this.scalars.set(this.program, lane, scalars);
  }

  run(): void | Promise<void> {
    return this.program.run();
  }

  value(lane: number): number {
    return this.program.readScalar('value', lane);
  }

  gradient(lane: number, target: Float64Array): void {
    this.scalars.readGradient(this.program, lane, target);
  }

  accept(_lane: number, scalars: Float64Array, values: ChainValues): void {
    const logs = withoutSigns(this.signed, scalars);
    for (const { place } of reflectionsOf(this.signed)) logs[place] = Math.log(logs[place]);
    this.scalars.put(logs, values);
  }
}
