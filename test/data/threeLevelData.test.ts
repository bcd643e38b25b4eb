// Model data of the three-level model: order, grouping, standardisation, and every table that must be refused.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fingerprint } from '../../src/data/fingerprint.js';
import type { Table } from '../../src/data/table.js';
import { factorFromLabels, tableOf } from '../../src/data/table.js';
import type { ThreeLevelColumns } from '../../src/data/threeLevelData.js';
import { threeLevelColumns, threeLevelData } from '../../src/data/threeLevelData.js';
import { inputError } from './inputFiles.js';

type Values = Record<string, readonly (number | string | null)[]>;

/** Lists of text (or null) become factors, lists of numbers numbers. */
function table(values: Values): Table {
  const columns = Object.entries(values).map(([name, list]) =>
    list.some((value) => typeof value === 'string')
      ? factorFromLabels(name, list as (string | null)[])
      : { kind: 'number' as const, name, values: Float64Array.from(list as number[]) },
  );
  return tableOf('shop.csv', columns);
}

const model: ThreeLevelColumns = {
  response: 'y',
  product: 'brand',
  market: 'store',
  x: ['price', 'deal'],
  z: ['size'],
  w: ['income'],
  standardise: true,
};

const rows: Values = {
  y: [1, 2, 3, 4, 5, 6, 7, 8],
  brand: ['b', 'a', 'b', 'a', 'b', 'a', 'b', 'a'],
  store: ['10', '10', '9', '9', '10', '10', '9', '2'],
  price: [1, 2, 4, 3, 5, 7, 6, 9],
  deal: [0, 1, 0, 0, 1, 0, 0, 1],
  size: [3, 1, 3, 2, 3, 1, 3, 5],
  income: [5, 5, 7, 7, 5, 5, 7, 12],
};

const refused = async (change: Values, columns: Partial<ThreeLevelColumns> = {}) =>
  (await inputError(() => threeLevelData(table({ ...rows, ...change }), { ...model, ...columns }))).message;

const sumOf = (values: Float64Array) => values.reduce((total, value) => total + value, 0);
const squaresOf = (values: Float64Array) => values.reduce((total, value) => total + value * value, 0);

describe('grouping', () => {
  const data = threeLevelData(table(rows), model);

  it('sorts by market and unit, keeping the order of a unit', () => {
    expect([...data.originalRow]).toEqual([7, 3, 2, 6, 1, 5, 0, 4]);
    expect([...data.y]).toEqual([8, 4, 3, 7, 2, 6, 1, 5]);
    expect(data.units.names).toEqual([
      'brand=a,store=2',
      'brand=a,store=9',
      'brand=b,store=9',
      'brand=a,store=10',
      'brand=b,store=10',
    ]);
    expect([...data.units.rowStart]).toEqual([0, 1, 2, 4, 6, 8]);
    expect([...data.unitOfRow]).toEqual([0, 1, 2, 2, 3, 3, 4, 4]);
    expect([...data.units.market!]).toEqual([0, 1, 1, 2, 2]);
    expect([...data.units.product!]).toEqual([0, 0, 1, 0, 1]);
    expect(data.units.dimensions).toEqual(['brand', 'store']);
    expect(data.markets).toMatchObject({
      column: 'store',
      names: ['2', '9', '10'],
      unitStart: Int32Array.of(0, 1, 3, 5),
    });
    expect(data.products).toEqual({ column: 'brand', names: ['a', 'b'] });
  });

  it('is a stable sort into contiguous units, whatever the rows', () => {
    const label = fc.integer({ min: 0, max: 5 }).map(String);
    fc.assert(
      fc.property(fc.array(fc.tuple(label, label), { minLength: 2, maxLength: 60 }), (pairs) => {
        const { originalRow, units, unitOfRow } = threeLevelData(
          table({
            y: pairs.map((_, row) => row),
            brand: pairs.map(([brand]) => brand),
            store: pairs.map(([, store]) => store),
          }),
          { ...model, x: [], z: [], w: [] },
        );
        expect([...originalRow].sort((a, b) => a - b)).toEqual(pairs.map((_, row) => row));
        const key = (place: number) => {
          const [brand, store] = pairs[originalRow[place]];
          return Number(store) * 10 + Number(brand);
        };
        for (let place = 1; place < pairs.length; place++) {
          const isNext = unitOfRow[place] !== unitOfRow[place - 1];
          expect(Math.sign(key(place) - key(place - 1))).toBe(isNext ? 1 : 0);
          if (!isNext) expect(originalRow[place]).toBeGreaterThan(originalRow[place - 1]);
          if (isNext) expect(units.rowStart[unitOfRow[place]]).toBe(place);
        }
        expect(units.count).toBe(new Set(pairs.map(String)).size);
      }),
    );
  });

  it('takes a unit column, with and without market, and products alone', () => {
    const id = rows.brand.map((brand, row) => `${brand},${rows.store[row]}`);
    const three = threeLevelData(table({ ...rows, id }), { ...model, unit: 'id' });
    expect(three.units.names).toEqual(['a,2', 'a,9', 'b,9', 'a,10', 'b,10']);
    expect(three.units.dimensions).toEqual(['id']);
    const two = threeLevelData(table({ ...rows, id }), {
      ...model,
      unit: 'id',
      product: undefined,
      market: undefined,
      w: [],
    });
    expect(two.markets).toBeNull();
    expect(two.products).toBeNull();
    expect(two.units.market).toBeNull();
    expect(two.units.count).toBe(5);
    const product = threeLevelData(table(rows), { ...model, market: undefined, z: [], w: [] });
    expect(product.units.names).toEqual(['a', 'b']);
    expect([...product.originalRow]).toEqual([1, 3, 5, 7, 0, 2, 4, 6]);
  });

  it('quotes levels that hold characters of names', () => {
    const odd = rows.brand.map((brand) => (brand === 'a' ? 'a, "x"' : 'b'));
    const { units } = threeLevelData(table({ ...rows, brand: odd }), model);
    expect(units.names[0]).toBe('brand="a, ""x""",store=2');
  });

  it('notes thin data', () => {
    const week = ['1', '1', '1', '1', '1', '2', '2', '1'];
    expect(threeLevelData(table({ ...rows, week }), { ...model, time: 'week' }).notes).toEqual({
      unitsWithOneRow: ['brand=a,store=2', 'brand=a,store=9'],
      marketsWithOneUnit: ['2'],
      repeatedOccasions: 1,
      fewMarkets: true,
    });
  });
});

describe('standardisation', () => {
  it('centres and scales continuous predictors over their own level and can be undone', () => {
    const { x, z, markets, y, response, originalRow } = threeLevelData(table(rows), model);
    const [price, deal] = x;
    for (const { values } of [price, z[0], markets!.w[0]]) {
      expect(sumOf(values)).toBeCloseTo(0, 12);
      expect(squaresOf(values)).toBeCloseTo(values.length - 1, 12);
    }
    const { mean, sd } = price.standardisation!;
    const undone = price.values.map((value) => value * sd + mean);
    for (const [place, row] of originalRow.entries()) expect(undone[place]).toBeCloseTo(rows.price[row] as number, 12);
    expect(z[0].standardisation!.mean).toBeCloseTo((5 + 2 + 3 + 1 + 3) / 5, 12);
    expect(markets!.w[0].standardisation).toMatchObject({ mean: 8 });
    expect(deal).toMatchObject({
      isBinary: true,
      standardisation: null,
      values: Float64Array.of(1, 0, 0, 0, 1, 0, 0, 1),
    });
    expect([response.mean, response.sd]).toEqual([4.5, Math.sqrt(6)]);
    expect(y).toContain(8);
  });

  it('follows false and a list', () => {
    const none = threeLevelData(table(rows), { ...model, standardise: false });
    expect([...none.x[0].values]).toEqual([9, 3, 4, 6, 2, 7, 1, 5]);
    expect([none.x[0], none.z[0], none.markets!.w[0]].map((predictor) => predictor.standardisation)).toEqual([
      null,
      null,
      null,
    ]);
    const some = threeLevelData(table(rows), { ...model, standardise: ['deal'] });
    expect(some.x[0].standardisation).toBeNull();
    expect(some.x[1].standardisation!.mean).toBeCloseTo(3 / 8, 12);
  });
});

describe('tables that are refused', () => {
  it('z that varies within a unit, w within a market', async () => {
    expect(await refused({ size: [3, 1, 3, 2, 4, 1, 3, 5] })).toBe(
      "shop.csv: column 'size' (model.z) differs within unit 'brand=b,store=10': 3 (row 1) and 4 (row 5); " +
        'it must be one value per unit; name it in x if it varies by occasion',
    );
    expect(await refused({ income: [5, 5, 7, 7.5, 5, 5, 7, 12] })).toBe(
      "shop.csv: column 'income' (model.w) differs within market '9': 7.5 (row 4) and 7 (row 3); it must be one value per market",
    );
  });

  it('constant predictors and a constant response', async () => {
    const constant = 'constant beside the intercept; leave it out';
    expect(await refused({ price: Array<number>(8).fill(2) })).toBe(
      `shop.csv: column 'price' (model.x) is 2 in all 8 rows: ${constant}`,
    );
    expect(await refused({ size: Array<number>(8).fill(2) })).toContain(`(model.z) is 2 in all 5 units: ${constant}`);
    expect(await refused({ income: Array<number>(8).fill(2) })).toContain(
      `(model.w) is 2 in all 3 markets: ${constant}`,
    );
    expect(await refused({ y: Array<number>(8).fill(2) })).toContain("column 'y' (response) is 2 in all 8 rows");
  });

  it('linear dependence, naming only the columns in it', async () => {
    const both = rows.price.map((price, row) => 3 * (price as number) - 2 * (rows.deal[row] as number) + 7);
    const noise = [2, 7, 1, 8, 2, 8, 1, 8];
    expect(await refused({ both, noise }, { x: ['noise', 'price', 'deal', 'both'] })).toBe(
      "shop.csv: model.x: over the 8 rows, column 'both' is a linear combination of price, deal and the intercept; leave one of them out",
    );
    const extra = { w2: [1, 1, 4, 4, 1, 1, 4, 0], w3: [3, 3, 1, 1, 3, 3, 1, 9] };
    expect(await refused(extra, { w: ['income', 'w2', 'w3'] })).toContain("model.w: over the 3 markets, column 'w3'");
  });

  it('text predictors and responses, missing and infinite values', async () => {
    expect(await refused({ price: rows.brand })).toBe(
      "shop.csv: column 'price' (model.x) holds text ('a', 'b'); code it as 0/1 columns, one per level but the first",
    );
    expect(await refused({ y: rows.brand })).toBe(
      "shop.csv: column 'y' (response) holds text ('a', 'b'); it must be numeric",
    );
    expect(await refused({ price: [1, 2, NaN, 3, 5, 7, 6, 9] })).toContain(
      "column 'price' (model.x), row 3: the value is missing",
    );
    expect(await refused({ y: [1, 2, 3, Infinity, 5, 6, 7, 8] })).toContain(
      "column 'y' (response), row 4: Infinity is not",
    );
    const store = [...rows.store];
    store[5] = null;
    expect(await refused({ store })).toContain("column 'store' (model.market), row 6: the label is missing");
    expect(await refused({}, { x: ['prce'] })).toContain("has no column 'prce'");
  });

  it('units in two markets or of two products', async () => {
    const id = ['u', 'v', 'w', 'w', 'u', 'v', 'w', 'v'];
    expect(await refused({ id }, { unit: 'id', product: undefined })).toBe(
      "shop.csv: column 'id', row 2: unit 'v' lies in two markets (store), '2' and '10'; give each its own label",
    );
    const split = ['u', 'v', 'w', 'w', 'u', 'v', 'w', 'x'];
    expect(await refused({ id: split }, { unit: 'id' })).toBe(
      "shop.csv: column 'brand', row 4: unit 'w' belongs to two products, 'b' and 'a'; a unit has one product",
    );
  });

  it('a column in two roles', async () => {
    const error = await inputError(() => threeLevelColumns({ ...model, z: ['brand'] }));
    expect(error.message).toContain("column 'brand' is both a group or time and a number");
  });
});

describe('fingerprint', () => {
  it('is the same for the same data and changes with any part of it', () => {
    const of = (change: Values, columns: Partial<ThreeLevelColumns> = {}) =>
      fingerprint(threeLevelData(table({ ...rows, ...change }), { ...model, ...columns }));
    const first = of({});
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(of({})).toBe(first);
    const others = [
      of({ y: [1, 2, 3, 4, 5, 6, 7, 8.000001] }),
      of({ brand: rows.brand.map((brand) => (brand === 'a' ? 'aa' : 'b')) }),
      of({}, { standardise: false }),
      of({}, { w: [] }),
    ];
    expect(new Set([first, ...others]).size).toBe(5);
    expect(fingerprint(['a', 'b'])).not.toBe(fingerprint(['ab', '']));
  });
});
