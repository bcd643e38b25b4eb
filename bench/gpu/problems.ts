// The models of the benchmark `gpu`, at full size or scaled down.
import { positionBlocks } from '../../src/inference/index.js';
import type { Model } from '../../src/models/model.js';
import { fullRows, hierarchicalLogistic } from './hierarchical.js';
import { covtypeRows, logisticModel } from './logistic.js';
import { salesModel, salesRows } from './threeLevel.js';

const names = ['logistic', 'hierarchical', 'three-level rows', 'three-level shortest'] as const;
export type ProblemName = (typeof names)[number];
export const problemNames: readonly ProblemName[] = names;

/** What NumPyro's published or usual way to write the model is called in `peer.py` and its JSON. */
export type PeerModel = 'logistic' | 'hierarchical' | 'three-level';
export const peerModelOf = (name: ProblemName): PeerModel =>
  name === 'logistic' || name === 'hierarchical' ? name : 'three-level';

export interface BenchmarkProblem {
  readonly name: ProblemName;
  readonly model: Model;
  readonly likelihood: 'rows' | 'shortest';
  readonly rows: number;
  readonly dimension: number;
}

/** @param size share of the full number of rows, in (0, 1] */
export function makeBenchmarkProblem(name: ProblemName, size: number): BenchmarkProblem {
  const rowsOf = (full: number): number => Math.max(200, Math.round(full * size));
  const problem = (model: Model, rows: number, likelihood: 'rows' | 'shortest' = 'rows'): BenchmarkProblem => ({
    name,
    model,
    likelihood,
    rows,
    dimension: positionBlocks(model).reduce((sum, block) => sum + block.size, 0),
  });
  switch (name) {
    case 'logistic':
      return problem(logisticModel(rowsOf(covtypeRows)), rowsOf(covtypeRows));
    case 'hierarchical':
      return problem(hierarchicalLogistic(rowsOf(fullRows)).model, rowsOf(fullRows));
    case 'three-level rows':
      return problem(salesModel(rowsOf(salesRows)), rowsOf(salesRows));
    case 'three-level shortest':
      return problem(salesModel(rowsOf(salesRows)), rowsOf(salesRows), 'shortest');
    default:
      throw new Error(name satisfies never);
  }
}
