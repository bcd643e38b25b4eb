// Writing tables: what is written is what is read, in order; a failed write leaves nothing behind.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readTable } from '../../src/data/readTable.js';
import { writeTable, writeTableBlocks } from '../../src/data/writeTable.js';
import { temporaryFolder } from './inputFiles.js';

const { folder } = temporaryFolder();
const rows = 5000;
const levels = ['plain', "it's", 'a, "b"', 'é'];
const columns = [
  { name: 'number', values: Float64Array.from({ length: rows }, (_, row) => (row === 7 ? NaN : Math.sin(row) * 1e-5)) },
  { name: 'whole', values: Int32Array.from({ length: rows }, (_, row) => row - 100) },
  { name: 'text', values: Array.from({ length: rows }, (_, row) => (row === 3 ? null : `row ${row % 10}`)) },
  { name: 'odd "name"', codes: Int32Array.from({ length: rows }, (_, row) => (row === 5 ? -1 : row % 4)), levels },
];

describe('a written table', () => {
  it.each(['a.parquet', 'a.csv', 'a.csv.gz'])('%s reads back as it was', async (file) => {
    await writeTable(join(folder, file), columns);
    const requests = [
      { name: 'number', kind: 'number' as const },
      { name: 'whole', kind: 'number' as const },
      { name: 'text', kind: 'factor' as const },
      { name: 'odd "name"', kind: 'factor' as const },
    ];
    const table = await readTable({ folder, file }, requests, { missing: 'keep' });
    expect(table.rows).toBe(rows);
    const [number, whole, text, odd] = requests.map(({ name }) => table.columns.get(name)!);
    if (number.kind !== 'number' || whole.kind !== 'number') throw new Error('wrong kinds');
    if (text.kind !== 'factor' || odd.kind !== 'factor') throw new Error('wrong kinds');
    expect(number.values).toEqual(columns[0].values);
    expect([...whole.values]).toEqual([...columns[1].values!]);
    expect(Array.from(text.codes, (code) => text.levels[code] ?? null)).toEqual(columns[2].values);
    expect(Array.from(odd.codes, (code) => odd.levels[code])).toEqual(
      Array.from(columns[3].codes!, (code) => levels[code]),
    );
  });

  it('leaves no temporary file, and nothing when it fails', async () => {
    expect(readdirSync(folder).sort()).toEqual(['a.csv', 'a.csv.gz', 'a.parquet']);
    const twice = [columns[0], columns[0]];
    await expect(writeTable(join(folder, 'none', 'b.parquet'), columns)).rejects.toThrow();
    await expect(writeTable(join(folder, 'b.txt'), twice)).rejects.toThrow(/must end in \.parquet, \.csv or \.csv\.gz/);
    const unequal = [columns[0], { name: 'short', values: new Float64Array(3) }];
    await expect(writeTable(join(folder, 'b.csv'), unequal)).rejects.toThrow('one length');
    expect(readdirSync(folder)).toHaveLength(3);
  });

  it('writes an undefined figure as nothing', () => {
    expect(readFileSync(join(folder, 'a.csv'), 'utf8').split('\n')[8]).toBe(',-93,row 7,é');
  });

  it('is the same whole or in blocks, and the same bytes again', async () => {
    const cuts = [0, 1, 2048, 4999, rows];
    const blocks = cuts.slice(1).map((end, i) =>
      columns.map((column) => {
        const { name } = column;
        if ('codes' in column) return { name, codes: column.codes!.slice(cuts[i], end), levels: [...levels] };
        return { name, values: column.values.slice(cuts[i], end) };
      }),
    );
    for (const ending of ['csv', 'parquet']) {
      await writeTableBlocks(join(folder, `blocks.${ending}`), blocks);
      expect(readFileSync(join(folder, `blocks.${ending}`))).toEqual(readFileSync(join(folder, `a.${ending}`)));
    }
  });

  it('refuses blocks that do not fit together', async () => {
    const path = join(folder, 'c.csv');
    const x = { name: 'x', values: Float64Array.of(1) };
    const f = { name: 'f', codes: Int32Array.of(0), levels: ['a'] };
    const unfit = [
      [x, { ...f, levels: ['b'] }],
      [x],
      [{ name: 'other', values: x.values }, f],
      [{ name: 'x', values: Int32Array.of(1) }, f],
      [x, { name: 'f', values: ['a'] }],
    ];
    for (const second of unfit) await expect(writeTableBlocks(path, [[x, f], second])).rejects.toThrow('same columns');
    await expect(writeTableBlocks(path, [])).rejects.toThrow('at least one block');
    expect(readdirSync(folder).filter((name) => name.startsWith('c.'))).toEqual([]);
  });
});
