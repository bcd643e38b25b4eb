// The workstation script: a list of fits goes on after a failure, is interrupted without loss, and started again does only what is left.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { readFitList } from '../../scripts/workstation/fitList.js';
import type { FitRow } from '../../scripts/workstation/summary.js';
import { hierax, type Outcome } from '../cli/hierax.js';
import { longConfig, salesConfig, salesFolders } from '../cli/salesFolder.js';

// Several processes one after another, beside those of other tests.
vi.setConfig({ testTimeout: 240_000 });

/** Long enough for a signal to find it at work. */
const atWork = longConfig.replace('thin: 80', 'thin: 30');
const newCase = salesFolders();
const script = fileURLToPath(new URL('../../scripts/workstation.ts', import.meta.url));

async function workstation(
  words: readonly string[],
  onStderr?: (text: string, child: ChildProcess) => void,
): Promise<Outcome> {
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), script, ...words]);
  const printed = { stdout: '', stderr: '' };
  child.stdout.on('data', (bytes: Buffer) => (printed.stdout += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => {
    printed.stderr += bytes.toString();
    onStderr?.(printed.stderr, child);
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, ...printed };
}

const recordOf = (out: string): readonly FitRow[] =>
  (JSON.parse(readFileSync(join(out, 'workstation.json'), 'utf8')) as { fits: FitRow[] }).fits;

const states = (out: string): readonly string[] => recordOf(out).map(({ name, state }) => `${name} ${state}`);

describe('a list with a fault in one of its fits', () => {
  it('fits the others, tells the fault in one line, and does only that one when it is mended', async () => {
    const folder = newCase();
    writeFileSync(folder.at('bad.yaml'), salesConfig.replace('draws: 40', 'drwas: 40'));
    writeFileSync(
      folder.at('list.yaml'),
      'device: cpu\nfits:\n  - { config: config.yaml, name: first }\n  - bad.yaml\n  - { config: config.yaml, name: last, seed: 9 }\n',
    );
    const out = folder.at('runs');
    const { code, stdout, stderr } = await workstation([folder.at('list.yaml')]);
    expect(code, stderr).toBe(2);
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(5);
    expect(lines[0]).toMatch(/^fit +state +device +seconds +divergences +max R-hat +min ESS +checks +run$/);
    expect(lines[1]).toMatch(
      /^first +finished +cpu +\d+\.\d +\d+ +\d\.\d{4} +\d+ +(pass|review|fail) +\S+runs\/first$/,
    );
    expect(lines[2]).toMatch(/^bad +failed/);
    expect(lines[3]).toMatch(/^last +finished +cpu/);
    expect(lines[4]).toMatch(/^bad: bad\.yaml:10: unknown key 'drwas'; did you mean 'draws'\?$/);
    expect(states(out)).toEqual(['first finished', 'bad failed', 'last finished']);
    const seeds = ['first', 'last'].map(
      (name) => (JSON.parse(readFileSync(join(out, name, 'run.json'), 'utf8')) as { seed: number }).seed,
    );
    expect(seeds).toEqual([3, 9]);
    const first = recordOf(out)[0].figures!;
    const { parameters } = JSON.parse(readFileSync(join(out, 'first', 'summary.json'), 'utf8')) as {
      parameters: { rhat: number; essBulk: number; essTail: number }[];
    };
    expect(first.maxRhat).toBe(Math.max(...parameters.map(({ rhat }) => rhat)));
    expect(first.minEss).toBe(Math.min(...parameters.flatMap(({ essBulk, essTail }) => [essBulk, essTail])));

    const written = statSync(join(out, 'first', 'summary.json')).mtimeMs;
    writeFileSync(folder.at('bad.yaml'), salesConfig);
    const again = await workstation([folder.at('list.yaml')]);
    expect(again.code, again.stderr).toBe(0);
    expect(states(out)).toEqual(['first finished before', 'bad finished', 'last finished before']);
    expect(statSync(join(out, 'first', 'summary.json')).mtimeMs).toBe(written);
    expect(existsSync(join(out, 'bad', 'report.html'))).toBe(true);

    // A finished run does not stand for a configuration that was changed after it.
    writeFileSync(folder.at('bad.yaml'), salesConfig.replace('draws: 40', 'draws: 50'));
    const changed = await workstation([folder.at('list.yaml')]);
    expect(changed.code).toBe(2);
    expect(changed.stdout).toContain('bad holds a run of another configuration than now');
  });
});

describe('Ctrl-C in the middle of a list', () => {
  it('saves, and the restarted list gives what unbroken fits give', async () => {
    const folder = newCase(atWork);
    writeFileSync(folder.at('quick.yaml'), salesConfig);
    const words = [folder.config, folder.at('quick.yaml'), '--out', folder.at('out')];
    const name = folder.dir.split('/').at(-1)!;
    let isSent = false;
    const interrupted = await workstation(words, (text, child) => {
      if (isSent || !text.includes('three-level by NUTS')) return;
      isSent = true;
      setTimeout(() => child.kill('SIGINT'), 100);
    });
    expect(interrupted.code, interrupted.stderr).toBe(130);
    expect(states(folder.at('out'))).toEqual([`${name} interrupted`, 'quick not begun']);
    expect(existsSync(join(folder.at('out'), name, 'checkpoint.json'))).toBe(true);
    expect(interrupted.stdout).toMatch(new RegExp(`^${name} +interrupted`, 'm'));

    const { code, stderr } = await workstation(words);
    expect(code, stderr).toBe(0);
    expect(states(folder.at('out'))).toEqual([`${name} finished`, 'quick finished']);
    await hierax('fit', folder.config, '--out', folder.at('unbroken'));
    const summary = (run: string): string => readFileSync(join(run, 'summary.json'), 'utf8');
    expect(summary(join(folder.at('out'), name))).toBe(summary(folder.at('unbroken')));
  });

  it('goes with the script: a fit whose script is killed saves and ends', async () => {
    const folder = newCase(atWork);
    const words = [folder.config, '--out', folder.at('out')];
    const run = join(folder.at('out'), folder.dir.split('/').at(-1)!);
    let isSent = false;
    await workstation(words, (text, child) => {
      if (isSent || !text.includes('three-level by NUTS')) return;
      isSent = true;
      setTimeout(() => child.kill('SIGKILL'), 100);
    });
    await expect.poll(() => existsSync(join(run, '.lock')), { timeout: 60_000 }).toBe(false);
    expect(existsSync(join(run, 'checkpoint.json'))).toBe(true);
  });
});

describe('a wrong list', () => {
  const refused = (list: string, expected: string): void => {
    const folder = newCase();
    writeFileSync(folder.at('list.yaml'), list);
    expect(() => readFitList([folder.at('list.yaml')], undefined, {})).toThrow(expected);
  };

  it('is told in one line, before anything is fitted', async () => {
    refused('fits: []', 'list.yaml: fits must be a list of configurations');
    refused('devcie: cpu\nfits: [a.yaml]', "list.yaml: unknown key 'devcie'; did you mean 'device'?");
    refused('fits: [{ config: a.yaml, draws: none }]', 'list.yaml: fits[0]: draws');
    refused('fits: [{ name: a }]', 'list.yaml: fits[0]: config is missing');
    refused('fits: [{ config: a.yaml, name: ../b }]', 'list.yaml: fits[0]: name must be text');
    refused('fits: [x/a.yaml, y/a.yaml]', "two fits are called 'a'");
    const { code, stdout, stderr } = await workstation([]);
    expect([code, stdout, stderr]).toEqual([2, '', 'workstation: name a list of fits, or configurations\n']);
  });

  it('settings of an entry come before those for all, those of the command before both', () => {
    const folder = newCase();
    writeFileSync(folder.at('list.yaml'), 'seed: 1\ndraws: 10\nfits: [{ config: config.yaml, seed: 2, chains: 3 }]');
    const { out, fits } = readFitList([folder.at('list.yaml')], undefined, { chains: 4 });
    expect(out).toBe(folder.at('runs'));
    expect(fits[0].settings).toEqual({ seed: 2, draws: 10, chains: 4 });
  });
});
