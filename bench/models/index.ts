// Published models at their sizes, some beside the tools that published them: the same data, priors, chains and draws.
import { thisMachine } from '../machine.js';
import { experimentsBenchmark } from './experiments.js';
import { hbmmmBenchmark } from './hbmmm.js';
import { mediaMixBenchmark } from './mediaMix.js';
import { threeLevelFactorsBenchmark } from './threeLevelFactors.js';

const benchmarks: Readonly<Record<string, (options: readonly string[]) => Promise<void>>> = {
  'media-mix': mediaMixBenchmark,
  experiments: experimentsBenchmark,
  hbmmm: hbmmmBenchmark,
  'three-level-factors': threeLevelFactorsBenchmark,
};

/** Options: --model NAME (default all); the others are those of each model's benchmark. */
export async function modelsBenchmark(options: readonly string[]): Promise<void> {
  const wanted = options.includes('--model') ? options[options.indexOf('--model') + 1] : undefined;
  if (wanted !== undefined && !(wanted in benchmarks))
    throw new Error(`--model ${wanted}: no such benchmark; there are ${Object.keys(benchmarks).join(', ')}`);
  console.log(JSON.stringify(thisMachine()));
  for (const [name, run] of Object.entries(benchmarks)) if (wanted === undefined || wanted === name) await run(options);
}
