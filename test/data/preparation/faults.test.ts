// What is wrong with tables and steps is told in one line: the step, the column or value, and what would be right.
import { describe, expect, it } from 'vitest';
import { inputError } from '../inputFiles.js';
import { preparations } from './prepare.js';

const { prepare, config } = preparations();
const files = {
  'a.csv': 'store,week,y,label\n1,1,2,u\n1,2,3,v\n2,1,4,u\n',
  'b.csv': 'store,income\n1,5\n1,6\n2,7\n',
  'c.csv': 'store,y\n1,5\n',
  'dates.csv': 'day,y\n2024-01-01,1\nsoon,2\n',
};

const faults = (list: readonly (readonly [string, string, string | RegExp])[]): void => {
  it.each(list)('%s', async (_, data, expected) => {
    const { message } = await inputError(() => prepare(data, files));
    if (typeof expected === 'string') expect(message.replace(/^config-\d+\.yaml:\d+: /, '')).toBe(expected);
    else expect(message).toMatch(expected);
  });
};

describe('the shape of a step', () => {
  faults([
    [
      'unknown step',
      '  file: a.csv\n  steps: [{filtr: y > 1}]',
      "step 1 has the unknown key 'filtr'; did you mean 'filter'?",
    ],
    ['no step', '  file: a.csv\n  steps: [{zzz: 1}]', /: step 1 has the unknown key 'zzz'; steps: join, filter, /],
    [
      'text',
      '  file: a.csv\n  steps: [drop]',
      /: step 1 must be a key that names the step, with its value, like \{filter: /,
    ],
    [
      'two steps',
      '  file: a.csv\n  steps: [{filter: y > 1, derive: {z: y}}]',
      'step 1 names 2 steps, filter and derive; give each an item of its own',
    ],
    [
      'unknown key',
      '  file: a.csv\n  steps: [{filter: y > 1}, {join: b, onn: store}]',
      "step 2 (join): unknown key 'onn'; did you mean 'on'?; written like {join: stores, on: store}",
    ],
    [
      'missing key',
      '  file: a.csv\n  steps: [{aggregate: {y: sum}}]',
      /: step 1 \(aggregate\): by is missing; written like \{aggregate: /,
    ],
    [
      'wrong value',
      '  file: a.csv\n  steps: [{align: day, to: year}]',
      /: step 1 \(align\): to cannot be 'year'; known: day, week, month; /,
    ],
    [
      'quantiles',
      '  file: a.csv\n  steps: [{winsorise: y, quantiles: [0.9, 0.1]}]',
      /: step 1 \(winsorise\): quantiles must be two rising shares/,
    ],
  ]);

  it('has the line of the step', async () => {
    const { message } = await inputError(() =>
      config('  file: a.csv\n  steps:\n  - filter: y > 1\n  - align: day\n    too: week', files),
    );
    expect(message).toMatch(/^config-\d+\.yaml:6: step 2 \(align\): unknown key 'too'; did you mean 'to'\?/);
  });
});

describe('the shape of sources', () => {
  faults([
    ['two kinds', '  file: a.csv\n  tables: {a: a.csv}', 'data has tables and file; put all sources into tables'],
    ['from alone', '  file: a.csv\n  from: a', 'data has from without tables; add tables: {sales: sales.csv}'],
    [
      'no such from',
      '  tables: {sales: a.csv}\n  from: sale',
      "data.from: there is no table 'sale'; did you mean 'sales'?",
    ],
    ['no tables', '  tables: {}', 'data.tables is empty; name a table, like {sales: sales.csv}'],
    ['key of a table', '  tables: {a: {fiel: a.csv}}', "unknown key 'fiel' in data.tables.a; did you mean 'file'?"],
    [
      'two sources',
      '  tables: {a: {file: a.csv, query: SELECT 1}}',
      'data.tables.a: needs one of file, query, database (with table or query) and from',
    ],
    ['later table', '  tables: {a: {from: b}, b: b.csv}', /^data\.tables\.a: from: there is no table 'b' before it/],
    [
      'query',
      '  tables: {a: {query: SELECT x FROM nowhere}}',
      /^data\.tables\.a: .*nowhere.* \(line 1 of the query\)$/,
    ],
    [
      'key of holdout',
      '  file: a.csv\n  holdout: {shar: 0.2}',
      "unknown key 'shar' in data.holdout; did you mean 'share'?",
    ],
    [
      'two ways',
      '  file: a.csv\n  holdout: {share: 0.2, unit: store}',
      /^config.*: data\.holdout needs one of share, last, after/,
    ],
    [
      'no time',
      '  file: a.csv\n  holdout: {last: 2}',
      /^config.*: data\.holdout needs the column of time: add time: week$/,
    ],
  ]);
});

describe('a step that cannot be taken', () => {
  const on = (steps: string, tables = 'a: a.csv, b: b.csv, c: c.csv'): string =>
    `  tables: {${tables}}\n  steps: [${steps}]`;
  faults([
    ['join of an absent table', on('{join: d, on: store}'), /^step 1 \(join\): there is no table 'd'; /],
    [
      'join on an absent column',
      on('{join: b, on: stor}'),
      "step 1 (join): a has no column 'stor'; did you mean 'store'?",
    ],
    [
      'join with duplicates',
      on('{join: b, on: store}'),
      'step 1 (join): b has store = 1 in rows 1 and 2; a join needs each key once: aggregate it first, or join on more columns',
    ],
    [
      'join of one name twice',
      on('{join: c, on: store}'),
      /^step 1 \(join\): both sides have a column 'y'; list what to take from c by columns/,
    ],
    [
      'unmatched',
      on('{join: c, on: store, columns: [], unmatched: refuse}'),
      /^step 1 \(join\): 1 row of a find nothing in c: the first is row 3 \(store = 2\)/,
    ],
    ['filter', on('{filter: yy > 1}'), "step 1 (filter): a has no column 'yy'; did you mean 'y'?"],
    ['filter of all', on('{filter: y > 10}'), 'step 1 (filter): leaves no rows; a model needs data'],
    ['syntax', on('{filter: y >}'), /^step 1 \(filter\): syntax error/],
    ['cast', on('{filter: y > 1}, {derive: {z: label + 1}}'), /^step 2 \(derive\): /],
    ['log of 0', on('{derive: {z: ln(y - 2)}}'), 'step 1 (derive): cannot take logarithm of zero'],
    [
      'reserved name',
      on('{derive: {hierax_row: y}}'),
      /^step 1 \(derive\): 'hierax_row' is a name of the program's own/,
    ],
    [
      'aggregate of text',
      on('{aggregate: {label: sum}, by: store}'),
      "step 1 (aggregate): column 'label' of a holds no numbers ('u' in row 1); a number is needed",
    ],
    [
      'aggregate function',
      on('{aggregate: {y: summ}, by: store}'),
      "step 1 (aggregate): aggregate.y cannot be 'summ'; did you mean 'sum'?",
    ],
    ['last without order', on('{aggregate: {y: last}, by: store}'), /name the column of its order, like order: week$/],
    [
      'align of numbers',
      on('{align: week, to: month}'),
      /^step 1 \(align\): column 'week' holds numbers, which count periods already/,
    ],
    [
      'align of text',
      on('{align: day, to: month}', 'd: dates.csv'),
      "step 1 (align): column 'day' of d, row 2: 'soon' is no date; write YYYY-MM-DD",
    ],
    [
      'gaps refused',
      on('{gaps: week, unit: store, fill: refuse, range: common}'),
      'step 1 (gaps): there is no row for store = 2, week = 2 (1 gap in all); add the rows, or choose fill: 0 or last',
    ],
    ['gaps of repeats', on('{gaps: week, fill: 0}'), 'step 1 (gaps): 2 rows have week = 1; aggregate them first'],
    [
      'fill of an unnamed column',
      on('{gaps: week, unit: store, fill: {y: 0}, range: common}'),
      /^step 1 \(gaps\): fill says nothing of column 'label'/,
    ],
    [
      'two limits',
      on('{winsorise: y, mad: 3, quantiles: [0.1, 0.9]}'),
      'step 1 (winsorise): has both quantiles and mad; keep one of them',
    ],
    [
      'constant',
      on('{derive: {one: 1}}, {standardise: one}'),
      "step 2 (standardise): column 'one' is the same in all rows; leave it out",
    ],
    [
      'refused',
      on('{join: c, on: store, columns: []}, {derive: {z: "CASE WHEN y > 3 THEN y END"}}, {missing: {z: refuse}}'),
      /^step 3 \(missing\): column 'z' of a, row 1: 2 missing values, this is the first; /,
    ],
    [
      'step of a table',
      '  tables:\n    b: {file: b.csv, steps: [{filter: incom > 5}]}',
      "data.tables.b, step 1 (filter): b has no column 'incom'; did you mean 'income'?",
    ],
  ]);
});
