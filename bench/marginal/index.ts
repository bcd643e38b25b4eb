// Marginal NUTS on one core: milliseconds per gradient, and effective draws per second of the slowest population parameter.
import { essBulk, essTail, rhat } from '../../src/diagnostics/index.js';
import { positionBlocks } from '../../src/inference/compiledModel.js';
import { marginal } from '../../src/inference/methods/marginal.js';
import { cpuDevice } from '../../src/kernels/cpu/cpuDevice.js';
import type { Model } from '../../src/models/model.js';
import { thisMachine } from '../machine.js';
import { formatTable } from '../table.js';
import { orangeJuice, twoLevels } from './problems.js';

const chains = 4;
/** Effective draws per second that are aimed at, and figures of others on a like machine (../shared/marginal.md). */
const aims = { 'two levels': 1500, 'orange juice': 600 } as const;
const peers = 'peers, slowest population parameter of two levels: Stan NUTS 0.4 ESS/s, bayesm Gibbs 297 ESS/s';

const headings = [
  'problem',
  'ms / gradient',
  'run s',
  'CPU s',
  'gradients',
  'divergences',
  'max R-hat',
  'min tail ESS',
  'min bulk ESS',
  'slowest',
  'ESS / s',
  'ESS / CPU s',
  'aim',
];

/** Options: --seeds N (default 1), --draws N (per chain, default 1000), --scaling (gradient times by groups and by rows). */
export async function marginalBenchmark(options: readonly string[]): Promise<void> {
  const number = (name: string, fallback: number): number => {
    const at = options.indexOf(name);
    return at < 0 ? fallback : Number(options[at + 1]);
  };
  console.log(JSON.stringify(thisMachine()));
  if (options.includes('--scaling')) return scaling();
  const problems: [string, Model | undefined, number | undefined][] = [
    ['two levels: 20,000 rows, 500 groups × 4', twoLevels(20_000, 500, 3), aims['two levels']],
    ['orange juice, diagonal', await orangeJuice('diagonal'), aims['orange juice']],
    ['orange juice, full', await orangeJuice('full'), undefined],
  ];
  const rows: string[][] = [];
  for (const [name, model, aim] of problems) {
    if (model === undefined) {
      console.log(`${name}: skipped, the data are not beside the repository`);
      continue;
    }
    for (let seed = 1; seed <= number('--seeds', 1); seed++)
      rows.push([
        `${name}, seed ${seed}`,
        ...(await measure(model, seed, number('--draws', 1000))),
        aim === undefined ? '' : `≥ ${aim}`,
      ]);
  }
  console.log(formatTable(headings, rows));
  console.log(
    `${peers}. Run and CPU seconds: mode, warm-up, sampling and the coefficients of every draw, 4 chains on one thread.`,
  );
}

async function measure(model: Model, seed: number, draws: number): Promise<string[]> {
  const groups = new Set(model.structure!.terms[0].levels.map(({ coefficients }) => coefficients));
  const places = positionBlocks(model)
    .filter(({ name }) => !groups.has(name))
    .flatMap(({ name, offset, size }) =>
      Array.from({ length: size }, (_, i) => ({ name: size === 1 ? name : `${name}[${i}]`, at: offset + i })),
    );
  const kept = places.map(() => Array.from({ length: chains }, () => new Float64Array(draws)));
  const prepared = await marginal.prepare(model, cpuDevice(), { chains, threads: 1 });
  try {
    const gradient = (await prepared.timeStep([])) / chains;
    let divergences = 0;
    const [begun, cpu] = [performance.now(), process.cpuUsage()];
    const result = await prepared.run(
      { chains, draws, seed },
      {
        wantsDraw: (_, phase) => phase === 'sampling',
        onDraw: ({ chain, phase, index, position, info }) => {
          if (phase !== 'sampling') return;
          divergences += Number(info.isDivergent);
          for (const [i, { at }] of places.entries()) kept[i][chain][index] = position[at];
        },
      },
      {},
    );
    const seconds = (performance.now() - begun) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    const cpuSeconds = (user + system) / 1e6;
    const bulk = kept.map(essBulk);
    const least = Math.min(...bulk);
    return [
      gradient.toFixed(4),
      seconds.toFixed(2),
      cpuSeconds.toFixed(2),
      String(result.chains.reduce((sum, chain) => sum + chain!.effort, 0)),
      String(divergences),
      Math.max(...kept.map(rhat)).toFixed(4),
      Math.min(...kept.map(essTail)).toFixed(0),
      least.toFixed(0),
      places[bulk.indexOf(least)].name,
      (least / seconds).toFixed(0),
      (least / cpuSeconds).toFixed(0),
    ];
  } finally {
    await prepared.dispose();
  }
}

/** Reading the rows costs what the rows cost, a gradient what the groups cost, whatever the rows. */
async function scaling(): Promise<void> {
  const curves: readonly (readonly [string, readonly (readonly [rows: number, groups: number])[]])[] = [
    ['rows, at 500 groups', [1e4, 1e5, 1e6, 1e7].map((count) => [count, 500] as const)],
    ['groups, of 20 rows', [1e2, 1e3, 1e4, 1e5].map((groups) => [20 * groups, groups] as const)],
  ];
  for (const [name, sizes] of curves) {
    const measured: { rows: number; groups: number; prepare: number; gradient: number }[] = [];
    for (const [rows, groups] of sizes) {
      const model = twoLevels(rows, groups, 3);
      const begun = performance.now();
      const prepared = await marginal.prepare(model, cpuDevice(), { chains, threads: 1 });
      const prepare = performance.now() - begun;
      measured.push({ rows, groups, prepare, gradient: (await prepared.timeStep([])) / chains });
      await prepared.dispose();
    }
    const first = measured[0];
    console.log(`\ncost by ${name}`);
    console.log(
      formatTable(
        ['rows', 'groups', 'prepare ms', 'ms / gradient', 'times the first'],
        measured.map(({ rows, groups, prepare, gradient }) => [
          rows.toLocaleString('en'),
          groups.toLocaleString('en'),
          prepare.toFixed(0),
          gradient.toFixed(4),
          (gradient / first.gradient).toFixed(1),
        ]),
      ),
    );
  }
}
