// The methods from the command line: auto and its reason, approximations with their verdicts, and what a device or model refuses.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hierax, hieraxProcess } from './hierax.js';
import { salesFolders, threeLevelConfig } from './salesFolder.js';

const newCase = salesFolders();
const plain = threeLevelConfig.replace(/^(?:method|warmup|draws):.*\n/gm, '');

interface Diagnostics {
  readonly method: string;
  readonly chains: number;
  readonly warmup: number;
  readonly draws: number;
  readonly divergences: number | null;
  readonly checks: readonly { readonly name: string; readonly status: string }[];
}

const diagnosticsOf = (out: string): Diagnostics =>
  JSON.parse(readFileSync(join(out, 'diagnostics.json'), 'utf8')) as Diagnostics;

describe('method auto', () => {
  it('takes marginal NUTS where coefficients can be integrated out, with its own lengths, and says why', async () => {
    const { config, out } = newCase(plain);
    const { code, stderr } = await hierax('fit', config);
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/three-level by marginal NUTS \(auto: the coefficients are normal .*\) on cpu/);
    expect(diagnosticsOf(out)).toMatchObject({ method: 'marginal', chains: 4, warmup: 100, draws: 1000 });
  });

  it('on a device that marginal NUTS does not run on takes NUTS, and says why', async () => {
    const { config, out } = newCase(`${plain}draws: 3\nwarmup: 4\nchains: 2\n`);
    const { code, stderr } = await hierax('fit', config, '--device', 'eager:cpu');
    expect(code, stderr).toBe(0);
    expect(stderr).toContain(
      'by NUTS (auto: the density is differentiable; not marginal NUTS: runs on cpu, not on eager:cpu)',
    );
    expect(diagnosticsOf(out).method).toBe('nuts');
  });

  it('stays what it was when a run is continued on another device', async () => {
    const { config, out } = newCase(`${plain}draws: 400\nwarmup: 4\nchains: 2\n`);
    let isStopped = false;
    const { code, stderr } = await hieraxProcess(['fit', config, '--device', 'eager:cpu'], {
      onStderr: (text, child) => {
        if (isStopped || !/warm-up [1-9]/.test(text)) return;
        isStopped = true;
        child.kill('SIGINT');
      },
    });
    expect(code, stderr).toBe(130);
    const resumed = await hierax('fit', config, '--device', 'cpu', '--resume');
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(diagnosticsOf(out).method).toBe('nuts');
  });
});

describe('starts', () => {
  // The joint density of the hierarchy has no mode.
  const regression =
    'data: { file: sales.csv }\nmodel: { name: regression, response: log_sales, x: [price] }\nseed: 3\n';

  it.each([
    ['prior', plain],
    ['pathfinder', plain],
    ['map', regression],
  ])('at %s give a run that a second one repeats', async (initialisation, config) => {
    const method = `method: { name: nuts, initialisation: ${initialisation}, paths: 2 }\n`;
    const files = newCase(`${config}${method}draws: 20\nwarmup: 30\nchains: 2\n`);
    const first = await hierax('fit', files.config);
    expect(first.code, first.stderr).toBe(0);
    const summary = readFileSync(join(files.out, 'summary.json'), 'utf8');
    const again = join(files.out, 'again');
    const second = await hierax('fit', files.config, '--threads', '1', '--out', again);
    expect(second.code, second.stderr).toBe(0);
    expect(readFileSync(join(again, 'summary.json'), 'utf8')).toBe(summary);
  });

  it.each([
    [
      'another method',
      plain,
      '{ name: marginal, initialisation: map }',
      'map is for nuts, hmc and chees, and marginal NUTS has starts of its own; leave it out, or name one of these methods',
    ],
    [
      'a flat prior',
      plain.replace(/^model:\n/m, 'model:\n  priors: { delta: flat() }\n'),
      '{ name: nuts, initialisation: prior }',
      'the prior flat is improper: nothing can be drawn from it; give every parameter a proper prior',
    ],
  ])('are refused with %s', async (_, config, method, expected) => {
    const { code, stderr } = await hierax('fit', newCase(`${config}method: ${method}\n`).config);
    expect(stderr).toMatch(/^hierax: config\.yaml:\d+: method\.initialisation: [^\n]+\n$/);
    expect(stderr).toContain(expected);
    expect(code).toBe(2);
  });
});

describe('an approximation', () => {
  it.each([
    ['advi', 'ADVI'],
    ['pathfinder', 'Pathfinder'],
  ])('%s gives independent draws, a verdict and a page', async (name, title) => {
    const { config, out } = newCase(plain);
    const { code, stderr } = await hierax('fit', config, '--method', name, '--device', 'cpu', '--draws', 250);
    expect(code, stderr).toBe(0);
    const diagnostics = diagnosticsOf(out);
    expect(diagnostics).toMatchObject({ method: name, chains: 4, warmup: 0, draws: 250, divergences: null });
    const names = diagnostics.checks.map((check) => check.name);
    expect(names).toContain('approximation');
    expect(names).not.toContain('rhat');
    const page = readFileSync(join(out, 'report.html'), 'utf8');
    expect(page).toContain(`fitted by ${title} with 1,000 independent draws`);
    expect(page).not.toContain('Traces and ranks');
  });

  it('takes its settings from the configuration', async () => {
    const { config } = newCase(`${plain}method: {name: advi, family: full-rank, draws: 100}\n`);
    expect((await hierax('fit', config, '--device', 'cpu')).code).toBe(0);
    const cut = newCase(`${plain}method: {name: advi, maxIterations: 1, draws: 100}\n`);
    const { code, stderr } = await hierax('fit', cut.config, '--device', 'cpu', '--strict');
    expect(stderr).toMatch(/^fail: optimisation: not converged after 1 iterations/m);
    expect(code).toBe(3);
  });
});

it('a method that does not suit is refused in one line', async () => {
  const { config } = newCase(plain);
  const onEager = await hierax('fit', config, '--method', 'marginal', '--device', 'eager:cpu');
  expect(onEager.stderr).toBe('hierax: method marginal: runs on cpu, not on eager:cpu\n');
  expect(onEager.code).toBe(2);
  const heavy = newCase(plain.replace('  response:', '  priors: {delta: "studentT(3, 0, 1)"}\n  response:'));
  const { code, stderr } = await hierax('fit', heavy.config, '--method', 'marginal');
  expect(stderr).toMatch(/^hierax: method marginal: [^\n]+\n$/);
  expect(code).toBe(2);
});
