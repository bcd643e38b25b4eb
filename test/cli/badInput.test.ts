// Bad input through the whole command: one line on stderr (what, where, what would be right), exit code 2, nothing written.
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hierax, hieraxProcess, type Outcome } from './hierax.js';
import { type Row, salesConfig, salesFolders, salesRows, threeLevelConfig, toCsv } from './salesFolder.js';

const newCase = salesFolders();
const rows = salesRows();
const changed = (row: number, column: string, value: string | number): string =>
  toCsv(rows.map((record, index) => (index === row - 1 ? { ...record, [column]: value } : record)));
const withColumns = (columns: (row: Row) => Row): string => toCsv(rows.map((row) => ({ ...row, ...columns(row) })));

/** The configuration with one piece of text replaced. */
function replaced(config: string, from: string, to: string): string {
  expect(config).toContain(from);
  return config.replace(from, to);
}
const two = (from: string, to: string): string => replaced(salesConfig, from, to);
const three = (from: string, to: string): string => replaced(threeLevelConfig, from, to);
const withPrior = (prior: string): string => two('x: [price]\n', `x: [price]\n  priors:\n    ${prior}\n`);
const withQuery = (...lines: string[]): string =>
  two('file: sales.csv', ['query: |', ...lines.map((line) => `    ${line}`)].join('\n'));

function expectOneLine({ code, stdout, stderr }: Outcome, expected: string | RegExp): void {
  expect(stderr).toMatch(/^hierax: [^\n]+\n$/);
  const line = stderr.slice('hierax: '.length).trimEnd();
  if (typeof expected === 'string') expect(line).toBe(expected);
  else expect(line).toMatch(expected);
  expect(code).toBe(2);
  expect(stdout).toBe('');
}

/** Fits with a configuration and a table that hold one fault. */
async function expectRefused(config: string, sales: string | Uint8Array | null | undefined, expected: string | RegExp) {
  const files = newCase(config, sales);
  const before = readdirSync(files.dir).sort();
  expectOneLine(await hierax('fit', files.config), expected);
  expect(readdirSync(files.dir).sort()).toEqual(before);
}

describe('a fault in the data', () => {
  const faults: [string, string, string | Uint8Array | undefined, string | RegExp][] = [
    [
      'a missing column',
      two('[price]', '[prise]'),
      undefined,
      "sales.csv: has no column 'prise'; did you mean 'price'?",
    ],
    [
      'text among numbers',
      salesConfig,
      changed(7, 'price', 'cheap'),
      "sales.csv: column 'price', row 7 (line 8): 'cheap' is not a number; write a number, or nothing where it is missing",
    ],
    [
      'a column of text as a number',
      two('[price]', '[product]'),
      undefined,
      "sales.csv: column 'product' (model.x) holds text ('p0', 'p1'); code it as 0/1 columns, one per level but the first",
    ],
    [
      'NaN',
      salesConfig,
      changed(9, 'price', 'NaN'),
      /^sales\.csv: column 'price', row 9 \(line 10\): NaN is not a finite number; mend/,
    ],
    [
      'an infinite response',
      salesConfig,
      changed(200, 'log_sales', '-inf'),
      /^sales\.csv: column 'log_sales', row 200 \(line 201\): -inf is not a finite number; mend/,
    ],
    [
      'a missing number',
      salesConfig,
      changed(3, 'price', ''),
      /^sales\.csv: column 'price', row 3 \(line 4\): 1 missing value; fill them in, or leave/,
    ],
    [
      'a missing label',
      salesConfig,
      changed(3, 'market', 'NA'),
      /^sales\.csv: column 'market', row 3 \(line 4\): 1 missing value; fill/,
    ],
    [
      'a constant predictor',
      salesConfig,
      withColumns(() => ({ price: 2 })),
      "sales.csv: column 'price' (model.x) is 2 in all 200 rows: constant beside the intercept; leave it out",
    ],
    [
      'a constant product covariate',
      three('[size]', '[one]'),
      withColumns(() => ({ one: 1 })),
      "sales.csv: column 'one' (model.z) is 1 in all 10 units: constant beside the intercept; leave it out",
    ],
    [
      'dependent predictors',
      two('[price]', '[price, cents]'),
      withColumns((row) => ({ cents: 100 * Number(row['price']) + 3 })),
      "sales.csv: model.x: over the 200 rows, column 'cents' is a linear combination of price and the intercept; leave one of them out",
    ],
    [
      'more market covariates than markets carry',
      three('[income]', '[income, a, b, c, d]'),
      withColumns((row) => {
        const m = Number(String(row['market']).slice(1));
        return { a: m, b: m * m, c: Math.cos(m), d: Math.sin(m) };
      }),
      /^sales\.csv: model\.w: over the 5 markets, column 'd' is a linear combination of income, a, b, c and the intercept; leave/,
    ],
    [
      'a constant response',
      salesConfig,
      withColumns(() => ({ log_sales: 1 })),
      "sales.csv: column 'log_sales' (response) is 1 in all 200 rows; it must vary",
    ],
    [
      'numbers whose squares overflow',
      salesConfig,
      withColumns((row) => ({ price: 1e300 * Number(row['price']) })),
      /^sales\.csv: column 'price' \(model\.x\) holds -9\.99\S+e\+299: its variance is not finite; give it in a larger unit$/,
    ],
    [
      'a repeated key',
      two('file: sales.csv', 'file: sales.csv\n  unique: [market, week]'),
      undefined,
      "sales.csv: column 'market + week', row 101 (line 102): repeats market = m0, week = 1 of row 1 (100 keys are repeated); market + week is declared unique",
    ],
    [
      'z that varies within a unit',
      replaced(three('[size]', '[price]'), 'x: [price]', 'x: []'),
      undefined,
      /^sales\.csv: column 'price' \(model\.z\) differs within unit 'product=p0,market=m0': \S+ \(row 1\) and \S+ \(row 2\); it must be one value per unit; name it in x/,
    ],
    [
      'w that varies within a market',
      replaced(three('[income]', '[size]'), 'z: [size]', 'z: []'),
      undefined,
      "sales.csv: column 'size' (model.w) differs within market 'm0': 2 (row 1) and -1.307 (row 101); it must be one value per market",
    ],
    [
      'a unit in two markets',
      three('product: product', 'unit: product'),
      undefined,
      /^sales\.csv: column 'product', row 21: unit 'p0' lies in two markets \(market\), 'm0' and 'm1'; give each its own label$/,
    ],
    ['an empty file', salesConfig, '', 'sales.csv: is empty; rows of data are needed'],
    ['empty lines', salesConfig, '\n\n', 'sales.csv: is empty; a header line and rows are needed'],
    [
      'a header alone',
      salesConfig,
      `${Object.keys(rows[0]).join(',')}\n`,
      'sales.csv: has a header but no rows; a model needs data',
    ],
    [
      'a short row',
      salesConfig,
      toCsv(rows).replace(/\n.*\n/, '\np0,m0\n'),
      'sales.csv: line 2 has 2 columns; the header has 7',
    ],
    [
      'bytes that are no text',
      salesConfig,
      Uint8Array.from({ length: 300 }, (_, i) => (77 * i) % 256),
      /^sales\.csv: is no text file .*UTF-8 is needed$/,
    ],
    [
      'another encoding',
      threeLevelConfig,
      Buffer.from(toCsv(rows).replace('p0', 'p\u00e9'), 'latin1'),
      /^sales\.csv: line 2: .*not utf-8 encoded/,
    ],
  ];
  it.each(faults)('%s', (_, config, sales, expected) => expectRefused(config, sales, expected));
});

describe('a source that cannot be read', () => {
  it('missing, a folder, no file at all, of no known kind, broken', async () => {
    await expectRefused(salesConfig, null, /^sales\.csv: no such file; looked for .*case-\d+\/sales\.csv$/);
    const cases: [string, (path: string) => void, string | RegExp][] = [
      ['sales.csv', (path) => mkdirSync(path), 'sales.csv: is a folder, not a file'],
      ['sales.csv', (path) => symlinkSync(path, path), 'sales.csv: cannot be read (ELOOP)'],
      ['sales.xlsx', (path) => writeFileSync(path, 'x'), /^sales\.xlsx: unknown kind of file; known are \.csv/],
      [
        'sales.parquet',
        (path) => writeFileSync(path, 'PAR1 no more PAR1'),
        /^sales\.parquet: .*in file 'sales\.parquet'$/,
      ],
      ['sales.csv.gz', (path) => writeFileSync(path, 'a,b\n1,2\n'), /^sales\.csv\.gz: is not a gzip file/],
    ];
    for (const [name, make, expected] of cases) {
      const files = newCase(two('sales.csv', name), null);
      make(files.at(name));
      expectOneLine(await hierax('fit', files.config), expected);
      expect(existsSync(files.out)).toBe(false);
    }
  });

  it('a query that is no SQL, names what is not there, or gives nothing', async () => {
    const cases: [string[], string | RegExp][] = [
      [['SELECT *', "FORM 'sales.csv'"], /^data\.query: Parser Error: .*"'sales\.csv'" \(line 2 of the query\)$/],
      [['SELECT market,', "  prise FROM 'sales.csv'"], /^data\.query: .*"prise" not found.* \(line 2 of the query\)$/],
      [
        ["SELECT * FROM 'sails.csv'"],
        /^data\.query: .*"sails\.csv" \(line 1 of the query\)$|^data\.query: .*"sails\.csv"$/,
      ],
      [["SELECT * FROM 'sales.csv' WHERE week > 99"], 'data.query: has no rows; a model needs data'],
      [["SELECT market, log_sales, 1 / (week - 3) AS price FROM 'sales.csv'"], /^data\.query: column 'price', row 3: /],
    ];
    for (const [query, expected] of cases) await expectRefused(withQuery(...query), undefined, expected);
  });
});

describe('a fault in the configuration', () => {
  const faults: [string, string, string | RegExp][] = [
    ['an unknown key', `${salesConfig}sede: 3\n`, "config.yaml:12: unknown key 'sede'; did you mean 'seed'?"],
    ['invalid YAML', `${salesConfig}keep: [a\n`, /^config\.yaml:13: not valid YAML: /],
    [
      'an alias of nothing',
      `${salesConfig}keep: *a\n`,
      'config.yaml:12: not valid YAML: *a refers to nothing; quote it if it is text',
    ],
    ['an unknown tag', `${salesConfig}keep: !a [beta]\n`, 'config.yaml:12: not valid YAML: Unresolved tag: !a'],
    [
      'an impossible prior',
      withPrior('sigma: halfNormal(-1)'),
      'config.yaml:9: model.priors.sigma: sd of prior halfNormal(sd) must be greater than 0, not -1',
    ],
    [
      'a prior cut by a comma',
      withPrior('{gamma: normal(0, 1)}'),
      /^config\.yaml:\d: .*'normal\(0' cannot be read: .*put it in quotes/,
    ],
    [
      'a prior family at the wrong site',
      withPrior('sigma: normal(0, 1)'),
      /^config\.yaml:9: model\.priors\.sigma: normal\(0, 1\) does not suit sigma; use one of halfNormal, /,
    ],
    [
      'a prior of an absent level',
      withPrior('delta: normal(0, 1)'),
      /^config\.yaml:9: model\.priors\.delta: the model has no market level; name model\.market/,
    ],
    [
      'correlations of a diagonal covariance',
      withPrior('corr_u: lkj(2)'),
      'config.yaml:9: model.priors.corr_u: needs model.covariance.product: full',
    ],
    [
      'an improper inverse-Wishart',
      withPrior('sigma_u: inverseWishart(0.5, 1)\n  covariance: full'),
      'config.yaml:9: model.priors.sigma_u: inverseWishart needs df above 1 for 2 coefficients, not 0.5',
    ],
    [
      'an unknown model',
      two('three-level', 'two-level'),
      "config.yaml:4: unknown model 'two-level'; known: three-level, hbmmm, media-mix, experiments, regression",
    ],
    [
      'an unknown method',
      salesConfig.replace('name: nuts', 'name: gibs'),
      /^config\.yaml:8: method\.name cannot be 'gibs'; did you mean 'gibbs'\?$/,
    ],
    [
      'an unknown device',
      `${salesConfig}device: gpu9\n`,
      /^config\.yaml:12: device cannot be 'gpu9'; known: auto, cpu,/,
    ],
    ['no chains', two('chains: 2', 'chains: 0'), 'config.yaml:8: method.chains must be at least 1, not 0'],
    ['no draws', two('draws: 40', 'draws: 0'), 'config.yaml:10: draws must be at least 1, not 0'],
    [
      'more draws than the disk holds',
      two('draws: 40', 'draws: 1000000000000'),
      /^the draws need about \S+ GB and \S+ .B are free in .*; name the sites to keep/,
    ],
    [
      'an unknown site to keep',
      `${salesConfig}keep: [bta]\n`,
      "config.yaml:12: keep: the model has no site 'bta'; did you mean 'beta'?",
    ],
    [
      'a predictor at two levels',
      three('[size]', '[size, income]'),
      "config.yaml:11: model.w names 'income', which model.z names too; a predictor has one level",
    ],
    ['nothing', '', 'config.yaml: is empty; data: and model: are needed'],
  ];
  it.each(faults)('%s', (_, config, expected) => expectRefused(config, undefined, expected));

  it('not there, or a folder', async () => {
    const { dir } = newCase();
    expectOneLine(await hierax('fit', join(dir, 'none.yaml')), `none.yaml: no such file; looked for ${dir}/none.yaml`);
    expectOneLine(await hierax('fit', dir), /: is a folder; give the configuration in it, like config\.yaml$/);
  });
});

describe('a prior that leaves no place to start', () => {
  it('is told with the parameter, and no half run stays', async () => {
    const files = newCase(withPrior('gamma: normal(1e300, 1e-300)'));
    const { code, stderr } = await hierax('fit', files.config, '--out', files.at('new/deeper/run'));
    expect(code).toBe(2);
    const said = stderr.trimEnd().split('\n').at(-1);
    expect(said).toMatch(
      /^hierax: initial positions of chain \d: .* not finite because of gamma\[\d\] .*; check its prior/,
    );
    expect(readdirSync(files.dir).sort()).toEqual(['config.yaml', 'sales.csv']);
    // A folder that was there stays, and so does what it holds.
    mkdirSync(files.out);
    writeFileSync(join(files.out, 'notes.txt'), 'mine');
    expect((await hierax('fit', files.config)).code).toBe(2);
    expect(readdirSync(files.out)).toEqual(['notes.txt']);
  });
});

describe('words that make no command', () => {
  const { config, dir, out } = newCase();
  const faults: [string, (string | number)[], string | RegExp][] = [
    ['no command', [], /^name a command: simulate, fit, report, calibrate, compare-methods, compare-models, doctor/],
    ['an unknown command', ['fti', config], "unknown command 'fti'; did you mean 'fit'?"],
    ['no configuration', ['fit'], 'hierax fit needs a configuration, like hierax fit CONFIG.yaml'],
    [
      'an unknown option',
      ['fit', config, '--chain', 3],
      'unknown option --chain (hierax fit --help shows what there is)',
    ],
    ['an option with =', ['fit', config, '--max-tree=3'], /^unknown option --max-tree \(/],
    ['one word too many', ['fit', config, 'more'], /^'more' is one argument too many \(/],
    ['an option without its value', ['fit', config, '--out'], /^--out needs a value/],
    ['an option before another', ['fit', config, '--chains', '--strict'], /^--chains needs a value/],
    ['an option given twice', ['fit', config, '--out', out, '--out', dir], '--out is given 2 times; give it once'],
    ['an empty name', ['fit', config, '--out', ''], '--out must not be empty; give a path'],
    ['chains that are no number', ['fit', config, '--chains', 'many'], "--chains must be a number, not 'many'"],
    ['half a chain', ['fit', config, '--chains', 2.5], '--chains must be a whole number, not 2.5'],
    ['too many chains', ['fit', config, '--chains', 1025], '--chains must be at most 1024, not 1025'],
    ['fewer draws than one', ['fit', config, '--draws', 0], '--draws must be at least 1, not 0'],
    ['a negative warm-up', ['fit', config, '--warmup', -1], '--warmup must be at least 0, not -1'],
    [
      'a seed beyond whole numbers',
      ['fit', config, '--seed', '1e20'],
      /^--seed must be at most 9007199254740991, not 1/,
    ],
    ['no threads', ['fit', config, '--threads', 0], '--threads must be at least 1, not 0'],
    ['an unknown method', ['fit', config, '--method', 'nust'], "--method cannot be 'nust'; did you mean 'nuts'?"],
    ['an unknown device', ['fit', config, '--device', 'webgup'], "--device cannot be 'webgup'; did you mean 'webgpu'?"],
    [
      'no such answer to a loss',
      ['fit', config, '--on-device-loss', 'no'],
      /^--on-device-loss cannot be 'no'; known: stop/,
    ],
    ['an unknown precision', ['fit', config, '--precision', 'half'], /^--precision cannot be 'half'; known: double/],
    ['no run to report', ['report'], 'hierax report needs the folder of a run, like hierax report RUN'],
    [
      'a folder without a run',
      ['report', dir],
      `${dir} holds no run: give the folder that hierax fit wrote with --out`,
    ],
    [
      'a run that is not there',
      ['report', out],
      `${out} holds no run: give the folder that hierax fit wrote with --out`,
    ],
    [
      'an output folder that is a file',
      ['fit', config, '--out', config],
      /^cannot write to .*config\.yaml \(EEXIST\): give --out a folder that/,
    ],
    [
      'an output folder under a file',
      ['fit', config, '--out', join(config, 'run')],
      /^cannot write to .*run \(ENOTDIR\): give --out a folder that/,
    ],
    [
      'a name that no disk takes',
      ['fit', config, '--out', join(dir, 'x'.repeat(300))],
      /^cannot write to .*x \(ENAMETOOLONG\): give --out a folder/,
    ],
  ];
  it.each(faults)('%s', async (_, words, expected) => {
    expectOneLine(await hierax(...words), expected);
    expect(readdirSync(dir).sort()).toEqual(['config.yaml', 'sales.csv']);
  });
});

describe('a process of its own', () => {
  it('says the one line and exits with 2', async () => {
    const text = newCase(salesConfig, changed(7, 'price', 'cheap'));
    expectOneLine(
      await hieraxProcess(['fit', text.config]),
      /^sales\.csv: column 'price', row 7 \(line 8\): 'cheap' is not/,
    );
    expect(existsSync(text.out)).toBe(false);
    expectOneLine(
      await hieraxProcess(['report', text.out]),
      `${text.out} holds no run: give the folder that hierax fit wrote with --out`,
    );
    expectOneLine(await hieraxProcess(['fit', text.config, '--chain', 3]), /^unknown option --chain \(/);
  });
});
