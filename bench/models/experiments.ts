// Many experiments by Gibbs sampling at a share of the published size: time, effective draws, memory, and whose doing the spread of effects is.
import { nodeStarters } from '../../src/cli/fit/threadStarters.js';
import { portableRandom } from '../../src/cli/simulation/portableRandom.js';
import { scalarNames } from '../../src/data/run/names.js';
import { essBulk, quantile, rhat } from '../../src/diagnostics/index.js';
import { GibbsRun } from '../../src/inference/gibbs/run.js';
import { compileQuantity } from '../../src/inference/index.js';
import { cpuDevice } from '../../src/kernels/cpu/cpuDevice.js';
import type { ExperimentsData } from '../../src/models/experiments/data.js';
import { experimentsModel } from '../../src/models/experiments/model.js';
import { type Poolable, poolable } from '../../src/models/experiments/poolable.js';
import { drawExperiments, drawResponses } from '../../src/models/experiments/simulator.js';
import { isFixedElement } from '../../src/models/model.js';
import { formatTable } from '../table.js';

/** Learning from Many Experiments, A.2: 25,000 sweeps in 8 hours on 8 virtual processors, and its sizes. */
const published = { customers: 584_141, weeks: 96, campaigns: 140, interventions: 28, secondsPerSweep: 1.15 } as const;
const truth = { sigma: 90, unobserved: 5.77, observed: 2.84, time: 0.35, campaign: 0.54 } as const;

/** Options: --size (share of the customers, default 0.02), --pooling (sets, default all; none: the paper's priors), --chains, --warmup, --draws, --threads, --seed. */
export async function experimentsBenchmark(options: readonly string[]): Promise<void> {
  const number = (name: string, fallback: number): number =>
    options.includes(name) ? Number(options[options.indexOf(name) + 1]) : fallback;
  const [share, chains, threads] = [number('--size', 0.02), number('--chains', 2), number('--threads', 2)];
  const [warmup, draws, seed] = [number('--warmup', 400), number('--draws', 600), number('--seed', 1)];
  const pooling = poolingOf(options);
  const begun = performance.now();
  const seconds = (): number => (performance.now() - begun) / 1000;
  const { data, values } = simulated(Math.round(share * published.customers), seed);
  const simulatedAt = seconds();
  const model = experimentsModel(data, { pooling });
  const population = model.sites.filter(({ name }) => !name.endsWith('_of_customer'));
  const wanted = { ...model, sites: population };
  const device = cpuDevice({ threads, startThreads: nodeStarters.startThreads });
  const quantities = await compileQuantity(wanted, cpuDevice(), 'sites');
  const all = new Float64Array(quantities.outputs.reduce((sum, { size }) => sum + size, 0));
  const kept = Array.from({ length: chains }, (): Float64Array[] => []);
  const times = { first: 0, sampling: 0 };
  const run = new GibbsRun(
    model,
    { chains, warmup, draws, seed },
    {
      wantsDraw: (_, phase) => phase === 'sampling',
      onDraw: ({ chain, phase, index, position }) => {
        if (phase === 'warmup' && index === 0 && chain === 0) times.first = seconds();
        if (phase !== 'sampling') return;
        if (index === 0 && chain === 0) times.sampling = seconds();
        void quantities.evaluate(position, all);
        kept[chain].push(all.slice());
      },
    },
    { device },
  );
  const usage = process.cpuUsage();
  await run.run();
  const { user, system } = process.cpuUsage(usage);
  const ended = seconds();
  await quantities.dispose();

  let offset = 0;
  const places = new Map<string, number>();
  for (const { name, size } of quantities.outputs) {
    places.set(name, offset);
    offset += size;
  }
  const scalars = population.flatMap((site) =>
    [...scalarNames(site, model.coords)].flatMap((name, element) =>
      isFixedElement(site, element) ? [] : [{ name, at: places.get(site.name)! + element }],
    ),
  );
  const measured = scalars.map(({ name, at }) => {
    const own = kept.map((list) => Float64Array.from(list, (draw) => draw[at]));
    const pooled = Float64Array.from(own.flatMap((chain) => [...chain]));
    return { name, ess: essBulk(own), rhat: rhat(own), quantiles: [0.05, 0.5, 0.95].map((p) => quantile(pooled, p)) };
  });
  const sorted = [...measured].sort((a, b) => a.ess - b.ess);
  const least = sorted[0];
  const ofEffect = measured.find(({ name }) => name === 'sigma_u[effect]')!;
  const perSweep = (ended - times.first) / (warmup + draws - 1);
  const toThousand = times.sampling - simulatedAt + ((ended - times.sampling) * 1000) / least.ess;
  const inside = measured.filter(({ name, quantiles: [low, , high] }) => {
    const value = values.get(name)!;
    return value >= low && value <= high;
  }).length;
  console.log(
    `experiments: ${data.rows} rows, ${data.customers!.names.length} customers, ${published.campaigns} campaigns, ${published.weeks} weeks; ${chains} chains, ${warmup} + ${draws} sweeps, ${threads} threads; pooled: ${pooling.length === 0 ? 'none' : pooling.join(', ')}`,
  );
  console.log(
    formatTable(
      ['figure', 'value'],
      [
        ['simulated in, s', simulatedAt.toFixed(1)],
        ['prepared in, s', (times.first - simulatedAt).toFixed(1)],
        ['seconds per sweep of all chains', perSweep.toFixed(3)],
        ['seconds per sweep of one chain', (perSweep / chains).toFixed(3)],
        [
          'processor seconds per sweep of one chain, all threads',
          ((user + system) / 1e6 / chains / (warmup + draws)).toFixed(3),
        ],
        ['published, one chain at full size', String(published.secondsPerSweep)],
        ['scalars of the population', String(measured.length)],
        [
          'least bulk ESS',
          `${least.ess.toFixed(0)} (${sorted
            .slice(0, 3)
            .map(({ name }) => name)
            .join(', ')})`,
        ],
        ['largest R-hat', Math.max(...measured.map((own) => own.rhat)).toFixed(3)],
        ['sweeps per effective draw, sd of effects', ((chains * draws) / ofEffect.ess).toFixed(1)],
        ['time to 1,000 effective draws of all, s', toThousand.toFixed(0)],
        ['largest resident memory, MiB', (process.resourceUsage().maxRSS / 1024).toFixed(0)],
        ['true values inside 90 % intervals, %', ((100 * inside) / measured.length).toFixed(1)],
      ],
    ),
  );
  console.log(
    formatTable(
      ['share of spread', '5 %', '50 %', '95 %', 'truth'],
      measured
        .filter(({ name }) => name.startsWith('share_of_spread'))
        .map(({ name, quantiles }) => [name, ...quantiles.map((q) => q.toFixed(4)), values.get(name)!.toFixed(4)]),
    ),
  );
}

function poolingOf(options: readonly string[]): readonly Poolable[] {
  const at = options.indexOf('--pooling');
  if (at < 0) return poolable;
  const names = options[at + 1].split(',').filter((name) => name !== 'none');
  const strange = names.find((name) => !(poolable as readonly string[]).includes(name));
  if (strange !== undefined) throw new RangeError(`--pooling: ${strange} is none of ${poolable.join(', ')}`);
  return names as Poolable[];
}

function simulated(customers: number, seed: number): { data: ExperimentsData; values: ReadonlyMap<string, number> } {
  const { weeks, campaigns, interventions } = published;
  const random = portableRandom(seed);
  const drawn = drawExperiments({ customers, weeks, campaigns, interventions, ...truth }, random);
  const { design } = drawn;
  const { rows, rowStart } = design;
  const customerOf = new Int32Array(rows);
  for (let i = 0; i < customers; i++) customerOf.fill(i, rowStart[i], rowStart[i + 1]);
  const y = new Float64Array(rows);
  drawResponses(drawn, truth.sigma, [0, rows], customerOf, random, y);
  const mean = y.reduce((sum, own) => sum + own, 0) / rows;
  const sd = Math.sqrt(y.reduce((sum, own) => sum + (own - mean) ** 2, 0) / (rows - 1));
  const names = ['usage_7', 'usage_14', 'usage_30', 'usage_rolling'];
  const { sets, share, xMeans, values } = drawn.truth;
  return {
    data: {
      rows,
      responseName: 'change',
      y,
      response: { mean, sd },
      w: Float64Array.from(design.treated, (one) => 2 * one - 1),
      customers: { column: 'customer', names: drawn.customers, rowStart },
      x: [...design.usage, design.rolling].map((column, j) => ({
        name: names[j],
        values: Float64Array.from(column, (own) => own - xMeans[j]),
        mean: xMeans[j],
      })),
      moderators: [{ name: 'share', ...share }],
      sets,
    },
    values: new Map(values.map(({ name, value }) => [name, value])),
  };
}
