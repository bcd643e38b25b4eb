// Summaries on threads are the summaries of the calling thread, in order, and a failure comes through.
import { afterAll, describe, expect, it } from 'vitest';
import { SummaryThreads } from '../../src/cli/fit/summaryThreads.js';
import { summariseNamed } from '../../src/diagnostics/index.js';
import { randomKey, stepKey } from '../../src/inference/random/streams.js';

const superchains = 3;
const threads = new SummaryThreads(2, superchains);
afterAll(() => threads.dispose());

/** Three chains of 60 correlated draws; some scalars constant, stuck or not finite. */
function scalar(index: number): Float64Array[] {
  return [0, 1, 2].map((chain) => {
    const noise = new Float64Array(60);
    stepKey(randomKey(7), chain, index).stream(0).fillNormal(noise);
    if (index % 7 === 3) noise.fill(2);
    if (index % 7 === 4 && chain === 1) noise.fill(1);
    if (index % 7 === 5) noise[chain] = NaN;
    return noise.map((value, i) => value + (i > 0 ? 0.5 * noise[i - 1] : 0));
  });
}

describe('summaries on threads', () => {
  it('equal those of the calling thread, batch by batch', async () => {
    const batches = Array.from({ length: 6 }, (_, batch) =>
      Array.from({ length: 5 + batch }, (_, i) => ({ name: `x[${batch},${i}]`, chains: scalar(10 * batch + i) })),
    );
    const found = await Promise.all(
      batches.map((batch) =>
        threads.summarise(
          batch.map(({ name }) => name),
          batch.map(({ chains }) => chains),
        ),
      ),
    );
    expect(found).toEqual(
      batches.map((batch) => batch.map(({ name, chains }) => summariseNamed(name, chains, superchains))),
    );
  });

  it('reject when the thread is lost', async () => {
    const failing = new SummaryThreads(1, superchains);
    const lost = expect(failing.summarise(['x'], [scalar(0)])).rejects.toThrow(/has ended/);
    await failing.dispose();
    await lost;
  });
});
