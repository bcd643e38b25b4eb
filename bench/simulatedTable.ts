// Simulated rows as a table in memory.
import type { ColumnRequest } from '../src/data/readTable.js';
import { type Column, factorFromLabels, type Table, tableOf } from '../src/data/table.js';
import type { SimulatedData } from '../src/models/simulation.js';

/** @param columns what is wanted of numbers that are labels */
export function simulatedTable(blocks: SimulatedData['blocks'], columns: readonly ColumnRequest[] = []): Table {
  const asLabels = new Set(columns.filter(({ kind }) => kind === 'factor').map(({ name }) => name));
  const parts = new Map<string, { numbers: number[]; labels: (string | null)[] }>();
  for (const block of blocks) {
    for (const column of block) {
      const part = parts.get(column.name) ?? { numbers: [], labels: [] };
      parts.set(column.name, part);
      if ('codes' in column) for (const code of column.codes) part.labels.push(column.levels[code]);
      else {
        for (const value of column.values) {
          if (typeof value === 'number' && !asLabels.has(column.name)) part.numbers.push(value);
          else part.labels.push(value === null ? null : String(value));
        }
      }
    }
  }
  const found = [...parts].map(([name, { numbers, labels }]): Column =>
    labels.length > 0 ? factorFromLabels(name, labels) : { kind: 'number', name, values: Float64Array.from(numbers) },
  );
  return tableOf('simulated', found);
}
