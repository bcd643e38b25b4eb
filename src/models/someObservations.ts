// A model before some of its observations: for what is wanted of each of them, where all are too many.
import type { Model, ModelArray } from './model.js';

/**
 * The model with these rows as its observations: the groups that they are of, and all parameters, stay.
 * @param rows of the data, in increasing order; the model must say which of its data are by observation
 */
export function atObservations(model: Model, rows: Int32Array): Model {
  const { byObservation, data, observed, totalLogLikelihood: _, structure: __, ...rest } = model;
  const chosen = byObservation!.map((name) => [name, atRows(data[name], rows)] as const);
  return {
    ...rest,
    data: { ...data, ...Object.fromEntries(chosen) },
    observed: { name: observed!.name, values: Float64Array.from(rows, (row) => observed!.values[row]) },
  };
}

function atRows(array: ModelArray, rows: Int32Array): ModelArray {
  const { shape, values } = array;
  const width = shape.slice(1).reduce((product, size) => product * size, 1);
  const chosen = array.dtype === 'int32' ? new Int32Array(rows.length * width) : new Float64Array(rows.length * width);
  for (const [i, row] of rows.entries())
    for (let k = 0; k < width; k++) chosen[i * width + k] = values[row * width + k];
  return { ...array, shape: [rows.length, ...shape.slice(1)], values: chosen };
}
