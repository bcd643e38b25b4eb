// A fixed block beside the nest, computed once: its columns in the coordinates of each unit's factor, and what lies outside of them.
import type { DataArray } from '../../kernels/compiler/memoryLayout.js';
import { triangulate } from '../../models/linearHierarchy/crossproducts.js';
import { freeCoefficients } from '../../models/linearHierarchy/fixedBlock.js';
import type { FixedBlock, LinearHierarchy, NestedTerm } from '../../models/linearHierarchy/structure.js';
import { triangleIndex } from './columns.js';
import { allColumns, columnsOfRow, crossedEntries, type Entries } from './crossedEntries.js';

/** Names of arrays of data, by level. */
export const crossedNames = (level: number) => ({
  /** Of each entry. */
  group: `crossed group ${level}`,
  column: `crossed column ${level}`,
  outer: `crossed outer ${level}`,
  /** Of each pair of entries of one group: both, and where their product goes. */
  first: `crossed first ${level}`,
  second: `crossed second ${level}`,
  place: `crossed place ${level}`,
});
/** Columns of the block in the coordinates of the units' factors, `[entry][p]`. */
export const crossedColumns = 'crossed columns';

/** Arrays that take free coefficients from the table of all columns: its places `[free, free]`, and columns `[free]`. */
export const crossedIndices = {
  ownOwn: 'crossed own own',
  ownLast: 'crossed own last',
  lastOwn: 'crossed last own',
  lastLast: 'crossed last last',
  own: 'crossed own',
  last: 'crossed last',
} as const;

export interface CrossedData {
  readonly block: FixedBlock;
  readonly arrays: ReadonlyMap<string, DataArray>;
  readonly entries: readonly Entries[];
  /** Columns with all levels of categories, and free coefficients. */
  readonly all: number;
  readonly free: number;
  /** Products of columns outside of the units' coordinates, Σ F₂'F₂, lower triangle; and with y, Σ F₂'y₂. */
  readonly gram: Float64Array;
  readonly score: Float64Array;
}

/** @param shift coefficients of the columns of units that y is counted from */
export function crossedData(
  { y }: LinearHierarchy,
  term: NestedTerm,
  block: FixedBlock,
  shift: Float64Array,
): CrossedData {
  const entries = crossedEntries(term, block);
  const all = allColumns(block);
  const gram = new Float64Array((all * (all + 1)) / 2);
  const score = new Float64Array(all);
  const p = term.columns.length;
  const values = new Float64Array(entries[0].group.length * p);
  const { rowStart, rowOrder } = term;
  const touches = new Int32Array(block.dense.length + block.categories.length);
  let entry = 0;
  for (let unit = 0; unit + 1 < rowStart.length; unit++) {
    const count = rowStart[unit + 1] - rowStart[unit];
    const rowAt = (i: number): number => rowOrder?.[rowStart[unit] + i] ?? rowStart[unit] + i;
    const first = entry;
    const place = new Map<number, number>();
    for (; entry < entries[0].group.length && entries[0].group[entry] === unit; entry++)
      place.set(entries[0].column[entry], entry - first);
    const touched = Array.from({ length: place.size }, () => new Float64Array(count));
    const response = new Float64Array(count);
    for (let i = 0; i < count; i++) {
      const row = rowAt(i);
      response[i] = term.columns.reduce((rest, column, k) => rest - shift[k] * column[row], y[row]);
      columnsOfRow(block, row, touches);
      for (const [k, column] of touches.entries()) touched[place.get(column)!][i] = valueOf(block, k, row);
    }
    // Columns from the last to the first, as in `marginalData`.
    const own = term.columns
      .map((column) => Float64Array.from({ length: count }, (_, i) => column[rowAt(i)]))
      .reverse();
    const pivots = triangulate([...own, response, ...touched], p, count);
    const rank = pivots.reduce((sum, row) => sum + Number(row >= 0), 0);
    for (const [e, column] of touched.entries()) {
      for (const [k, row] of pivots.entries()) if (row >= 0) values[(first + e) * p + p - 1 - k] = column[row];
      const c = entries[0].column[first + e];
      for (let i = rank; i < count; i++) score[c] += column[i] * response[i];
      for (let f = 0; f <= e; f++) {
        const at = triangleIndex(c, entries[0].column[first + f]);
        for (let i = rank; i < count; i++) gram[at] += column[i] * touched[f][i];
      }
    }
  }
  const arrays = new Map<string, DataArray>([[crossedColumns, { shape: [entries[0].group.length, p], values }]]);
  for (const [l, { group, column, outer }] of entries.entries()) {
    const names = crossedNames(l);
    const add = (name: string, array: Int32Array): void =>
      void arrays.set(name, { shape: [array.length], values: array });
    add(names.group, group);
    add(names.column, column);
    if (outer !== null) add(names.outer, outer);
    const [a, b, at] = pairsOf(entries[l]);
    add(names.first, a);
    add(names.second, b);
    add(names.place, at);
  }
  addIndices(arrays, block, all);
  return { block, arrays, entries, all, free: freeCoefficients(block), gram, score };
}

/** Value of a row in the k-th of the columns that it touches. */
function valueOf({ dense, categories }: FixedBlock, k: number, row: number): number {
  return k < dense.length ? dense[k][row] : (categories[k - dense.length].multiplier?.[row] ?? 1);
}

/** Pairs of entries of one group, each once, and the place of their columns in a lower triangle. */
function pairsOf({ group, column }: Entries): [Int32Array, Int32Array, Int32Array] {
  const [first, second, place]: [number[], number[], number[]] = [[], [], []];
  for (let e = 0; e < group.length; e++) {
    for (let f = e; f >= 0 && group[f] === group[e]; f--) {
      first.push(e);
      second.push(f);
      place.push(triangleIndex(column[e], column[f]));
    }
  }
  return [Int32Array.from(first), Int32Array.from(second), Int32Array.from(place)];
}

/**
 * Sum-to-zero coding: a free coefficient is that of its level less that of its category's last. Dense columns have no last: their place
 * there is one after the table's end, where a 0 is.
 */
function addIndices(arrays: Map<string, DataArray>, { dense, categories }: FixedBlock, all: number): void {
  const own = dense.map((_, i) => i);
  const last = dense.map(() => all);
  let offset = dense.length;
  for (const { levels } of categories) {
    for (let level = 0; level + 1 < levels; level++) {
      own.push(offset + level);
      last.push(offset + levels - 1);
    }
    offset += levels;
  }
  const free = own.length;
  const nowhere = (all * (all + 1)) / 2;
  const table = (name: string, rows: readonly number[], columns: readonly number[]): void => {
    const values = rows.flatMap((a) => columns.map((b) => (a === all || b === all ? nowhere : triangleIndex(a, b))));
    arrays.set(name, { shape: [free, free], values });
  };
  table(crossedIndices.ownOwn, own, own);
  table(crossedIndices.ownLast, own, last);
  table(crossedIndices.lastOwn, last, own);
  table(crossedIndices.lastLast, last, last);
  arrays.set(crossedIndices.own, { shape: [free], values: own });
  arrays.set(crossedIndices.last, { shape: [free], values: last });
}
