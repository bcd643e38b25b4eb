// Gibbs sampling of regressions with four varying coefficients on two and three levels: sweeps and effective draws per second, beside bayesm.
import type { Draw } from '../../src/inference/chain.js';
import { GibbsRun } from '../../src/inference/gibbs/run.js';
import type { GibbsScheme } from '../../src/inference/gibbs/settings.js';
import { positionBlocks } from '../../src/inference/compiledModel.js';
import { essBulk } from '../../src/diagnostics/index.js';
import type { Model } from '../../src/models/model.js';
import { benchmarkModel } from '../gradient/model.js';
import { makeProblem, orangeJuice } from '../gradient/problem.js';
import { thisMachine } from '../machine.js';
import { formatTable } from '../table.js';
import { bayesm } from './bayesm.js';
import { modelOf, sizes, twoLevel } from './problem.js';

/** What a run of a sampler gave. */
export interface Measured {
  readonly name: string;
  /** Of the processor, all threads together: a busy machine does not count. */
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
    `${sizes.rows} rows, ${sizes.groups} groups, ${sizes.coefficients} coefficients; ${chains} chains on one thread; seconds are processor time`,
  );
  await orangeJuiceShape(chains, draws);
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
    const peer = rows.find(({ name }) => name === 'bayesm');
    for (const own of peer === undefined ? [] : rows.filter(({ name }) => schemes.includes(name as GibbsScheme)))
      compare(own, peer!);
  }
}

/** Three levels with the shape of weekly orange-juice sales, diagonal covariances. */
async function orangeJuiceShape(chains: number, draws: number): Promise<void> {
  const model = benchmarkModel(makeProblem(orangeJuice));
  const rows: Measured[] = [];
  for (const scheme of schemes) rows.push(await run(model, scheme, chains, draws));
  const { rows: count, markets, unitsPerMarket, coefficients } = orangeJuice;
  console.log(
    `\nthree levels: ${count} rows, ${markets * unitsPerMarket} units, ${markets} markets, ${coefficients} coefficients`,
  );
  print(rows);
}

async function run(model: Model, scheme: GibbsScheme, chains: number, draws: number): Promise<Measured> {
  const warmup = Math.floor(draws / 10);
  const kept = positionBlocks(model)
    .filter(({ name, size }) => name !== 'beta' && size < 50)
    .flatMap(({ name, offset, size }) =>
      Array.from({ length: size }, (_, i) => ({ name: `${name}[${i}]`, at: offset + i })),
    );
  const values = kept.map(() => Array.from({ length: chains }, () => new Float64Array(draws)));
  const onDraw = ({ chain, phase, index, position }: Draw): void => {
    if (phase === 'sampling') kept.forEach(({ at }, i) => (values[i][chain][index] = position[at]));
  };
  const start = process.cpuUsage();
  await new GibbsRun(
    model,
    { scheme, chains, warmup, draws },
    { onDraw, wantsDraw: (_, phase) => phase === 'sampling' },
  ).run();
  const { user, system } = process.cpuUsage(start);
  const seconds = (user + system) / 1e6;
  const ess = new Map(kept.map(({ name }, i) => [name, essBulk(values[i])]));
  return { name: scheme, seconds, sweeps: chains * (warmup + draws), draws: chains * draws, ess };
}

/** Sweeps per second, and effective draws of the slowest mean or spread, over those of the peer. */
function compare(own: Measured, peer: Measured): void {
  const slowest = ({ ess }: Measured): number =>
    Math.min(...[...ess].filter(([name]) => /^(gamma|sds)/.test(name)).map(([, value]) => value));
  const ratio = (of: (run: Measured) => number): string => (of(own) / of(peer)).toFixed(2);
  console.log(
    `${own.name} over ${peer.name}: sweeps/s ${ratio(({ sweeps, seconds }) => sweeps / seconds)}, slowest of means and spreads: ` +
      `ESS per draw ${ratio((run) => slowest(run) / run.draws)}, ESS/s ${ratio((run) => slowest(run) / run.seconds)}`,
  );
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
        const means = Math.min(...[...ess].filter(([own]) => /^(gamma|delta)/.test(own)).map(([, own]) => own));
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
