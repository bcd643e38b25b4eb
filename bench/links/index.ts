// Benchmark `links`: responses through a link by Gibbs sampling and by NUTS, in one run; 0/1 responses in groups of few rows, where Gibbs has
// Pólya-Gamma precisions, and every family in the three-level model and the HBMMM.
import { benchmarkRandom } from '../gpu/random.js';
import { essBulk, rhat } from '../../src/diagnostics/index.js';
import { fit, type FitOptions } from '../../src/inference/fit.js';
import { sizeOf } from '../../src/kernels/program/tensorProgram.js';
import { declaredModel } from '../../src/models/linearHierarchy/declaredModel.js';
import type { GeneralisedHierarchy } from '../../src/models/linearHierarchy/structure.js';
import { isFixedElement, type Model } from '../../src/models/model.js';
import { thisMachine } from '../machine.js';
import { oneLevelLogistic } from '../oneLevelLogistic.js';
import { simulatedModel } from '../simulatedModel.js';
import { formatTable } from '../table.js';

interface Size {
  readonly groups: number;
  readonly rowsOfGroup: number;
  /** A constant and slopes. */
  readonly coefficients: number;
}

const sizes: readonly Size[] = [
  { groups: 40, rowsOfGroup: 6, coefficients: 2 },
  { groups: 300, rowsOfGroup: 8, coefficients: 3 },
  { groups: 2000, rowsOfGroup: 8, coefficients: 4 },
];
const runs = [
  { method: 'gibbs', warmup: 300 },
  { method: 'nuts', warmup: 700 },
] as const;

/** Coefficients of groups vary by 0.6 around means of 0.4 times a standard normal; μ ~ N(0, 1), τ ~ halfNormal(1). */
function simulated({ groups, rowsOfGroup, coefficients }: Size, seed: number): GeneralisedHierarchy {
  const random = benchmarkRandom(seed);
  const rows = groups * rowsOfGroup;
  const means = Float64Array.from({ length: coefficients }, () => 0.4 * random.normal());
  const columns = Array.from({ length: coefficients }, (_, k) =>
    Float64Array.from({ length: rows }, () => (k === 0 ? 1 : random.normal())),
  );
  const y = new Float64Array(rows);
  for (let g = 0; g < groups; g++) {
    const b = means.map((mean) => mean + 0.6 * random.normal());
    for (let row = g * rowsOfGroup; row < (g + 1) * rowsOfGroup; row++) {
      const eta = columns.reduce((sum, column, k) => sum + column[row] * b[k], 0);
      y[row] = Number(random.uniform() < 1 / (1 + Math.exp(-eta)));
    }
  }
  const rowStart = Int32Array.from({ length: groups + 1 }, (_, g) => g * rowsOfGroup);
  return oneLevelLogistic({ y, columns, rowStart, centring: 0 });
}

const threeLevel = { rows: 3000, products: 10, markets: 12, x: 2, z: 0, w: 1 };
const panel = { consumers: 300, markets: 12, months: 12, channels: 2, controls: 1, traits: 1 };

/** By name. */
function problemsOf(seed: number): Readonly<Record<string, () => Model>> {
  const ofSize = (size: Size): [string, () => Model] => [
    `${size.groups} groups × ${size.rowsOfGroup} rows, ${size.coefficients} coefficients`,
    () => declaredModel(simulated(size, seed)),
  ];
  const ofFamily = (name: 'three-level' | 'hbmmm', family: string): [string, () => Model] => [
    `${name}, ${family}`,
    () => simulatedModel(name, { ...(name === 'hbmmm' ? panel : threeLevel), family }, { seed }).model,
  ];
  const families = ['bernoulli', 'binomial', 'poisson', 'negativeBinomial'];
  return Object.fromEntries([
    ...sizes.map(ofSize),
    ...families.map((family) => ofFamily('three-level', family)),
    ...['poisson', 'negativeBinomial'].map((family) => ofFamily('hbmmm', family)),
  ]);
}

/** Options: --seed N (default 1), --draws N of a chain (default 700), --problem TEXT (those whose name contains it; default all). */
export async function linksBenchmark(options: readonly string[]): Promise<void> {
  const option = (name: string): string | undefined =>
    options.includes(name) ? options[options.indexOf(name) + 1] : undefined;
  const seed = Number(option('--seed') ?? 1);
  const draws = Number(option('--draws') ?? 700);
  const rows: string[][] = [];
  for (const [name, build] of Object.entries(problemsOf(seed))) {
    if (!name.includes(option('--problem') ?? '')) continue;
    const perSecond: number[] = [];
    for (const { method, warmup } of runs) {
      const { seconds, ess, largest } = await measure(build(), { method, warmup, draws, seed });
      perSecond.push(ess / seconds);
      rows.push([
        name,
        method,
        seconds.toFixed(1),
        largest.toFixed(4),
        ess.toFixed(0),
        (ess / seconds).toPrecision(3),
        perSecond.length === runs.length ? `${(perSecond[0] / perSecond[1]).toPrecision(2)} ×` : '',
      ]);
    }
  }
  const { cpu, cores, node, loadAverage } = thisMachine();
  console.log(
    `${cpu}, ${cores} cores, Node ${node}, load ${loadAverage.toFixed(1)}; slowest population parameter, ${draws} draws a chain, seed ${seed}\n`,
  );
  console.log(
    formatTable(
      ['problem', 'method', 'CPU s with warm-up', 'max R-hat', 'min bulk ESS', 'ESS / s', 'gibbs / nuts'],
      rows,
    ),
  );
}

/** A fit in seconds of processor time, of all its threads, and the slowest of its population's scalars. */
async function measure(model: Model, settings: FitOptions) {
  const begun = process.cpuUsage();
  const posterior = await fit(model, settings);
  const { user, system } = process.cpuUsage(begun);
  const seconds = (user + system) / 1e6;
  const chains = model.sites.flatMap((site) => {
    if (site.level !== 'population') return [];
    const elements = Array.from({ length: sizeOf(site.shape) }, (_, i) => i);
    return elements.filter((i) => !isFixedElement(site, i)).map((i) => posterior.element(site.name, i));
  });
  const ess = Math.min(...chains.map((own) => essBulk(own)));
  return { seconds, ess, largest: Math.max(...chains.map((own) => rhat(own))) };
}
