// Benchmark `advi`: variational fits of the three-level model's joint density beside NUTS on the same density, on one thread.
import { essBulk } from '../../src/diagnostics/index.js';
import { advi, type AdviResult } from '../../src/inference/advi/advi.js';
import { hierarchyPattern } from '../../src/inference/advi/pattern.js';
import type { AdviSettings } from '../../src/inference/advi/settings.js';
import { compileDensity, compileQuantity, type Evaluator, positionBlocks } from '../../src/inference/compiledModel.js';
import { marginalOfScales } from '../../src/inference/methods/marginalOfScales.js';
import { modelSettings } from '../../src/inference/modelSettings.js';
import { sample } from '../../src/inference/sample.js';
import { cpuDevice } from '../../src/kernels/cpu/cpuDevice.js';
import { thisMachine } from '../machine.js';
import { formatTable } from '../table.js';
import { type AdviProblem, orangeJuice, radon, simulated } from './problems.js';

const lanes = 32;
const draws = 1000;
/** More, for what approximations are compared with has Monte-Carlo error too. */
const nutsDraws = 4000;
/** Effective draws that NUTS is given the time for. */
const enough = 400;

/** Moments of one site over draws, and its draws where they are kept. */
interface SiteMoments {
  readonly mean: Float64Array;
  readonly sd: Float64Array;
}

interface Fit {
  readonly seconds: number;
  readonly locations: SiteMoments;
  readonly groups: SiteMoments;
}

/** Options: --only NAME (simulated, radon, orange juice); --without-stochastic; --seed N of ADVI. */
export async function adviBenchmark(options: readonly string[]): Promise<void> {
  const only = options.includes('--only') ? options[options.indexOf('--only') + 1] : '';
  const problems = [simulated(), radon(), await orangeJuice('diagonal'), await orangeJuice('full')].flatMap(
    (problem) => problem ?? [],
  );
  console.log(JSON.stringify(thisMachine()));
  for (const problem of problems.filter(({ name }) => name.startsWith(only))) await runProblem(problem, options);
}

const variants: readonly {
  readonly name: string;
  readonly settings: (pattern: AdviSettings['pattern']) => AdviSettings;
}[] = [
  { name: 'deterministic, mean-field', settings: (pattern) => ({ family: 'mean-field', pattern }) },
  { name: 'deterministic, structured', settings: (pattern) => ({ pattern }) },
  { name: 'stochastic, mean-field', settings: (pattern) => ({ family: 'mean-field', variant: 'stochastic', pattern }) },
  { name: 'stochastic, structured', settings: (pattern) => ({ variant: 'stochastic', pattern }) },
];

async function runProblem(problem: AdviProblem, options: readonly string[]): Promise<void> {
  const { model } = problem;
  const blocks = positionBlocks(model);
  const dimension = blocks.reduce((sum, { size }) => sum + size, 0);
  const nuts = await fitNuts(problem);
  const pattern = hierarchyPattern(model.structure!, blocks);
  const seed = options.includes('--seed') ? Number(options[options.indexOf('--seed') + 1]) : 1;
  const rows: string[][] = [['NUTS to ESS 400', nuts.seconds.toFixed(2), '', '', '', '', '1', '']];
  const wanted = variants.filter(
    ({ name }) => !(options.includes('--without-stochastic') && name.startsWith('stochastic')),
  );
  for (const { name, settings } of wanted) {
    const fit = await fitAdvi(problem, { ...settings(pattern), seed });
    rows.push([
      name,
      fit.seconds.toFixed(2),
      (nuts.seconds / fit.seconds).toFixed(1),
      `${fit.result.iterations}${fit.result.isConverged ? '' : ' (!)'}`,
      largestOffset(fit.locations, nuts.locations).toFixed(3),
      medianRatioOf(fit.locations.sd, nuts.locations.sd).toFixed(2),
      medianRatioOf(fit.groups.sd, nuts.groups.sd).toFixed(2),
      fit.result.verdict.words,
    ]);
    if (!fit.result.isConverged) console.log(`${name}: ${fit.result.why}`);
  }
  const headings = [
    `${problem.name}, ${dimension} dimensions`,
    'processor s',
    'times faster',
    'iterations',
    'location error, sd',
    'location sd ratio',
    'group sd ratio',
    'fit',
  ];
  console.log(`\n${formatTable(headings, rows)}`);
}

async function fitNuts(problem: AdviProblem): Promise<Fit> {
  const density = await compileDensity(problem.model, cpuDevice(), 4);
  const sites = await compileQuantity(problem.model, cpuDevice(), 'sites');
  const collected = new Collector(problem, sites, 4);
  const start = processorTime();
  let sampling = start;
  let collecting = 0;
  await sample(density, modelSettings(problem.model, { chains: 4, draws: nutsDraws, seed: 1 }), {
    wantsDraw: (_, phase) => phase === 'sampling',
    onDraw: ({ chain, phase, position }) => {
      if (phase === 'warmup') {
        sampling = processorTime();
        return;
      }
      const before = processorTime();
      collected.add(chain, position);
      collecting += processorTime() - before;
    },
  });
  const end = processorTime() - collecting;
  const least = collected.leastEss();
  const seconds = (sampling - start + ((end - sampling) * enough) / least) / 1000;
  console.log(
    `${problem.name}: NUTS warm-up ${((sampling - start) / 1000).toFixed(1)} s, ${4 * nutsDraws} draws ${((end - sampling) / 1000).toFixed(1)} s, least ESS ${least.toFixed(0)}`,
  );
  await Promise.all([density.dispose(), sites.dispose()]);
  return { seconds, ...collected.moments() };
}

async function fitAdvi(problem: AdviProblem, settings: AdviSettings): Promise<Fit & { readonly result: AdviResult }> {
  const density = await compileDensity(problem.model, cpuDevice(), lanes);
  const sites = await compileQuantity(problem.model, cpuDevice(), 'sites');
  const collected = new Collector(problem, sites, 4);
  const { initial, inverseMass } = modelSettings(problem.model, {});
  // For the verdict, after the time is taken.
  const marginal = await marginalOfScales(problem.model);
  const start = processorTime();
  let [count, collecting, seconds] = [0, 0, 0];
  const result = await advi(
    density,
    { ...settings, ...(marginal && { marginal }), initial, inverseMass, draws },
    {
      onDraw: ({ chain, position }) => {
        const before = processorTime();
        // Draws are independent: as many are enough.
        if (++count === enough) seconds = (before - start - collecting) / 1000;
        collected.add(chain, position);
        collecting += processorTime() - before;
      },
    },
  );
  await Promise.all([density.dispose(), sites.dispose(), marginal?.density.dispose()]);
  return { seconds, result, ...collected.moments() };
}

/** Milliseconds of processor time so far: all runs on one thread, and others may be at work on the machine. */
function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Running moments of two sites, and draws of the locations for their ESS. */
class Collector {
  private readonly offsets = new Map<string, { readonly from: number; readonly size: number }>();
  private readonly values: Float64Array;
  private readonly draws: number[][][];
  private readonly sums: Float64Array;
  private readonly squares: Float64Array;
  private count = 0;

  constructor(
    private readonly problem: AdviProblem,
    private readonly sites: Evaluator,
    chains: number,
  ) {
    let from = 0;
    for (const { name, size } of sites.outputs) {
      this.offsets.set(name, { from, size });
      from += size;
    }
    this.values = new Float64Array(from);
    this.sums = new Float64Array(from);
    this.squares = new Float64Array(from);
    const { size } = this.offsets.get(problem.locations)!;
    this.draws = Array.from({ length: size }, () => Array.from({ length: chains }, () => []));
  }

  add(chain: number, position: Float64Array): void {
    void this.sites.evaluate(position, this.values);
    this.count++;
    for (let i = 0; i < this.values.length; i++) {
      const deviation = this.values[i] - this.sums[i];
      this.sums[i] += deviation / this.count;
      this.squares[i] += deviation * (this.values[i] - this.sums[i]);
    }
    const { from } = this.offsets.get(this.problem.locations)!;
    this.draws.forEach((chains, i) => chains[chain].push(this.values[from + i]));
  }

  leastEss(): number {
    return Math.min(...this.draws.map((chains) => essBulk(chains.map((draws) => Float64Array.from(draws)))));
  }

  moments(): { locations: SiteMoments; groups: SiteMoments } {
    const of = (name: string): SiteMoments => {
      const { from, size } = this.offsets.get(name)!;
      return {
        mean: this.sums.slice(from, from + size),
        sd: this.squares.slice(from, from + size).map((value) => Math.sqrt(value / (this.count - 1))),
      };
    };
    return { locations: of(this.problem.locations), groups: of(this.problem.groups) };
  }
}

function largestOffset(own: SiteMoments, reference: SiteMoments): number {
  return own.mean.reduce((most, mean, i) => Math.max(most, Math.abs(mean - reference.mean[i]) / reference.sd[i]), 0);
}

function medianRatioOf(own: Float64Array, reference: Float64Array): number {
  const ratios = own.map((value, i) => value / reference[i]).sort();
  return ratios[Math.floor(ratios.length / 2)];
}
