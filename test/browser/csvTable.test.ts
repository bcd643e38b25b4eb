// The page's CSV reader: the same table as DuckDB's reader makes, whatever the pieces of the file, and every fault in one line.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCsv } from '../../examples/browser/worker/csvTable.js';
import { csvHeaderOf } from '../../examples/browser/worker/csvText.js';
import { previewColumns } from '../../examples/browser/worker/preview.js';
import { simulatedFile } from '../../examples/browser/worker/simulatedFile.js';
import { guessRoles, modelColumns } from '../../examples/browser/roles.js';
import { type ColumnRequest, readTable } from '../../src/data/readTable.js';
import type { Table } from '../../src/data/table.js';
import { threeLevelColumns } from '../../src/data/threeLevelData.js';

const csv = (text: string): File => new File([text], 'sales.csv');

async function read(file: File, columns: readonly ColumnRequest[]): Promise<Table> {
  return readCsv(file, await csvHeaderOf(file), columns);
}

const number = (name: string): ColumnRequest => ({ name, kind: 'number' });
const factor = (name: string): ColumnRequest => ({ name, kind: 'factor' });

const columnsOf = ({ columns }: Table): unknown[] => [...columns.values()];

/** The file again, handed out in pieces of a few bytes. */
function inPieces(file: File, size: number): File {
  const stream = (): ReadableStream<Uint8Array> =>
    new ReadableStream({
      async start(controller) {
        const bytes = new Uint8Array(await file.arrayBuffer());
        for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.slice(at, at + size));
        controller.close();
      },
    });
  return Object.assign(new File([file], file.name), { stream });
}

const awkward = [
  'store,product,"price, net",note',
  '2,"a ""b"", c",1.5,x',
  '10,ä€😀,-2e-3,"two',
  'lines"',
  '',
  '2,plain,.5,',
  '',
].join('\n');

describe('the page reads', () => {
  it('what DuckDB reads', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'hierax-csv-'));
    const simulated = simulatedFile({ rows: 700, products: 3, markets: 5, x: 3, z: 1, w: 1, seed: 4 });
    const columns = threeLevelColumns(modelColumns(simulated.roles, true));
    const requests = { simulated: columns, awkward: [number('price, net'), factor('store'), factor('product')] };
    const texts = { simulated: await simulated.file.text(), awkward };
    try {
      for (const name of ['simulated', 'awkward'] as const) {
        for (const text of [texts[name], texts[name].replaceAll('\n', '\r\n'), `\uFEFF${texts[name]}`]) {
          writeFileSync(join(folder, 'data.csv'), text);
          const expected = await readTable({ folder, file: 'data.csv' }, requests[name]);
          const found = await read(csv(text), requests[name]);
          expect(found.rows).toBe(expected.rows);
          expect(columnsOf(found)).toEqual(columnsOf(expected));
        }
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it.each([1, 2, 3, 7, 64])('the same from pieces of %i bytes', async (size) => {
    const requests = [number('price, net'), factor('store'), factor('product')];
    expect(columnsOf(await read(inPieces(csv(awkward), size), requests))).toEqual(
      columnsOf(await read(csv(awkward), requests)),
    );
  });

  it('one column, semicolons, tabs, and old line ends', async () => {
    expect((await read(csv('y\n1\n2\n'), [number('y')])).columns.get('y')).toMatchObject({
      values: Float64Array.of(1, 2),
    });
    for (const [delimiter, end] of [
      [';', '\n'],
      ['\t', '\r\n'],
      ['|', '\r'],
    ]) {
      const text = ['a', 'b', '1', 'u', '3', 'v'].reduce((s, f, i) => s + f + (i % 2 === 0 ? delimiter : end), '');
      const table = await read(csv(text), [number('a'), factor('b')]);
      expect(table.columns.get('a')).toMatchObject({ values: Float64Array.of(1, 3) });
      expect(table.columns.get('b')).toMatchObject({ levels: ['u', 'v'] });
    }
  });
});

describe('the page refuses in one line', () => {
  it.each([
    ['y,g\n1,a\nx1,b\n', /^sales\.csv: column 'y', row 2 \(line 3\): 'x1' is not a number; write a number/],
    ['y,g\n1,a\n\n"2\n",b\n,c\n', /^sales\.csv: column 'y', row 3 \(line 6\): 1 missing value; fill/],
    ['y,g\n1,a\n2,NA\n3,\n', /^sales\.csv: column 'g', row 2 \(line 3\): 2 missing values, this is the first;/],
    ['y,g\n1,a\ninf,b\nNaN,b\n', /^sales\.csv: column 'y', row 2 \(line 3\): inf is not a finite number \(2 such/],
    ['y,g\n1,a\n1e400,b\n', /row 2 \(line 3\): 1e400 is not a finite number; mend/],
    ['y,g\n1,a\n2\n', /^sales\.csv: line 3 has 1 column; the header has 2$/],
    ['y,g\n1,a\n2,b,c\n', /^sales\.csv: line 3 has 3 columns; the header has 2$/],
    ['y,g\n1,"a\n2,b\n', /^sales\.csv: line 2 has a quote that does not close/],
    ['y,g\n', /^sales\.csv: has a header but no rows/],
    ['', /^sales\.csv: is empty/],
    ['y,y\n1,2\n', /^sales\.csv: line 1 names the column 'y' twice/],
    ['Y,g\n1,a\n', /^sales\.csv: has no column 'y'; did you mean 'Y'\?/],
  ])('%j', async (text, message) => {
    const fault = await read(csv(text), [number('y'), factor('g')]).catch((error: unknown) => error);
    expect(fault).toMatchObject({ name: 'InputError', message: expect.stringMatching(message) as string });
  });

  it('a column of text alone comes back as labels, for the checks of the model', async () => {
    expect((await read(csv('y,g\nlow,a\nhigh,a\n'), [number('y')])).columns.get('y')).toMatchObject({
      kind: 'factor',
      levels: ['high', 'low'],
    });
  });
});

describe('roles', () => {
  it('are guessed from names that say it, and only once each', async () => {
    const file = csv('store,brand,week,logmove,sales,price,Store\n1,a,3,2.5,7,1,x\n');
    const columns = await previewColumns(file, await csvHeaderOf(file));
    expect(guessRoles(columns)).toEqual({
      store: 'market',
      brand: 'product',
      week: 'time',
      logmove: 'response',
      sales: 'unused',
      price: 'unused',
      Store: 'unused',
    });
  });

  it('that make no model are refused', () => {
    expect(() => modelColumns({ a: 'unit' }, true)).toThrow(/no column is the response/);
    expect(() => modelColumns({ a: 'response', b: 'market' }, true)).toThrow(/no column says which unit/);
    expect(() => modelColumns({ a: 'response', b: 'unit', c: 'w' }, true)).toThrow(/'c' is to vary by market/);
  });
});
