// Runs a benchmark by name: npm run bench -- <name> [options].
import { adviBenchmark } from './advi/index.js';
import { coverageBenchmark } from './coverage/index.js';
import { fitBenchmark } from './fit/index.js';
import { gibbsBenchmark } from './gibbs/index.js';
import { gpuFitBenchmark } from './gpu/fit.js';
import { gpuBenchmark } from './gpu/index.js';
import { gradientBenchmark } from './gradient/index.js';
import { linksBenchmark } from './links/index.js';
import { marginalBenchmark } from './marginal/index.js';
import { metricBenchmark } from './metric/index.js';
import { modelsBenchmark } from './models/index.js';
import { studyBenchmark } from './study/index.js';

const benchmarks: Readonly<Record<string, (options: readonly string[]) => Promise<void>>> = {
  advi: adviBenchmark,
  coverage: coverageBenchmark,
  gradient: gradientBenchmark,
  fit: fitBenchmark,
  gibbs: gibbsBenchmark,
  gpu: gpuBenchmark,
  'gpu-fit': gpuFitBenchmark,
  links: linksBenchmark,
  marginal: marginalBenchmark,
  metric: metricBenchmark,
  models: modelsBenchmark,
  study: studyBenchmark,
};

const [name, ...options] = process.argv.slice(2);
if (name === undefined || !(name in benchmarks)) {
  const names = Object.keys(benchmarks).join(', ');
  console.error(
    `${name === undefined ? '' : `no benchmark '${name}'; `}benchmarks: ${names} (npm run bench -- <name>)`,
  );
  process.exitCode = name === undefined ? 0 : 2;
} else {
  await benchmarks[name](options);
}
