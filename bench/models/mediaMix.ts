// The media-mix example beside PyMC-Marketing with nutpie: the same model, priors, data, chains and draws.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { nodeStarters } from '../../src/cli/fit/threadStarters.js';
import { loadConfig } from '../../src/data/config.js';
import { readTable } from '../../src/data/readTable.js';
import { essBulk, quantile, rhat } from '../../src/diagnostics/index.js';
import { fit } from '../../src/inference/fit.js';
import { models } from '../../src/models/registry.js';
import { formatTable } from '../table.js';

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const data = file('../../../shared/data/pymc_marketing/mmm_multidimensional_example.csv');
const truthFile = data.replace('.csv', '_true_parameters.nc');

interface Peer {
  readonly version: string;
  readonly compileSeconds: number;
  readonly sampleSeconds: number;
  readonly divergences: number;
  readonly inside: number;
  readonly maxRhat: number;
  readonly minEssBulk: number;
  readonly means: Readonly<Record<string, readonly number[]>>;
  readonly sds: Readonly<Record<string, readonly number[]>>;
  readonly truth: Readonly<Record<string, readonly number[]>>;
}

const sites = ['saturation_beta', 'adstock_alpha', 'saturation_lam'];

/** Options: --chains, --warmup, --draws, --seed, --target (acceptance), --threads, --python (an interpreter that has the peer). */
export async function mediaMixBenchmark(options: readonly string[]): Promise<void> {
  if (!existsSync(data)) {
    console.log('media-mix: skipped, the data of PyMC-Marketing are not beside the repository');
    return;
  }
  const option = (name: string, fallback: string): string =>
    options.includes(name) ? options[options.indexOf(name) + 1] : fallback;
  const number = (name: string, fallback: number): number => Number(option(name, String(fallback)));
  const [chains, warmup, draws] = [number('--chains', 4), number('--warmup', 1000), number('--draws', 1000)];
  const [seed, target, threads] = [number('--seed', 1), number('--target', 0.8), number('--threads', 2)];

  const config = loadConfig(file('../../examples/media-mix/config.yaml'), models);
  const entry = models['media-mix'];
  const { model } = entry.prepare(await readTable(config.data, entry.columns(config.model)), config.model);
  const start = performance.now();
  const posterior = await fit(model, {
    method: 'nuts',
    chains,
    warmup,
    draws,
    seed,
    targetAcceptance: target,
    threads: { count: threads, starters: nodeStarters },
  });
  const seconds = (performance.now() - start) / 1000;
  const scalars = sites.flatMap((site) => {
    const size = model.sites.find(({ name }) => name === site)!.shape.reduce((product, extent) => product * extent, 1);
    return Array.from({ length: size }, (_, i) => ({ site, place: i, chains: posterior.element(site, i) }));
  });
  const divergences = posterior.info.flat().filter((info) => 'isDivergent' in info && info.isDivergent).length;

  const python = option('--python', process.env.HIERAX_PYMC_PYTHON ?? 'python3');
  const peer = runPeer(python, [chains, warmup, draws, seed, threads, target]);
  const inside = scalars.filter(({ site, place, chains: own }) => {
    const value = peer?.truth[site][place];
    const all = Float64Array.from(own.flatMap((chain) => [...chain]));
    return value !== undefined && value > quantile(all, 0.05) && value < quantile(all, 0.95);
  }).length;
  const rows = [
    [
      'hierax, NUTS',
      seconds.toFixed(1),
      'in it',
      String(divergences),
      Math.max(...scalars.map((own) => rhat(own.chains))).toFixed(3),
      Math.min(...scalars.map((own) => essBulk(own.chains))).toFixed(0),
      peer === undefined ? '–' : `${inside} / 10`,
    ],
  ];
  if (peer !== undefined) {
    const { sampleSeconds, compileSeconds } = peer;
    const shown = [peer.maxRhat.toFixed(3), peer.minEssBulk.toFixed(0), `${peer.inside} / 10`];
    rows.push([
      `PyMC-Marketing ${peer.version}, nutpie`,
      sampleSeconds.toFixed(1),
      compileSeconds.toFixed(1),
      String(peer.divergences),
      ...shown,
    ]);
  }
  console.log(
    `\nmedia-mix example: ${chains} chains × (${warmup} + ${draws}), target acceptance ${target}, ${threads} threads`,
  );
  console.log(
    formatTable(
      ['sampler', 'sampling s', 'compile s', 'divergences', 'max R-hat', 'min bulk ESS', 'true values inside'],
      rows,
    ),
  );
  if (peer === undefined) return;
  const farthest = Math.max(
    ...scalars.map(({ site, place, chains: own }) => {
      const all = own.flatMap((chain) => [...chain]);
      const mean = all.reduce((a, b) => a + b) / all.length;
      return Math.abs(mean - peer.means[site][place]) / peer.sds[site][place];
    }),
  );
  console.log(
    `PyMC-Marketing over hierax: ${(peer.sampleSeconds / seconds).toFixed(2)} sampling alone, ` +
      `${((peer.sampleSeconds + peer.compileSeconds) / seconds).toFixed(1)} with its compilation; ` +
      `means differ by at most ${farthest.toFixed(2)} posterior standard deviations`,
  );
}

function runPeer(python: string, settings: readonly number[]): Peer | undefined {
  try {
    execFileSync(python, ['-c', 'import nutpie, pymc_marketing, netCDF4'], { stdio: 'ignore' });
  } catch {
    console.log(
      `media-mix peer: skipped, ${python} has no pymc-marketing with nutpie and netCDF4 (--python, or HIERAX_PYMC_PYTHON)`,
    );
    return undefined;
  }
  const printed = execFileSync(python, [file('./mediaMix.py'), data, truthFile, ...settings.map(String)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return JSON.parse(printed.trim().split('\n').at(-1)!) as Peer;
}
