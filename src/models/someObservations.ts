// A model before some of its observations: for what is wanted of each of them, where all are too many.
import type { Model, ModelArray } from './model.js';

/**
 * The model with these rows as its observations: the groups that they are of, and all parameters, stay.
 * @param rows of the data, in increasing order; the model must say which of its data are by observation
 */
export function atObservations(model: Model, rows: Int32Array): Model {
  const { data, observed, byObservation } = model;
  const some: { -readonly [Part in keyof Model]: Model[Part] } = { ...model };
  // What sums over all observations.
  delete some.totalLogLikelihood;
  delete some.structure;
  const chosen = byObservation!.map((name) => [name, atRows(data[name], rows)] as const);
  some.data = { ...data, ...Object.fromEntries(chosen) };
  some.observed = { name: observed!.name, values: Float64Array.from(rows, (row) => observed!.values[row]) };
  return some;
}

/** Reads the values once: some arrays make them whenever they are asked for them. */
function atRows({ shape, values, dtype }: ModelArray, rows: Int32Array): ModelArray {
  const width = shape.slice(1).reduce((product, size) => product * size, 1);
  const chosen = dtype === 'int32' ? new Int32Array(rows.length * width) : new Float64Array(rows.length * width);
  for (const [i, row] of rows.entries())
    for (let k = 0; k < width; k++) chosen[i * width + k] = values[row * width + k];
  return { shape: [rows.length, ...shape.slice(1)], values: chosen, ...(dtype && { dtype }) };
}
