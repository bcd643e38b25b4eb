// Tables on the grid of places and weeks: sorted, complete, and refused in one line where they are not.
import { describe, expect, it } from 'vitest';
import { InputError } from '../../src/data/inputError.js';
import { mediaMixColumns, mediaMixData, type MediaMixColumns } from '../../src/data/mediaMixData.js';
import { factorFromLabels, tableOf } from '../../src/data/table.js';
import { readWeeks } from '../../src/data/weeks.js';

const columns: MediaMixColumns = {
  response: 'y',
  time: 'week',
  geo: 'geo',
  channels: [{ name: 'tv', media: 'tv', spend: 'tv' }],
  controls: [],
  standardise: true,
  worth: 1,
};
const weeks = ['2024-01-01', '2024-01-08', '2024-01-15'];
type Row = readonly [week: string, geo: string, y: number, tv: number];
const full: readonly Row[] = [
  [weeks[1], 'b', 5, 1],
  [weeks[0], 'a', 1, 0],
  [weeks[2], 'a', 3, 2],
  [weeks[0], 'b', 4, 3],
  [weeks[1], 'a', 2, 4],
  [weeks[2], 'b', 6, 5],
];
const tableFrom = (rows: readonly Row[]) =>
  tableOf('media.csv', [
    factorFromLabels(
      'week',
      rows.map(([week]) => week),
    ),
    factorFromLabels(
      'geo',
      rows.map(([, geo]) => geo),
    ),
    { kind: 'number', name: 'y', values: Float64Array.from(rows, ([, , y]) => y) },
    { kind: 'number', name: 'tv', values: Float64Array.from(rows, ([, , , tv]) => tv) },
  ]);

describe('mediaMixData', () => {
  it('sorts rows by place, then week', () => {
    const data = mediaMixData(tableFrom(full), columns);
    expect([...data.y]).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...data.channels[0].media]).toEqual([0, 4, 2, 3, 1, 5]);
    expect([...data.originalRow]).toEqual([1, 4, 2, 3, 0, 5]);
    expect(data.geos).toEqual({ column: 'geo', names: ['a', 'b'] });
    expect(mediaMixColumns(columns).map(({ name }) => name)).toEqual(['y', 'tv', 'week', 'geo']);
  });

  const broken: readonly (readonly [readonly Row[], Partial<MediaMixColumns>, string])[] = [
    [
      full.slice(1),
      {},
      "no row for geo 'b', week '2024-01-08'; every geo needs every period, with 0 where no media ran",
    ],
    [[...full, full[0]], {}, "rows 1 and 7 are both geo 'b', week '2024-01-08'; sum them into one"],
    [full, { geo: undefined }, "are both week '2024-01-01'; name the column of places as model.geo, or sum them"],
    [
      full.map(([week, geo, y, tv]): Row => [week, geo, y, tv - 1]),
      {},
      "column 'tv' (model.channels), row 2: -1 is negative; media and spend are 0 or more",
    ],
    [full.map(([week, geo, y]): Row => [week, geo, y, 0]), {}, 'is 0 in every row: tv never ran; leave it out'],
    [
      full.map(([week, geo, , tv]): Row => [week, geo, 7, tv]),
      {},
      "column 'y' (response) is 7 in all 6 rows; it must vary",
    ],
    [
      full.map(([week, ...rest]): Row => [week === weeks[2] ? '2024-01-29' : week, ...rest]),
      {},
      "21 days lie between '2024-01-08' and '2024-01-29', elsewhere 7",
    ],
    [
      full.map(([week, ...rest]): Row => [week === weeks[2] ? 'June' : week, ...rest]),
      {},
      "column 'week' (time) holds 'June'; write dates as YYYY-MM-DD",
    ],
  ];
  it.each(broken)('refuses %#', (rows, given, message) => {
    const read = () => mediaMixData(tableFrom(rows), { ...columns, ...given });
    expect(read).toThrow(InputError);
    expect(read).toThrow(message);
  });
});

describe('weeks', () => {
  it('stand for days of the year', () => {
    const { yearShare } = readWeeks('t', 'week', ['2023-12-25', '2024-01-01', '2024-01-08']);
    expect([...yearShare]).toEqual([359, 1, 8].map((day) => day / 365.25));
  });

  it('may be months, or whole numbers', () => {
    expect(readWeeks('t', 'm', ['2024-01-01', '2024-02-01', '2024-03-01']).names.length).toBe(3);
    expect(readWeeks('t', 'w', ['1', '2', '3']).yearShare[0]).toBeCloseTo(7 / 365.25, 12);
    expect(() => readWeeks('t', 'w', ['1', '2', '5'])).toThrow("2 periods are missing between '2' and '5'");
  });
});
