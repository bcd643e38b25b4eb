// Published models beside the tools that published them: the same data, priors, chains and draws.
import { thisMachine } from '../machine.js';
import { mediaMixBenchmark } from './mediaMix.js';

/** Options are those of each model's benchmark. */
export async function modelsBenchmark(options: readonly string[]): Promise<void> {
  console.log(JSON.stringify(thisMachine()));
  await mediaMixBenchmark(options);
}
