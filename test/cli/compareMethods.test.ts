// hierax compare-methods: several methods on one configuration, in runs of their own, as table, JSON and page; continued, and wrong input.
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compareRuns, type ComparedRun } from '../../src/cli/comparison/comparisonFigures.js';
import { hierax } from './hierax.js';
import { salesFolders, threeLevelConfig } from './salesFolder.js';

const newCase = salesFolders();
const plain = threeLevelConfig.replace(/^(?:method|warmup|draws):.*\n/gm, '');

interface Record {
  readonly reference: { readonly method: string };
  readonly rows: readonly {
    readonly method: string;
    readonly seconds: number;
    readonly essPerSecond: { readonly minBulk: number; readonly medianBulk: number } | null;
    readonly fromReference: { readonly mean: number; readonly mcse: number; readonly meanAt: string } | null;
    readonly effort: { readonly unit: string; readonly count: number };
  }[];
  readonly leftOut: readonly { readonly method: string; readonly why: string }[];
}

describe('hierax compare-methods', () => {
  it('compares what suits, against Gibbs, and fits nothing twice', { timeout: 120_000 }, async () => {
    const { config, at } = newCase(plain);
    const out = at('comparison');
    const words = ['compare-methods', config, '--methods', 'marginal,gibbs,advi', '--draws', 400, '--threads', 1];
    const { code, stdout, stderr } = await hierax(...words);
    expect(code, stderr).toBe(0);
    expect(stdout.split('\n')).toHaveLength(6);
    expect(stdout).toMatch(/^Gibbs sampling +cpu .* reference +reference +\w+$/m);
    const record = JSON.parse(readFileSync(join(out, 'comparison.json'), 'utf8')) as Record;
    expect(record.reference.method).toBe('gibbs');
    expect(record.rows.map(({ method }) => method)).toEqual(['marginal', 'gibbs', 'advi']);
    const [marginal, gibbs, advi] = record.rows;
    expect(gibbs.fromReference).toBeNull();
    expect(gibbs.effort.unit).toBe('sweeps');
    expect(advi.essPerSecond).toBeNull();
    expect(marginal.essPerSecond!.minBulk).toBeLessThanOrEqual(marginal.essPerSecond!.medianBulk);
    // Both are exact: the largest of a dozen scalars, in standard errors of both.
    expect(marginal.fromReference!.mcse).toBeLessThan(4.5);
    const page = readFileSync(join(out, 'comparison.html'), 'utf8');
    for (const text of ['What each costs', 'Whether they agree', 'marginal-cpu/report.html'])
      expect(page).toContain(text);
    const run = join(out, 'gibbs-cpu', 'run.json');
    const { mtimeMs } = statSync(run);
    expect((await hierax(...words)).code).toBe(0);
    expect(statSync(run).mtimeMs).toBe(mtimeMs);
  });

  it('leaves out what does not suit, and refuses what is wrong', async () => {
    const { config } = newCase(plain);
    const alone = await hierax('compare-methods', config, '--methods', 'marginal', '--devices', 'eager:cpu');
    expect(alone.stderr).toMatch(/^hierax: compare-methods: 0 of the methods suit; name two that do/m);
    expect(alone.code).toBe(2);
    const stray = await hierax('compare-methods', config, '--methods', 'nuts,magic');
    expect(stray.stderr).toMatch(/^hierax: --methods: no method 'magic'; known: nuts, /m);
    expect(stray.code).toBe(2);
  });
});

describe('differences from a reference', () => {
  const run = (means: readonly number[], sds: readonly number[], isApproximation = false): ComparedRun => ({
    method: 'nuts',
    device: 'cpu',
    isApproximation,
    population: means.map((mean, i) => ({
      name: `x${i}`,
      mean,
      sd: sds[i],
      mcseMean: 0.1,
      q5: 0,
      q50: 0,
      q95: 0,
      essBulk: 100 * (i + 1),
      essTail: 50 * (i + 1),
      rhat: 1,
    })),
    chains: 2,
    draws: 50,
    seconds: { warmup: 1, sampling: 3, total: 5 },
    effort: { unit: 'gradients', count: 10 },
    peakMemoryBytes: 1,
    deviceMemoryBytes: null,
    status: 'pass',
  });

  it('are the largest over the scalars, by name', () => {
    const reference = run([0, 10, 5], [1, 2, 4]);
    const [own, other] = compareRuns([reference, run([0.1, 11, 5], [1, 2, 3])], reference);
    expect(own.fromReference).toBeNull();
    expect(own.essPerSecond).toEqual({ minBulk: 25, medianBulk: 50, minTail: 12.5, medianTail: 25 });
    expect(own.secondsPerDraw).toBe(0.04);
    expect(other.fromReference).toMatchObject({ mean: 0.5, meanAt: 'x1', sd: 0.25, sdAt: 'x2' });
    expect(other.fromReference!.mcse).toBeCloseTo(1 / Math.hypot(0.1, 0.1), 12);
    expect(compareRuns([reference, run([0, 10, 5], [1, 2, 4], true)], reference)[1].essPerSecond).toBeNull();
    expect(() => compareRuns([run([0], [1]), run([0, 1], [1, 1])], run([0], [1]))).toThrow(/x1 is in one/);
  });
});
