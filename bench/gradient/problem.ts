// The benchmark's data: a three-level regression with the shape of weekly orange-juice sales, the same at every run.
import type { DataArray } from '../../src/kernels/compiler/memoryLayout.js';

export interface Sizes {
  readonly rows: number;
  readonly markets: number;
  readonly unitsPerMarket: number;
  /** Coefficients of a unit: a constant, a real predictor, the rest 0 or 1. */
  readonly coefficients: number;
  /** Columns of the market level's design, the constant included. */
  readonly traits: number;
}

export const orangeJuice: Sizes = { rows: 106_139, markets: 83, unitsPerMarket: 11, coefficients: 4, traits: 3 };

/** One parameter block, row-major. */
export interface Block {
  readonly name: string;
  readonly shape: readonly number[];
}

export interface Problem {
  readonly sizes: Sizes;
  readonly units: number;
  /** y [rows], x [rows, coefficients], unit [rows] (sorted), market [units] (sorted), w [markets, traits]. */
  readonly data: ReadonlyMap<'y' | 'x' | 'unit' | 'market' | 'w', DataArray & { readonly values: Float64Array }>;
  readonly blocks: readonly Block[];
  /** Length of all blocks one after another. */
  readonly dimension: number;
}

/** Numbers from a fixed linear congruential generator, about standard normal. */
function normals(seed: number): () => number {
  let state = seed >>> 0;
  const uniform = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

export function makeProblem(sizes: Sizes): Problem {
  const { rows, markets, unitsPerMarket, coefficients, traits } = sizes;
  const units = markets * unitsPerMarket;
  const normal = normals(20);
  const unit = Float64Array.from({ length: rows }, (_, row) => Math.floor((row * units) / rows));
  const market = Float64Array.from({ length: units }, (_, u) => Math.floor(u / unitsPerMarket));
  const w = Float64Array.from({ length: markets * traits }, (_, i) => (i % traits === 0 ? 1 : normal()));
  const beta = Float64Array.from({ length: units * coefficients }, () => normal());
  const x = new Float64Array(rows * coefficients);
  const y = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < coefficients; k++) {
      x[row * coefficients + k] = k === 0 ? 1 : k === 1 ? normal() : normal() > 0.5 ? 1 : 0;
      y[row] += x[row * coefficients + k] * beta[unit[row] * coefficients + k];
    }
    y[row] += 0.5 * normal();
  }
  const blocks: Block[] = [
    { name: 'delta', shape: [traits, coefficients] },
    { name: 'gamma', shape: [markets, coefficients] },
    { name: 'beta', shape: [units, coefficients] },
    { name: 'logSigmaV', shape: [coefficients] },
    { name: 'logSigmaU', shape: [coefficients] },
    { name: 'logSigma', shape: [] },
  ];
  return {
    sizes,
    units,
    data: new Map([
      ['y', { shape: [rows], values: y }],
      ['x', { shape: [rows, coefficients], values: x }],
      ['unit', { shape: [rows], values: unit }],
      ['market', { shape: [units], values: market }],
      ['w', { shape: [markets, traits], values: w }],
    ]),
    blocks,
    dimension: blocks.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0),
  };
}

/** A position of every parameter, different for each seed. */
export function position(problem: Problem, seed: number): Float64Array {
  const normal = normals(1000 + seed);
  return Float64Array.from({ length: problem.dimension }, () => 0.3 * normal());
}
