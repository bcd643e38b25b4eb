// Three levels with latent factors and a regularised horseshoe at the published size: wall clock, memory, convergence.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { portableRandom } from '../../src/cli/simulation/portableRandom.js';
import { parseSummary } from '../../src/data/run/summaryFiles.js';
import { writeTableBlocks } from '../../src/data/writeTable.js';
import { salesScenario } from '../../src/models/threeLevel/scenario.js';
import { simulateThreeLevel } from '../../src/models/threeLevel/simulate.js';
import { runCommand } from '../fit/runCommand.js';
import { formatTable } from '../table.js';

/** Published: 18.76 hours, 64 GB. */
const published = { rows: 1_237_582, products: 542, markets: 5 };
/** Of the predictors only the first matter on average; products differ in all. */
const [predictors, relevant] = [12, 4];

/** Options: --size (share of the products, with their rows), --method, --thin (sweeps to a draw of Gibbs), --warmup, --draws, --seed. */
export async function threeLevelFactorsBenchmark(options: readonly string[]): Promise<void> {
  const option = (name: string, fallback: string): string =>
    options.includes(name) ? options[options.indexOf(name) + 1] : fallback;
  const share = Number(option('--size', '1'));
  const seed = Number(option('--seed', '1'));
  const size = {
    rows: Math.round(share * published.rows),
    products: Math.max(2, Math.round(share * published.products)),
    markets: published.markets,
  };
  const scenario = salesScenario({ ...size, x: predictors, z: 1, w: 0, covariance: 'diagonal', factors: 2 });
  const x = scenario.x.map(({ name }) => name);
  // Rows of delta: each coefficient's mean, and the pull of the products' trait on it.
  const delta = scenario.delta.map((row, i) => (i < 2 * (relevant + 1) ? row : row.map(() => 0)));
  const { truth, blocks } = simulateThreeLevel({ ...scenario, delta }, portableRandom(seed));
  const folder = mkdtempSync(join(tmpdir(), 'hierax-bench-'));
  try {
    await writeTableBlocks(join(folder, 'data.parquet'), blocks);
    const config = join(folder, 'config.yaml');
    const out = join(folder, 'fit');
    writeFileSync(
      config,
      `data: { file: data.parquet }
model:
  name: three-level
  response: log_sales
  product: product
  market: market
  x: [${x.join(', ')}]
  z: [${scenario.z.map(({ name }) => name).join(', ')}]
  covariance: { product: { factors: 2 }, market: diagonal }
  shrinkage: regularisedHorseshoe
  relevant: ${2 * relevant + 1}
  standardise: false
method: { name: ${option('--method', 'auto')}${options.includes('--thin') ? `, thin: ${option('--thin', '1')}` : ''} }
seed: ${seed}
`,
    );
    const lengths = ['--warmup', '--draws'].flatMap((name) => (options.includes(name) ? [name, option(name, '')] : []));
    const { seconds } = await runCommand(['fit', config, ...lengths, '--out', out]);
    const json = (name: string) => JSON.parse(readFileSync(join(out, name), 'utf8')) as Record<string, unknown>;
    const summary = parseSummary(json('summary.json')).filter(({ rhat }) => Number.isFinite(rhat));
    const {
      divergences,
      peakMemoryBytes,
      method: taken,
    } = json('diagnostics.json') as Record<string, number | string | null>;
    const known = new Map(truth.map(({ name, value }) => [name, value]));
    const covered = summary.filter(({ name }) => known.has(name));
    const inside = covered.filter(({ name, q5, q95 }) => q5 <= known.get(name)! && known.get(name)! <= q95).length;
    const population = `${size.rows.toLocaleString('en')} rows, ${size.products} products × ${size.markets} markets, ${predictors} predictors`;
    console.log(
      formatTable(
        [
          'three-level, 2 factors, horseshoe',
          'method',
          'wall s',
          'max R-hat',
          'min ESS',
          'divergences',
          'inside 90 %',
          'peak MB',
        ],
        [
          [
            population,
            String(taken),
            seconds.toFixed(0),
            Math.max(...summary.map(({ rhat }) => rhat)).toFixed(4),
            Math.min(...summary.flatMap(({ essBulk, essTail }) => [essBulk, essTail])).toFixed(0),
            String(divergences ?? '–'),
            `${inside} of ${covered.length}`,
            (Number(peakMemoryBytes) / 1e6).toFixed(0),
          ],
        ],
      ),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
