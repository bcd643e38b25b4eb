// Rows one by one, where errors are Student's t: residuals, and the precisions of the scale mixture.
import { groupOfRow } from '../../models/linearHierarchy/hierarchyModel.js';
import type { LinearHierarchy } from '../../models/linearHierarchy/structure.js';
import { drawGamma } from '../random/distributions.js';
import type { RandomStream } from '../random/streams.js';
import type { ChainValues } from './chainValues.js';

export class RowWeights {
  private readonly groups: readonly Int32Array[];
  private readonly residuals: Float64Array;

  constructor(private readonly structure: LinearHierarchy) {
    this.groups = structure.terms.map(groupOfRow);
    this.residuals = new Float64Array(structure.rows);
  }

  /** ω_n | r_n ~ Gamma((ν + 1)/2, rate (ν + r_n²/σ²)/2), with r the residuals at the chain's coefficients. */
  draw(stream: RandomStream, chain: ChainValues, effects: readonly Float64Array[]): void {
    const { errors, rows } = this.structure;
    const df = errors.df!;
    const weights = chain.weights!;
    this.computeResiduals(chain, effects);
    for (let row = 0; row < rows; row++) {
      const z = this.residuals[row] / chain.sigma;
      weights[row] = drawGamma(stream, (df + 1) / 2) / ((df + z * z) / 2);
    }
  }

  private computeResiduals({ terms, fixed }: ChainValues, effects: readonly Float64Array[]): void {
    const { structure, residuals, groups } = this;
    residuals.set(structure.y);
    for (const [t, { columns }] of structure.terms.entries()) {
      const { coefficients } = terms[t].levels[0];
      const k = columns.length;
      for (const [i, column] of columns.entries()) {
        for (let row = 0; row < residuals.length; row++)
          residuals[row] -= column[row] * coefficients[groups[t][row] * k + i];
      }
    }
    if (structure.fixed === undefined) return;
    for (const [d, column] of structure.fixed.dense.entries()) {
      const theta = fixed!.coefficients[d];
      for (let row = 0; row < residuals.length; row++) residuals[row] -= theta * column[row];
    }
    for (const [c, { levelOfRow, multiplier }] of structure.fixed.categories.entries()) {
      for (let row = 0; row < residuals.length; row++)
        residuals[row] -= effects[c][levelOfRow[row]] * (multiplier?.[row] ?? 1);
    }
  }
}
