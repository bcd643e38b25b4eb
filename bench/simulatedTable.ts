// Simulated rows as a table in memory.
import { type Column, factorFromLabels, type Table, tableOf } from '../src/data/table.js';
import type { SimulatedData } from '../src/models/simulation.js';

export function simulatedTable(blocks: SimulatedData['blocks']): Table {
  const parts = new Map<string, { numbers: number[]; labels: (string | null)[] }>();
  for (const block of blocks) {
    for (const column of block) {
      const part = parts.get(column.name) ?? { numbers: [], labels: [] };
      parts.set(column.name, part);
      if ('codes' in column) for (const code of column.codes) part.labels.push(column.levels[code]);
      else {
        for (const value of column.values) {
          if (typeof value === 'number') part.numbers.push(value);
          else part.labels.push(value);
        }
      }
    }
  }
  const columns = [...parts].map(([name, { numbers, labels }]): Column =>
    labels.length > 0 ? factorFromLabels(name, labels) : { kind: 'number', name, values: Float64Array.from(numbers) },
  );
  return tableOf('simulated', columns);
}
