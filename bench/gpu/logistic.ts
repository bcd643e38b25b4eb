// Logistic regression of the shape of COVTYPE: simulated rows, the priors of NumPyro's benchmark of it.
import * as tf from '@tensorflow/tfjs-core';
import { defineModel, type Model } from '../../src/models/model.js';
import { bernoulliLogit, normal } from '../../src/models/distributions/index.js';
import { real } from '../../src/models/parameters.js';
import { benchmarkRandom } from './random.js';

/** COVTYPE: 10 measurements, one of 4 wilderness areas, one of 40 soil types, and a constant. */
const [measurements, areas, soils] = [10, 4, 40];
const columns = measurements + areas + soils + 1;

export const covtypeRows = 581_012;

/**
 * y ~ Bernoulli(logit⁻¹(x b)), b ~ N(0, 1); every column but the constant standardised, as in NumPyro's example `covtype.py`.
 * Columns of 0 and 1 of one factor add up to a constant there too.
 */
export function logisticModel(rows: number): Model {
  const random = benchmarkRandom(1);
  const raw = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const at = row * columns;
    const altitude = random.normal();
    for (let k = 0; k < measurements; k++) raw[at + k] = 0.5 * altitude + random.normal();
    // Rarer and rarer levels, as in the data.
    raw[at + measurements + Math.min(areas - 1, Math.floor(areas * random.uniform() ** 1.5))] = 1;
    raw[at + measurements + areas + Math.min(soils - 1, Math.floor(soils * random.uniform() ** 2))] = 1;
    raw[at + columns - 1] = 1;
  }
  for (let k = 0; k < columns - 1; k++) standardise(raw, rows, k);
  const coefficients = Float64Array.from({ length: columns }, () => 0.4 * random.normal());
  const y = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    let eta = 0;
    for (let k = 0; k < columns; k++) eta += raw[row * columns + k] * coefficients[k];
    y[row] = random.uniform() < 1 / (1 + Math.exp(-eta)) ? 1 : 0;
  }
  return defineModel({
    name: 'logistic regression',
    data: { x: { shape: [rows, columns], values: raw }, y: { shape: [rows], values: y } },
    parameters: { b: real(columns) },
    logPrior: ({ b }) => normal.logDensity(b).sum(),
    logLikelihood: ({ b }, { x, y }) => bernoulliLogit.logDensity(y, tf.sum(x.mul(b), 1)),
    start: {
      b: { centre: new Float64Array(columns), sd: new Float64Array(columns).fill(2 / Math.sqrt(rows)) },
    },
  });
}

/** Mean 0 and standard deviation 1; a column that is constant (few rows) becomes 0. */
function standardise(values: Float32Array, rows: number, column: number): void {
  let [sum, squares] = [0, 0];
  for (let i = column; i < values.length; i += columns) sum += values[i];
  const mean = sum / rows;
  for (let i = column; i < values.length; i += columns) squares += (values[i] - mean) ** 2;
  const sd = Math.sqrt(squares / rows);
  for (let i = column; i < values.length; i += columns) values[i] = sd > 0 ? (values[i] - mean) / sd : 0;
}
