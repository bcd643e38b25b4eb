// SQLite files: rows as SQLite wrote them (fixtures/makeSales.py), and refusals for what the reader does not know.

import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readTable } from '../../src/data/readTable.js';
import { inputError, temporaryFolder } from './inputFiles.js';

const { folder } = temporaryFolder();
copyFileSync(join(import.meta.dirname, 'fixtures', 'sales.sqlite'), join(folder, 'sales.sqlite'));
copyFileSync(join(import.meta.dirname, 'fixtures', 'sales.sqlite'), join(folder, 'open.db'));

const database = 'sales.sqlite';

describe('a SQLite file', () => {
  it('gives the rows of a table: row ids, integers of every width, reals, text', async () => {
    const table = await readTable({ folder, database, table: 'sales' }, [
      { name: 'id', kind: 'number' },
      { name: 'unit price', kind: 'number' },
      { name: 'units', kind: 'number' },
      { name: 'store', kind: 'factor' },
    ]);
    expect(table.rows).toBe(300);
    const values = (name: string) => {
      const column = table.columns.get(name)!;
      return column.kind === 'number' ? [...column.values] : Array.from(column.codes, (code) => column.levels[code]);
    };
    const rows = Array.from({ length: 300 }, (_, row) => row);
    expect(values('id')).toEqual(rows.map((row) => row + 10));
    expect(values('unit price')).toEqual(rows.map((row) => row / 8));
    const widths = [0, 1, -7, 300, -40000, 2 ** 23, -(2 ** 40), 2 ** 50];
    expect(values('units')).toEqual(rows.map((row) => widths[row % 8]));
    expect(values('store')).toEqual(rows.map((row) => `store, ${row % 4}`));
  });

  it('answers a query, with text that runs over several pages', async () => {
    const query = 'SELECT id, length(note) AS letters FROM sales WHERE note IS NOT NULL ORDER BY id';
    const columns = [
      { name: 'id', kind: 'number' as const },
      { name: 'letters', kind: 'number' as const },
    ];
    const table = await readTable({ folder, database, query }, columns);
    expect(table.columns.get('id')).toMatchObject({ values: Float64Array.of(10, 110, 210) });
    expect(table.columns.get('letters')).toMatchObject({ values: Float64Array.of(700, 700, 700) });
  });

  it('refuses by name what it cannot read', async () => {
    const read = (source: object) => inputError(() => readTable({ folder, database, ...source }, []));
    expect((await read({ table: 'none' })).message).toMatch(/^sales\.sqlite: Catalog Error: .*none/);
    expect((await read({ table: 'keyed' })).message).toContain("sales.sqlite: table 'keyed' is a WITHOUT ROWID table");
    expect((await read({ table: 'grown' })).message).toContain("column 'b' of 'grown' was added with a default");
    writeFileSync(join(folder, 'open.db-wal'), 'pending');
    expect((await read({ database: 'open.db', table: 'sales' })).message).toContain(
      'open.db: has changes that are not yet',
    );
  });
});
