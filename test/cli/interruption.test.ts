// A fit that is interrupted, killed or finds no room on the disk loses nothing: resumed, it writes what an unbroken run writes.
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { hierax, hieraxProcess, type Outcome } from './hierax.js';
import { lastLine, results } from './runFiles.js';
import { longConfig, salesConfig, salesFolders, salesRows, threeLevelConfig, toCsv } from './salesFolder.js';

const newCase = salesFolders();
const long = newCase(longConfig);

/** Sends a signal `delay` ms after the sampler was announced. */
function stopAfter(delay: number, signal: NodeJS.Signals) {
  let isSet = false;
  return (text: string, child: { kill: (signal: NodeJS.Signals) => boolean }): void => {
    if (isSet || !text.includes('three-level by NUTS')) return;
    isSet = true;
    setTimeout(() => child.kill(signal), delay);
  };
}

let unbroken: Outcome;

beforeAll(async () => {
  unbroken = await hierax('fit', long.config, '--out', long.at('unbroken'));
  expect(unbroken.code, unbroken.stderr).toBe(0);
});

interface Diagnostics {
  readonly divergences: number;
  readonly gradientEvaluations: number;
  readonly checks: readonly { readonly name: string; readonly detail: string }[];
}

const diagnosticsOf = (out: string): Diagnostics =>
  JSON.parse(readFileSync(join(out, 'diagnostics.json'), 'utf8')) as Diagnostics;

it('a thinned run counts the divergences of every transition, those not stored included', () => {
  // A chain that ends long before the other is told of more than once.
  const perChain = [...unbroken.stderr.matchAll(/draws 20000\/20000, (\d+) divergences/g)]
    .map(([, count]) => Number(count))
    .slice(-2);
  expect(perChain).toHaveLength(2);
  const { divergences, checks } = diagnosticsOf(long.at('unbroken'));
  expect(divergences).toBe(perChain[0] + perChain[1]);
  expect(divergences).toBeGreaterThan(0);
  expect(checks.find(({ name }) => name === 'divergences')!.detail).toContain(`${divergences} of 40000 draws diverged`);
});

describe('Ctrl-C, then a kill', () => {
  it('saves, says how to go on, and the resumed run is the unbroken one', async () => {
    const out = long.at('broken');
    const interrupted = await hieraxProcess(['fit', long.config, '--out', out, '--threads', 1, '--seed', 3], {
      onStderr: stopAfter(400, 'SIGINT'),
    });
    expect(interrupted.code, interrupted.stderr).toBe(130);
    expect(interrupted.stdout).toBe('');
    expect(lastLine(interrupted.stderr)).toBe(
      `interrupted; saved in ${out}: continue with hierax fit ${long.config} --seed 3 --threads 1 --out ${out} --resume`,
    );
    expect(existsSync(join(out, 'summary.json'))).toBe(false);
    const saved = readFileSync(join(out, 'checkpoint.json'), 'utf8');

    expect(await hierax('report', out)).toMatchObject({ code: 2, stdout: '' });
    const again = await hierax('fit', long.config, '--out', out);
    expect(again.stderr).toBe(
      `hierax: ${out} already holds an unfinished run: continue it with --resume, or choose another --out\n`,
    );
    expect(again.code).toBe(2);

    const killed = await hieraxProcess(['fit', long.config, '--out', out, '--resume'], {
      onStderr: stopAfter(200, 'SIGKILL'),
    });
    expect(killed.signal, killed.stderr).toBe('SIGKILL');
    expect(readFileSync(join(out, 'checkpoint.json'), 'utf8')).toBe(saved);

    const resumed = await hierax('fit', long.config, '--out', out, '--resume');
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(results(out)).toEqual(results(long.at('unbroken')));
    const [{ divergences, gradientEvaluations }, expected] = [diagnosticsOf(out), diagnosticsOf(long.at('unbroken'))];
    expect({ divergences, gradientEvaluations }).toEqual({
      divergences: expected.divergences,
      gradientEvaluations: expected.gradientEvaluations,
    });
    const finished = await hierax('fit', long.config, '--out', out, '--resume');
    expect(finished).toEqual({
      code: 2,
      stdout: '',
      stderr: `hierax: ${out} already holds a finished run: see its report, or choose another --out\n`,
    });
  });

  it('while it looks for starts, there is nothing to save, and the run starts again', async () => {
    const method = 'method: { name: nuts, chains: 2, initialisation: pathfinder, paths: 24 }';
    const { config, at } = newCase(threeLevelConfig.replace(/^method:.*$/m, method));
    const stopped = await hieraxProcess(['fit', config, '--out', at('starts')], { onStderr: stopAfter(100, 'SIGINT') });
    expect(stopped.code, stopped.stderr).toBe(130);
    expect(lastLine(stopped.stderr)).toBe(
      `interrupted before there was anything to save: hierax fit ${config} --out ${at('starts')} --resume starts the run again`,
    );
    const resumed = await hierax('fit', config, '--out', at('starts'), '--resume');
    expect(resumed.code, resumed.stderr).toBe(0);
    const unstopped = await hierax('fit', config, '--out', at('unstopped'));
    expect(unstopped.code, unstopped.stderr).toBe(0);
    expect(results(at('starts'))).toEqual(results(at('unstopped')));
  });

  it('before there is a checkpoint, the run starts again', async () => {
    const out = long.at('early');
    const killed = await hieraxProcess(['fit', long.config, '--out', out], { onStderr: stopAfter(0, 'SIGKILL') });
    expect(killed.signal).toBe('SIGKILL');
    expect((await hierax('report', out)).code).toBe(2);
    const resumed = await hierax('fit', long.config, '--out', out, '--resume');
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(results(out)).toEqual(results(long.at('unbroken')));
  });
});

describe('resuming with something else than before', () => {
  it('is refused, and leaves the run as it was', async () => {
    const begun = newCase(longConfig);
    const words = ['fit', begun.config, '--out', begun.out];
    const { code } = await hieraxProcess(words, { onStderr: stopAfter(100, 'SIGINT') });
    expect(code).toBe(130);
    const saved = readFileSync(join(begun.out, 'checkpoint.json'), 'utf8');
    const refused = async (expected: string, ...more: (string | number)[]): Promise<void> => {
      const { code, stderr } = await hierax(...words, '--resume', ...more);
      const line = `hierax: ${begun.out}: this run was begun with ${expected}, or choose another --out\n`;
      expect([code, stderr]).toEqual([2, line]);
      expect(readFileSync(join(begun.out, 'checkpoint.json'), 'utf8')).toBe(saved);
    };
    await refused('seed 3, not 4; restore it', '--seed', 4);
    await refused('draws 500, not 600; restore it', '--draws', 600);
    await refused('chains 2, not 3; restore it', '--chains', 3);
    await refused('another method than now; restore it', '--method', 'hmc');

    const prior = 'x: [price]\n  priors: { sigma: halfNormal(3) }';
    writeFileSync(begun.config, longConfig.replace('x: [price]', prior));
    await refused('another model than now; restore it');
    writeFileSync(begun.config, longConfig);
    writeFileSync(begun.at('sales.csv'), toCsv(salesRows().slice(1)));
    await refused('other data than now; restore them');
  });
});

describe('a disk without room', () => {
  it('while draws are saved: exit 1, one line, and the resumed run is the unbroken one', async () => {
    const out = long.at('full');
    const full = await hieraxProcess(['fit', long.config, '--out', out], {
      fileSizeLimit: Math.ceil(statSync(join(long.at('unbroken'), 'posterior.zarr', 'zarr.json')).size / 1024) * 1024,
    });
    expect(full.code, full.stderr).toBe(1);
    expect(lastLine(full.stderr)).toMatch(
      /^hierax: cannot write \S+\/full\/\S+: EFBIG: [^;]+; what was saved before is intact, free the place and continue with --resume$/,
    );
    expect((await hierax('report', out)).code).toBe(2);
    const resumed = await hierax('fit', long.config, '--out', out, '--resume');
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(results(out)).toEqual(results(long.at('unbroken')));
  });

  it('for the files after sampling, and for the page of a finished run', async () => {
    const { config, out } = newCase(salesConfig);
    const reference = newCase(salesConfig);
    await hierax('fit', reference.config);
    /** Whole KiB in which a file of the run does not fit. */
    const justBelow = (name: string): number => (Math.ceil(statSync(join(reference.out, name)).size / 1024) - 1) * 1024;
    const full = await hieraxProcess(['fit', config], { fileSizeLimit: justBelow('report.json') });
    expect(full.code, full.stderr).toBe(1);
    expect(lastLine(full.stderr)).toMatch(/^hierax: cannot write \S+report\.json: EFBIG.*continue with --resume$/);
    expect((await hierax('report', out)).code).toBe(2);

    const noPage = await hieraxProcess(['fit', config, '--resume'], { fileSizeLimit: justBelow('report.html') });
    expect(noPage.code, noPage.stderr).toBe(1);
    expect(lastLine(noPage.stderr)).toMatch(
      /^hierax: cannot write \S+report\.html: EFBIG[^;]*; the run is finished: free the place and write its page with hierax report /,
    );
    expect(results(out)).toEqual(results(reference.out));
    expect(await hierax('report', out)).toEqual({ code: 0, stderr: '', stdout: `${join(out, 'report.html')}\n` });
  });
});
