// Reading tables: every kind of source gives the same table, and every fault is one line that names its place.

import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { withDuckDB } from '../../src/data/duckdb.js';
import type { ColumnRequest, ReadOptions } from '../../src/data/readTable.js';
import { readTable } from '../../src/data/readTable.js';
import { sortLevels } from '../../src/data/table.js';
import { inputError, temporaryFolder } from './inputFiles.js';

const { folder, write } = temporaryFolder();
const wanted: ColumnRequest[] = [
  { name: 'price', kind: 'number' },
  { name: 'store', kind: 'factor' },
  { name: 'brand', kind: 'factor' },
];
const csv = 'store,price,brand,unused\n10,1.5,"b, x",k\n2,2.25,a,k\n10,-3e2,a,k\n';

const fileError = (file: string, options?: ReadOptions) =>
  inputError(() => readTable({ folder, file }, wanted, options));

describe('sources', () => {
  const expected = {
    price: { kind: 'number', name: 'price', values: Float64Array.of(1.5, 2.25, -300) },
    store: { kind: 'factor', name: 'store', codes: Int32Array.of(1, 0, 1), levels: ['2', '10'] },
    brand: { kind: 'factor', name: 'brand', codes: Int32Array.of(1, 0, 0), levels: ['a', 'b, x'] },
  };
  write('a.csv', csv);
  write('a.csv.gz', gzipSync(csv));
  write('a.tsv', 'store\tprice\tbrand\tunused\n10\t1.5\tb, x\tk\n2\t2.25\ta\tk\n10\t-3e2\ta\tk\n');
  write('semicolon.csv', '\uFEFFstore;price;brand;unused\r\n10;1.5;b, x;k\r\n2;2.25;a;k\r\n10;-3e2;a;k\r\n');

  it.each(['a.csv', 'a.csv.gz', 'a.tsv', 'semicolon.csv'])('reads %s', async (file) => {
    const table = await readTable({ folder, file }, wanted);
    expect(table.rows).toBe(3);
    expect(table.source).toBe(file);
    expect(Object.fromEntries(table.columns)).toEqual(expected);
  });

  it('reads Parquet, a query with a path relative to the folder, and a DuckDB file by table and by query', async () => {
    await withDuckDB(async (connection) => {
      await connection.run(`COPY (FROM '${join(folder, 'a.csv')}') TO '${join(folder, 'a.parquet')}'`);
      await connection.run(`ATTACH '${join(folder, 'shop.duckdb')}' AS shop`);
      await connection.run(`CREATE TABLE shop.sales AS FROM '${join(folder, 'a.csv')}'`);
    });
    const query = "WITH rows AS (SELECT * FROM 'a.parquet') SELECT store, price, brand FROM rows; ";
    const sources = [
      { file: 'a.parquet' },
      { query },
      { database: 'shop.duckdb', table: 'sales' },
      { database: 'shop.duckdb', query: 'SELECT * FROM sales -- all' },
    ];
    for (const source of sources) {
      const table = await readTable({ folder, ...source }, wanted);
      expect(Object.fromEntries(table.columns)).toEqual(expected);
    }
  });

  it('keeps the order of many rows over chunk boundaries', async () => {
    const query = 'SELECT i AS n, i % 1000 AS g, i % 2 = 0 AS even FROM range(100000) t(i)';
    const columns = [
      { name: 'n', kind: 'number' as const },
      { name: 'g', kind: 'factor' as const },
      { name: 'even', kind: 'number' as const },
    ];
    const table = await readTable({ folder, query }, columns);
    const [n, g, even] = ['n', 'g', 'even'].map((name) => table.columns.get(name)!);
    if (n.kind !== 'number' || g.kind !== 'factor' || even.kind !== 'number') throw new Error('wrong kinds');
    expect(n.values.every((value, row) => value === row)).toBe(true);
    expect(g.codes.every((code, row) => g.levels[code] === String(row % 1000))).toBe(true);
    expect(even.values.every((value, row) => value === 1 - (row % 2))).toBe(true);
  });

  it('keeps missing values on request: NaN and code −1', async () => {
    write('missing.csv', 'store,price,brand\n1,,a\nNA,2,\n');
    const table = await readTable({ folder, file: 'missing.csv' }, wanted, { missing: 'keep' });
    expect(table.columns.get('price')).toMatchObject({ values: Float64Array.of(NaN, 2) });
    expect(table.columns.get('store')).toMatchObject({ codes: Int32Array.of(0, -1), levels: ['1'] });
  });

  it('gives a text column asked for as numbers back as a factor', async () => {
    write('factor.csv', 'store,price,brand\n1,low,a\n2,high,b\n');
    const table = await readTable({ folder, file: 'factor.csv' }, wanted);
    expect(table.columns.get('price')).toMatchObject({ kind: 'factor', levels: ['high', 'low'] });
  });

  it('orders integer labels by value, before text', () => {
    expect(sortLevels(['b', '10', '9', '-1', 'a', '2020-01-02'])).toEqual(['-1', '9', '10', '2020-01-02', 'a', 'b']);
  });
});

describe('files that cannot be read', () => {
  it('names a missing file, a folder, an empty file, an unknown kind and a database under file:', async () => {
    expect((await fileError('none.csv')).message).toMatch(/^none\.csv: no such file; looked for .*none\.csv$/);
    mkdirSync(join(folder, 'dir.csv'));
    expect((await fileError('dir.csv')).message).toBe('dir.csv: is a folder, not a file');
    write('empty.csv', '');
    expect((await fileError('empty.csv')).message).toBe('empty.csv: is empty; rows of data are needed');
    write('blank.csv', '\n\n');
    expect((await fileError('blank.csv')).message).toContain('blank.csv: is empty');
    write('a.xlsx', 'PK');
    expect((await fileError('a.xlsx')).message).toMatch(/^a\.xlsx: unknown kind of file; known are \.csv/);
    expect((await fileError('shop.duckdb')).message).toContain('name it by database:');
  });

  it('names a file without permission', async () => {
    chmodSync(write('secret.csv', csv), 0);
    // Root may read anything, so it acts as somebody else meanwhile.
    const isRoot = process.getuid?.() === 0;
    if (isRoot) process.seteuid?.(65534);
    try {
      expect((await fileError('secret.csv')).message).toBe('secret.csv: may not be read (permission denied)');
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });

  it('names broken Parquet and gzip files', async () => {
    write('broken.parquet', 'this is no parquet file at all');
    expect((await fileError('broken.parquet')).message).toMatch(/^broken\.parquet: .*[Pp]arquet/);
    write('broken.csv.gz', 'plain text');
    expect((await fileError('broken.csv.gz')).message).toContain('broken.csv.gz: is not a gzip file');
  });

  it('names a source without rows, and a row with too few columns', async () => {
    write('header.csv', 'store,price,brand\n');
    expect((await fileError('header.csv')).message).toBe('header.csv: has a header but no rows; a model needs data');
    const none = await inputError(() => readTable({ folder, query: "SELECT * FROM 'a.csv' WHERE price > 99" }, wanted));
    expect(none.message).toBe('data.query: has no rows; a model needs data');
    write('ragged.csv', 'store,price,brand\n1,2,a\n1,2\n1,2,a\n');
    expect((await fileError('ragged.csv')).message).toBe('ragged.csv: line 3 has 2 columns; the header has 3');
  });

  it('names a column that the header has twice', async () => {
    write('twice.csv', 'store,price,"brand",brand\n1,2,a,b\n');
    const { message } = await fileError('twice.csv');
    expect(message).toBe("twice.csv: line 1 names the column 'brand' twice; every column needs its own name");
  });

  it('passes on what is wrong with a query and with the name of a table', async () => {
    const parse = await inputError(() => readTable({ folder, query: "SELEC *\nFROM 'a.csv'" }, wanted));
    expect(parse.message).toMatch(
      /^data\.query: Parser Error: syntax error at or near "SELEC" \(line 1 of the query\)$/,
    );
    const unknown = await inputError(() => readTable({ folder, query: "SELECT pricee FROM 'a.csv'" }, wanted));
    expect(unknown.message).toMatch(/^data\.query: Binder Error: .*pricee/);
    const table = await inputError(() => readTable({ folder, database: 'shop.duckdb', table: 'sale' }, wanted));
    expect(table.message).toMatch(/^shop\.duckdb: Catalog Error: .*sale/);
  });
});

describe('values that a column may not hold', () => {
  it('names a missing column and the nearest there is', async () => {
    write('names.csv', 'store,pirce,brand\n1,2,a\n');
    const error = await fileError('names.csv');
    expect(error.message).toBe("names.csv: has no column 'price'; did you mean 'pirce'?");
    expect(error.location).toMatchObject({ file: 'names.csv', column: 'price' });
    write('other.csv', 'a,b\n1,2\n');
    expect((await fileError('other.csv')).message).toBe("other.csv: has no column 'price'; its columns: a, b");
  });

  it('names text in a number column with row, line and value', async () => {
    const rows = Array.from({ length: 30_000 }, (_, row) => `1,${row === 25_000 ? 'n/a' : row},a`);
    write('text.csv', `store,price,brand\n${rows.join('\n')}\n`);
    const error = await fileError('text.csv');
    expect(error.message).toContain("text.csv: column 'price', row 25001 (line 25002): 'n/a' is not a number");
    expect(error.location).toEqual({ file: 'text.csv', line: 25_002, column: 'price', row: 25_001, value: 'n/a' });
  });

  it('counts lines past quoted line breaks and empty lines', async () => {
    write('lines.csv', 'store,price,brand\n1,1,"two\nlines"\n\n1,x,a\n');
    expect((await fileError('lines.csv')).message).toContain("column 'price', row 2 (line 5): 'x'");
    write('lines.csv.gz', gzipSync('store,price,brand\r\n1,1,"a\r\nb"\r\n1,x,a'));
    expect((await fileError('lines.csv.gz')).message).toContain("column 'price', row 2 (line 4): 'x'");
  });

  it.each(['NaN', 'inf', '-Infinity'])('names %s', async (value) => {
    write('finite.csv', `store,price,brand\n1,1,a\n1,${value},a\n1,${value},a\n`);
    const error = await fileError('finite.csv');
    const start = `finite.csv: column 'price', row 2 (line 3): ${value} is not a finite number (2 such values`;
    expect(error.message.startsWith(start)).toBe(true);
  });

  it('names NaN in a query, which has rows but no lines', async () => {
    const query = "SELECT 1 AS store, 'a' AS brand, unnest([1.0, 'nan'::DOUBLE]) AS price";
    const error = await inputError(() => readTable({ folder, query }, wanted));
    expect(error.message).toContain("data.query: column 'price', row 2: nan is not a finite number");
  });

  it('counts missing values and says what can be done', async () => {
    write('null.csv', 'store,price,brand\n1,1,a\n1,,a\n1,NA,a\n');
    const error = await fileError('null.csv');
    expect(error.message).toContain("null.csv: column 'price', row 2 (line 3): 2 missing values, this is the first");
    expect(error.message).toContain('WHERE price IS NOT NULL');
    write('null2.csv', 'store,price,brand\n1,1,a\n,1,a\n');
    expect((await fileError('null2.csv')).message).toContain("column 'store', row 2 (line 3): 1 missing value;");
  });

  it('names dates where numbers are needed', async () => {
    const query = "SELECT 1 AS store, 'a' AS brand, DATE '2020-01-01' AS price";
    const error = await inputError(() => readTable({ folder, query }, wanted));
    expect(error.message).toContain("column 'price' holds DATE values, not numbers");
  });

  it('names the first repeated key', async () => {
    write('keys.csv', 'store,week,price,brand\n1,1,1,a\n1,2,1,a\n2,1,1,a\n1,2,5,a\n2,1,3,a\n');
    const error = await fileError('keys.csv', { unique: ['store', 'week'] });
    const place = "keys.csv: column 'store + week', row 4 (line 5): repeats store = 1, week = 2 of row 2";
    expect(error.message).toBe(`${place} (2 keys are repeated); store + week is declared unique`);
    await expect(
      readTable({ folder, file: 'keys.csv' }, wanted, { unique: ['store', 'week', 'price'] }),
    ).resolves.toBeDefined();
  });
});
