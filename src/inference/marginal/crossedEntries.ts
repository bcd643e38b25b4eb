// Which columns of a fixed block each group touches, level by level, and what integrating the block out with the groups costs.
import type { FixedBlock, NestedTerm } from '../../models/linearHierarchy/structure.js';

/** Pairs of a group and a column that it touches, sorted by group, then column. */
export interface Entries {
  readonly group: Int32Array;
  readonly column: Int32Array;
  /** The entry of the next level that each is part of; null for the outermost. */
  readonly outer: Int32Array | null;
}

/** Columns with one for every level of a category: dense columns first. Sum-to-zero coding maps the free coefficients to them. */
export function allColumns({ dense, categories }: FixedBlock): number {
  return dense.length + categories.reduce((sum, { levels }) => sum + levels, 0);
}

/** Columns that row `row` touches, written to `target`. */
export function columnsOfRow({ dense, categories }: FixedBlock, row: number, target: Int32Array): void {
  let next = 0;
  for (; next < dense.length; next++) target[next] = next;
  let offset = dense.length;
  for (const { levels, levelOfRow } of categories) {
    target[next++] = offset + levelOfRow[row];
    offset += levels;
  }
}

/** By level from the innermost outwards. */
export function crossedEntries({ levels, rowStart, rowOrder }: NestedTerm, block: FixedBlock): Entries[] {
  const own = new Int32Array(block.dense.length + block.categories.length);
  const touchedByUnit = (unit: number): number[] => {
    const touched = new Set<number>();
    // A group without data, after those that were declared.
    if (unit + 1 >= rowStart.length) return [];
    for (let place = rowStart[unit]; place < rowStart[unit + 1]; place++) {
      columnsOfRow(block, rowOrder?.[place] ?? place, own);
      for (const column of own) touched.add(column);
    }
    return [...touched].sort((a, b) => a - b);
  };
  let touched = Array.from({ length: levels[0].groups }, (_, unit) => touchedByUnit(unit));
  return levels.map(({ parent }, l) => {
    const group = Int32Array.from(touched.flatMap((columns, g) => columns.map(() => g)));
    const column = Int32Array.from(touched.flat());
    if (parent === null) return { group, column, outer: null };
    const sets = Array.from({ length: levels[l + 1].groups }, () => new Set<number>());
    for (const [e, g] of group.entries()) sets[parent[g]].add(column[e]);
    touched = sets.map((set) => [...set].sort((a, b) => a - b));
    const place = new Map<string, number>();
    for (const [g, columns] of touched.entries()) for (const c of columns) place.set(`${g} ${c}`, place.size);
    return { group, column, outer: Int32Array.from(group, (g, e) => place.get(`${parent[g]} ${column[e]}`)!) };
  });
}

/** Products of one gradient: pairs of columns that a group touches, over all groups and levels, and the Cholesky factor of the block. */
export function crossedCost(entries: readonly Entries[], block: FixedBlock): number {
  let pairs = 0;
  for (const { group } of entries) {
    for (let e = 0; e < group.length;) {
      let end = e;
      while (end < group.length && group[end] === group[e]) end++;
      pairs += (end - e) ** 2;
      e = end;
    }
  }
  return pairs + Math.round(allColumns(block) ** 3 / 6);
}
