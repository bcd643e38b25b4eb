// Rows as tensor ops where a term's data change from sweep to sweep: what other terms and the fixed block explain of them.
import type * as tf from '@tensorflow/tfjs-core';
import type { DataArray } from '../../kernels/compiler/memoryLayout.js';
import { gatherRows } from '../../kernels/ops/index.js';
import type { NamedTensors } from '../../kernels/trace/trace.js';
import { groupOfRow } from '../../models/linearHierarchy/hierarchyModel.js';
import { rowMajor } from '../../models/linearHierarchy/rowMajor.js';
import type { LinearHierarchy } from '../../models/linearHierarchy/structure.js';

/** Blocks and data of the rows. */
export interface RowInputs {
  readonly parameters: Readonly<Record<string, readonly number[]>>;
  readonly data: ReadonlyMap<string, DataArray>;
  /** Terms whose coefficients are given. */
  readonly others: readonly number[];
  /** Names of a category's data: levels of the rows, and what its effect is multiplied with. */
  readonly categories: readonly { readonly codes: string; readonly multiplier: string | undefined }[];
  readonly dense: number;
}

/** Names of what rows are given of another term and of a category, and of a term's data. */
export const rowNames = {
  group: (t: number) => `group ${t}`,
  columns: (t: number) => `columns ${t}`,
  term: (t: number) => `term ${t}`,
  category: (c: number) => `effects ${c}`,
} as const;

/** Inputs of an update given everything but term `own` (−1: given every term but not the fixed block). */
export function rowInputs({ rows, y, terms, fixed, errors }: LinearHierarchy, own: number): RowInputs {
  const parameters: Record<string, readonly number[]> = {};
  const data = new Map<string, DataArray>([['y', { shape: [rows], values: y }]]);
  const others: number[] = [];
  for (const [t, term] of terms.entries()) {
    data.set(rowNames.group(t), { shape: [rows], values: groupOfRow(term) });
    data.set(rowNames.columns(t), { shape: [rows, term.columns.length], values: rowMajor(term.columns, rows) });
    if (t === own) continue;
    others.push(t);
    parameters[rowNames.term(t)] = [term.levels[0].groups, term.columns.length];
  }
  const dense = fixed?.dense.length ?? 0;
  if (dense > 0) data.set('dense', { shape: [rows, dense], values: rowMajor(fixed!.dense, rows) });
  if (dense > 0 && own >= 0) parameters.dense_effects = [dense];
  // An array that several categories hold is stored once.
  const known = new Map<Int32Array | Float64Array, string>();
  const nameOf = (values: Int32Array | Float64Array, usual: string): string => {
    const name = known.get(values) ?? usual;
    if (name === usual) data.set(usual, { shape: [rows], values });
    known.set(values, name);
    return name;
  };
  const categories = (fixed?.categories ?? []).map(({ levels, levelOfRow, multiplier }, c) => {
    if (own >= 0) parameters[rowNames.category(c)] = [levels];
    return {
      codes: nameOf(levelOfRow, `category ${c}`),
      multiplier: multiplier && nameOf(multiplier, `multiplier ${c}`),
    };
  });
  if (errors.df !== undefined) parameters.weights = [rows];
  return { parameters, data, others, categories, dense };
}

/** What the given terms, and the fixed block where it is given, explain of each row, `[rows]`. */
export function fittedByOthers(inputs: RowInputs, p: NamedTensors, d: NamedTensors): tf.Tensor {
  const parts: tf.Tensor[] = inputs.others.map((t) =>
    gatherRows(p[rowNames.term(t)], d[rowNames.group(t)]).mul(d[rowNames.columns(t)]).sum(1),
  );
  if ('dense_effects' in p) parts.push(d.dense.mul(p.dense_effects).sum(1));
  for (const [c, { codes, multiplier }] of inputs.categories.entries()) {
    if (!(rowNames.category(c) in p)) continue;
    const effect = gatherRows(p[rowNames.category(c)], d[codes]);
    parts.push(multiplier === undefined ? effect : effect.mul(d[multiplier]));
  }
  return parts.length === 0 ? d.y.mul(0) : parts.reduce((sum, part) => sum.add(part));
}
