// Benchmark `few-rows`: 0/1 responses in groups of few rows by Gibbs sampling with Pólya-Gamma precisions and by NUTS, in one run.
import { benchmarkRandom } from '../gpu/random.js';
import { essBulk, rhat } from '../../src/diagnostics/index.js';
import { fit } from '../../src/inference/fit.js';
import { sizeOf } from '../../src/kernels/program/tensorProgram.js';
import { declaredModel } from '../../src/models/linearHierarchy/declaredModel.js';
import type { GeneralisedHierarchy } from '../../src/models/linearHierarchy/structure.js';
import { thisMachine } from '../machine.js';
import { oneLevelLogistic } from '../oneLevelLogistic.js';
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
  { method: 'gibbs', warmup: 300, draws: 700 },
  { method: 'nuts', warmup: 700, draws: 700 },
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

/** Options: --seed N (default 1). */
export async function fewRowsBenchmark(options: readonly string[]): Promise<void> {
  const seed = options.includes('--seed') ? Number(options[options.indexOf('--seed') + 1]) : 1;
  const rows: string[][] = [];
  for (const size of sizes) {
    const perSecond: number[] = [];
    for (const { method, warmup, draws } of runs) {
      const model = declaredModel(simulated(size, seed));
      const begun = performance.now();
      const posterior = await fit(model, { method, warmup, draws, seed });
      const seconds = (performance.now() - begun) / 1000;
      const chains = ['mu', 'tau'].flatMap((name) => {
        const { shape } = model.sites.find((site) => site.name === name)!;
        return Array.from({ length: sizeOf(shape) }, (_, i) => posterior.element(name, i));
      });
      const ess = Math.min(...chains.map((own) => essBulk(own)));
      perSecond.push(ess / seconds);
      rows.push([
        `${size.groups} groups × ${size.rowsOfGroup} rows, ${size.coefficients} coefficients`,
        method,
        seconds.toFixed(1),
        Math.max(...chains.map((own) => rhat(own))).toFixed(4),
        ess.toFixed(0),
        (ess / seconds).toPrecision(3),
        perSecond.length === runs.length ? `${(perSecond[0] / perSecond[1]).toFixed(1)} ×` : '',
      ]);
    }
  }
  const { cpu, cores, node, loadAverage } = thisMachine();
  console.log(
    `${cpu}, ${cores} cores, Node ${node}, load ${loadAverage.toFixed(1)}; slowest population parameter, seed ${seed}\n`,
  );
  console.log(
    formatTable(['problem', 'method', 's with warm-up', 'max R-hat', 'min bulk ESS', 'ESS / s', 'gibbs / nuts'], rows),
  );
}
