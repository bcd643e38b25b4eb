// The library's own three-level model on the benchmark's data, as a sampler evaluates it.
import { tableOf } from '../../src/data/table.js';
import { threeLevelData } from '../../src/data/threeLevelData.js';
import { compileDensity, type ModelDensity } from '../../src/inference/compiledModel.js';
import { cpuDevice } from '../../src/kernels/cpu/cpuDevice.js';
import type { Model } from '../../src/models/model.js';
import { threeLevelModel } from '../../src/models/threeLevel/threeLevel.js';
import type { Problem } from './problem.js';

/** Compiles the model for four chains and one thread, with its likelihood row by row or in its shortest form. */
export async function modelDensity(problem: Problem, likelihood: 'rows' | 'shortest'): Promise<ModelDensity> {
  const density = await compileDensity(benchmarkModel(problem), cpuDevice(), 4, likelihood);
  for (let i = 0; i < density.positions.length; i++) density.positions[i] = 0.3 * Math.sin(i);
  return density;
}

/** The three-level model bound to the benchmark's data, predictors as they are. */
export function benchmarkModel(problem: Problem): Model {
  const { rows, coefficients, unitsPerMarket, traits } = problem.sizes;
  const values = (name: 'y' | 'x' | 'unit' | 'market' | 'w'): Float64Array => problem.data.get(name)!.values;
  const unit = values('unit');
  const byRow = (of: (row: number) => number): Float64Array => Float64Array.from({ length: rows }, (_, row) => of(row));
  const number = (name: string, of: (row: number) => number) => ({ kind: 'number' as const, name, values: byRow(of) });
  const factor = (name: string, of: (row: number) => number) => {
    const codes = Int32Array.from(byRow(of));
    const levels = Array.from({ length: codes.reduce((a, b) => Math.max(a, b)) + 1 }, (_, i) => String(i));
    return { kind: 'factor' as const, name, codes, levels };
  };
  const market = (row: number): number => values('market')[unit[row]];
  const names = { x: [] as string[], w: [] as string[] };
  const columns = [
    number('y', (row) => values('y')[row]),
    factor('product', (row) => unit[row] % unitsPerMarket),
    factor('market', market),
  ];
  for (let k = 1; k < coefficients; k++) {
    names.x.push(`x${k}`);
    columns.push(number(`x${k}`, (row) => values('x')[row * coefficients + k]));
  }
  for (let t = 1; t < traits; t++) {
    names.w.push(`w${t}`);
    columns.push(number(`w${t}`, (row) => values('w')[market(row) * traits + t]));
  }
  const data = threeLevelData(tableOf('benchmark', columns), {
    response: 'y',
    product: 'product',
    market: 'market',
    x: names.x,
    z: [],
    w: names.w,
    standardise: false,
  });
  return threeLevelModel(data);
}
