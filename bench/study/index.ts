// Benchmark `study`: one two-level regression by every exact method and by the peers, on one core: effective draws per second of processor time.
import { essBulk, mcseMean, rhat } from '../../src/diagnostics/index.js';
import { positionBlocks } from '../../src/inference/compiledModel.js';
import { type Method, methods } from '../../src/inference/index.js';
import { cpuDevice } from '../../src/kernels/cpu/cpuDevice.js';
import type { Model } from '../../src/models/model.js';
import { bayesm } from '../gibbs/bayesm.js';
import { modelOf, sizes, twoLevel } from '../gibbs/problem.js';
import { thisMachine } from '../machine.js';
import { formatTable } from '../table.js';
import { stan } from './stan.js';

/** What a method or a peer gave. */
export interface Contender {
  readonly name: string;
  /** Of the processor, all chains and the warm-up included. */
  readonly seconds: number;
  /** Gradients or sweeps. */
  readonly effort: number;
  /** Bulk ESS by parameter: means gamma, spreads sds, sigma. */
  readonly ess: ReadonlyMap<string, number>;
  /** Draws by parameter, chain by chain; undefined for another prior. */
  readonly draws?: ReadonlyMap<string, readonly Float64Array[]>;
}

const chains = 4;

/** Options: --draws N (per chain, default 1000), --stan-draws N (default 400, after as many of warm-up), --without-peers. */
export async function studyBenchmark(options: readonly string[]): Promise<void> {
  const number = (name: string, fallback: number): number =>
    options.includes(name) ? Number(options[options.indexOf(name) + 1]) : fallback;
  console.log(JSON.stringify(thisMachine()));
  console.log(
    `${sizes.rows} rows, ${sizes.groups} groups × ${sizes.coefficients} coefficients; ${chains} chains on one thread; seconds of processor time with warm-up`,
  );
  const structure = twoLevel('diagonal');
  const model = modelOf(structure);
  const own: Contender[] = [];
  const draws = number('--draws', 1000);
  for (const method of [methods.marginal, methods.gibbs, methods.nuts]) own.push(await run(model, method, draws));
  const withPeers = !options.includes('--without-peers');
  const stanDraws = number('--stan-draws', 400);
  const stans = withPeers ? stan(structure, { chains: 1, warmup: stanDraws, draws: stanDraws }) : [];
  if (stans === undefined)
    console.log('Stan: skipped, R with the package rstan is not installed (apt-get install r-cran-rstan)');
  const gibbs = withPeers ? bayesm(twoLevel('full'), 10 * draws) : undefined;
  if (withPeers && gibbs === undefined)
    console.log('bayesm: skipped, R with the package bayesm is not installed (apt-get install r-cran-bayesm)');
  const peers: Contender[] = [...(stans ?? [])];
  if (gibbs !== undefined)
    peers.push({
      name: 'bayesm Gibbs (full covariance)',
      seconds: gibbs.seconds,
      effort: gibbs.sweeps,
      ess: gibbs.ess,
    });
  print([...own, ...peers]);
  compare(own, stans ?? [], gibbs && peers.at(-1));
}

async function run(model: Model, method: Method, draws: number): Promise<Contender> {
  const places = positionBlocks(model)
    .filter(({ name }) => name !== 'beta')
    .flatMap(({ name, offset, size }) =>
      Array.from({ length: size }, (_, i) => ({ name: size === 1 ? name : `${name}[${i}]`, at: offset + i })),
    );
  const kept = places.map(() => Array.from({ length: chains }, () => new Float64Array(draws)));
  const begun = process.cpuUsage();
  const prepared = await method.prepare(model, cpuDevice(), { chains, threads: 1 });
  try {
    const result = await prepared.run(
      { chains, warmup: method.usual.warmup, draws, seed: 1 },
      {
        wantsDraw: (_, phase) => phase === 'sampling',
        onDraw: ({ chain, phase, index, position }) => {
          if (phase !== 'sampling') return;
          // Scales are sampled by their logarithms.
          for (const [i, { name, at }] of places.entries())
            kept[i][chain][index] = name.startsWith('gamma') ? position[at] : Math.exp(position[at]);
        },
      },
      {},
    );
    const { user, system } = process.cpuUsage(begun);
    return {
      name: method.title,
      seconds: (user + system) / 1e6,
      effort: result.chains.reduce((sum, chain) => sum + chain!.effort, 0),
      ess: new Map(places.map(({ name }, i) => [name, essBulk(kept[i])])),
      draws: new Map(places.map(({ name }, i) => [name, kept[i]])),
    };
  } finally {
    await prepared.dispose();
  }
}

/** The slowest mean, spread or σ. */
const slowest = ({ ess }: Contender): [string, number] => [...ess].reduce((a, b) => (b[1] < a[1] ? b : a));
const rate = (contender: Contender): number => slowest(contender)[1] / contender.seconds;

function print(contenders: readonly Contender[]): void {
  const headings = ['method', 'CPU s', 'gradients or sweeps', 'max R-hat', 'slowest', 'its ESS', 'ESS / s'];
  console.log(
    formatTable(
      headings,
      contenders.map((contender) => {
        const [name, ess] = slowest(contender);
        const worst = contender.draws && Math.max(...[...contender.draws.values()].map(rhat));
        return [
          contender.name,
          contender.seconds.toFixed(2),
          String(contender.effort),
          worst?.toFixed(4) ?? '',
          name,
          ess.toFixed(0),
          rate(contender).toPrecision(3),
        ];
      }),
    ),
  );
}

/** The best of ours over each peer, and how far the posterior means are from Stan's, in Monte-Carlo standard errors. */
function compare(own: readonly Contender[], stans: readonly Contender[], gibbs: Contender | undefined): void {
  const best = own.reduce((a, b) => (rate(b) > rate(a) ? b : a));
  if (stans.length > 0) {
    const peer = stans.reduce((a, b) => (rate(b) > rate(a) ? b : a));
    console.log(`${best.name} over ${peer.name}: ESS/s × ${(rate(best) / rate(peer)).toFixed(0)} (aim 2000)`);
    for (const contender of own) console.log(`${contender.name} and ${peer.name}: ${distance(contender, peer)}`);
  }
  if (gibbs === undefined) return;
  console.log(`${best.name} over ${gibbs.name}: ESS/s × ${(rate(best) / rate(gibbs)).toFixed(1)} (aim 5)`);
}

function distance(a: Contender, b: Contender): string {
  const distances = [...a.draws!].map(([name, chainsOfA]) => {
    const chainsOfB = b.draws!.get(name)!;
    const error = Math.hypot(mcseMean(chainsOfA), mcseMean(chainsOfB));
    return Math.abs(mean(chainsOfA) - mean(chainsOfB)) / error;
  });
  return `means at most ${Math.max(...distances).toFixed(1)} standard errors apart`;
}

function mean(draws: readonly Float64Array[]): number {
  const all = draws.flatMap((chain) => [...chain]);
  return all.reduce((sum, x) => sum + x, 0) / all.length;
}
