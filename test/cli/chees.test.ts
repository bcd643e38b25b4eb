// fit --method chees: many short chains from the command to the page, judged by nested R-hat, and resumed bit for bit.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { rowsOf, withDuckDB } from '../../src/data/duckdb.js';
import { hierax } from './hierax.js';
import { salesFolders, threeLevelConfig } from './salesFolder.js';

const newCase = salesFolders();
const json = <T>(out: string, name: string): T => JSON.parse(readFileSync(join(out, name), 'utf8')) as T;
/** The usual configuration without its lengths of chains, and with a method. */
const withMethod = (method: string): string =>
  `${threeLevelConfig.replace(/^(?:chains|warmup|draws|method):.*\n/gm, '')}method: ${method}\n`;

describe('ChEES-HMC', () => {
  it('is fitted, summarised and judged', async () => {
    const text = withMethod('{name: chees, chains: 24, superchains: 6, warmup: 100, draws: 12}');
    const { config, out } = newCase(text);
    const { code, stderr } = await hierax('fit', config, '--threads', 2, '--device', 'cpu');
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/by ChEES-HMC on cpu.*: 24 chains in 6 superchains × \(100 \+ 12\)/);
    expect(stderr).toMatch(/^24 chains: draws 288\/288, \d+ divergences, \d+ gradients \| done$/m);

    const diagnostics = json<{ checks: { name: string; detail: string }[]; ebfmi: unknown[] }>(out, 'diagnostics.json');
    expect(diagnostics).toMatchObject({ method: 'chees', chains: 24, superchains: 6, maxTreeDepthHits: null });
    expect(diagnostics).toHaveProperty('trajectoryLength', expect.any(Number));
    expect(diagnostics.ebfmi.length).toBe(24);
    const names = diagnostics.checks.map(({ name }) => name);
    expect(names).toContain('rhatNested');
    expect(names).not.toContain('rhat');
    expect(names).not.toContain('treeDepth');
    expect(diagnostics.checks.find(({ name }) => name === 'stuckChains')!.detail).toContain('too short');

    const { parameters } = json<{ parameters: Record<string, unknown>[] }>(out, 'summary.json');
    expect(Object.keys(parameters[0])).toEqual([
      ...['name', 'mean', 'sd', 'mcseMean', 'q5', 'q50', 'q95', 'essBulk', 'essTail', 'rhat'],
    ]);
    const table = `SELECT name, "rhatNested" FROM read_parquet('${join(out, 'summary.parquet')}')`;
    const rows = await withDuckDB((connection) => rowsOf(connection, table));
    expect(rows.length).toBeGreaterThan(parameters.length);
    for (const { rhatNested } of rows) expect(rhatNested).toBeGreaterThanOrEqual(1);
    const page = readFileSync(join(out, 'report.html'), 'utf8');
    expect(page).toContain('Nested R-hat');
    expect(page).toContain('The first 8 of 24 chains');
  });

  it('gives the same draws for any number of threads', async () => {
    const { config, at } = newCase(withMethod('{name: chees, chains: 8, warmup: 30, draws: 5}'));
    const summary = async (name: string, threads: number): Promise<string> => {
      expect((await hierax('fit', config, '--device', 'cpu', '--out', at(name), '--threads', threads)).code).toBe(0);
      return readFileSync(join(at(name), 'summary.json'), 'utf8');
    };
    expect(await summary('b', 2)).toBe(await summary('a', 1));
  });

  it('with a prime number of chains has no superchains and is judged by R-hat', async () => {
    const { config, out } = newCase(withMethod('chees'));
    const few = ['--chains', 7, '--warmup', 40, '--draws', 10, '--device', 'cpu'] as const;
    expect((await hierax('fit', config, ...few)).code).toBe(0);
    const { checks } = json<{ checks: { name: string }[] }>(out, 'diagnostics.json');
    expect(checks.map(({ name }) => name)).toContain('rhat');
    expect(json<object>(out, 'diagnostics.json')).not.toHaveProperty('superchains');
    expect(existsSync(join(out, 'report.html'))).toBe(true);
  });

  it('tells of superchains that do not divide the chains', async () => {
    const { config } = newCase(withMethod('{name: chees, chains: 10, superchains: 4}'));
    const { code, stderr } = await hierax('fit', config);
    expect([code, stderr.trim()]).toEqual([
      2,
      expect.stringMatching(/config\.yaml:\d+: method.superchains 4 does not divide 10 chains/),
    ]);
  });
});
