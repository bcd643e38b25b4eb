// A simulation's blocks of rows as one table in memory.
import { factorFromLabels, type Table, tableOf } from '../../src/data/table.js';
import type { OutputColumn } from '../../src/data/writeTable.js';

export function tableOfBlocks(blocks: Iterable<readonly OutputColumn[]>): Table {
  const columns = new Map<string, { values: number[]; labels?: readonly string[] }>();
  for (const block of blocks) {
    for (const column of block) {
      const known = columns.get(column.name) ?? { values: [], ...('codes' in column && { labels: column.levels }) };
      for (const value of 'codes' in column ? column.codes : column.values) known.values.push(Number(value));
      columns.set(column.name, known);
    }
  }
  return tableOf(
    'simulated',
    [...columns].map(([name, { values, labels }]) =>
      labels === undefined
        ? { kind: 'number' as const, name, values: Float64Array.from(values) }
        : factorFromLabels(
            name,
            values.map((code) => labels[code]),
          ),
    ),
  );
}
