// Gibbs sampling of 20,000 rows in 500 groups with four varying coefficients: sweeps and effective draws per second, beside bayesm.
import type { Draw } from '../../src/inference/chain.js';
import { GibbsRun } from '../../src/inference/gibbs/run.js';
import type { GibbsScheme } from '../../src/inference/gibbs/settings.js';
import { positionBlocks } from '../../src/inference/compiledModel.js';
import { essBulk } from '../../src/diagnostics/index.js';
import type { Model } from '../../src/models/model.js';
import { thisMachine } from '../machine.js';
import { formatTable } from '../table.js';
import { bayesm } from './bayesm.js';
import { modelOf, sizes, twoLevel } from './problem.js';

/** What a run of a sampler gave. */
export interface Measured {
  readonly name: string;
  readonly seconds: number;
  readonly sweeps: number;
  /** Draws kept of all chains together. */
  readonly draws: number;
  /** Bulk ESS by parameter. */
  readonly ess: ReadonlyMap<string, number>;
}

const schemes: readonly GibbsScheme[] = ['plain', 'interweaved', 'collapsed', 'collapsedInterweaved', 'integrated'];

/** Options: --chains N (default 4), --draws N (default 5000), --without-bayesm. */
export async function gibbsBenchmark(options: readonly string[]): Promise<void> {
  const option = (name: string, fallback: number): number =>
    options.includes(name) ? Number(options[options.indexOf(name) + 1]) : fallback;
  const [chains, draws] = [option('--chains', 4), option('--draws', 5000)];
  console.log(JSON.stringify(thisMachine()));
  console.log(
    `${sizes.rows} rows, ${sizes.groups} groups, ${sizes.coefficients} coefficients; ${chains} chains on one thread`,
  );
  for (const [covariance, kind] of [
    ['diagonal', 'usual'],
    ['diagonal', 'weak'],
    ['full', 'usual'],
  ] as const) {
    const structure = twoLevel(covariance, kind);
    const model = modelOf(structure);
    await run(model, 'plain', chains, 200);
    const rows: Measured[] = [];
    for (const scheme of schemes) rows.push(await run(model, scheme, chains, draws));
    if (covariance === 'full' && !options.includes('--without-bayesm')) {
      const peer = bayesm(structure, draws);
      if (peer === undefined)
        console.log('bayesm: skipped, R with the package bayesm is not installed (apt-get install r-cran-bayesm)');
      else rows.push(peer);
    }
    console.log(`\n${covariance} covariance, ${kind} spreads`);
    print(rows);
  }
}

async function run(model: Model, scheme: GibbsScheme, chains: number, draws: number): Promise<Measured> {
  const warmup = Math.floor(draws / 10);
  const kept = positionBlocks(model)
    .filter(({ name }) => name !== 'beta')
    .flatMap(({ name, offset, size }) =>
      Array.from({ length: size }, (_, i) => ({ name: `${name}[${i}]`, at: offset + i })),
    );
  const values = kept.map(() => Array.from({ length: chains }, () => new Float64Array(draws)));
  const onDraw = ({ chain, phase, index, position }: Draw): void => {
    if (phase === 'sampling') kept.forEach(({ at }, i) => (values[i][chain][index] = position[at]));
  };
  const start = performance.now();
  await new GibbsRun(
    model,
    { scheme, chains, warmup, draws },
    { onDraw, wantsDraw: (_, phase) => phase === 'sampling' },
  ).run();
  const seconds = (performance.now() - start) / 1000;
  const ess = new Map(kept.map(({ name }, i) => [name, essBulk(values[i])]));
  return { name: scheme, seconds, sweeps: chains * (warmup + draws), draws: chains * draws, ess };
}

function print(rows: readonly Measured[]): void {
  const headings = [
    'sampler',
    'us/sweep',
    'sweeps/s',
    'ESS/sweep, slowest',
    'ESS/s, slowest mean',
    'ESS/s, slowest',
    'slowest',
  ];
  console.log(
    formatTable(
      headings,
      rows.map(({ name, seconds, sweeps, draws, ess }) => {
        const [slowest, least] = [...ess].reduce((a, b) => (b[1] < a[1] ? b : a));
        const means = Math.min(...[...ess].filter(([own]) => own.startsWith('gamma')).map(([, own]) => own));
        return [
          name,
          ((seconds / sweeps) * 1e6).toFixed(1),
          (sweeps / seconds).toFixed(0),
          (least / draws).toFixed(3),
          (means / seconds).toFixed(0),
          (least / seconds).toFixed(0),
          slowest,
        ];
      }),
    ),
  );
}
