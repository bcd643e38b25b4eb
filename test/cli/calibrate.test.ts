// hierax calibrate: from the command to the page, interrupted and continued, and wrong input.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hierax, hieraxProcess } from './hierax.js';
import { salesFolders, threeLevelConfig } from './salesFolder.js';

const newCase = salesFolders();
const short = ['--device', 'cpu', '--threads', 1, '--chains', 2, '--warmup', 60, '--draws', 60] as const;

interface Record {
  readonly simulations: number;
  readonly scalars: readonly { readonly name: string; readonly ranks: readonly number[] }[];
  readonly classes: readonly { readonly site: string; readonly coverage90: number }[];
}

const recordOf = (out: string): Record => JSON.parse(readFileSync(join(out, 'calibration.json'), 'utf8')) as Record;

describe('hierax calibrate', () => {
  it('simulates, fits, ranks, and writes figures and page; more simulations are added to those there are', async () => {
    const { config, at } = newCase(threeLevelConfig);
    const out = at('calibration');
    const first = await hierax('calibrate', config, ...short, '--simulations', 3);
    expect(first.code, first.stderr).toBe(0);
    expect(first.stderr).toMatch(/^simulation 3\/3, about 0 s left$/m);
    expect(first.stderr).toContain('Fewer than 50 simulations show only gross faults');
    const before = recordOf(out);
    expect(before.simulations).toBe(3);
    for (const { ranks } of before.scalars) {
      expect(ranks.length).toBe(3);
      for (const rank of ranks) expect(rank >= 0 && rank <= 99).toBe(true);
    }
    expect(before.classes.map(({ site }) => site)).toContain('sigma');
    const page = readFileSync(join(out, 'calibration.html'), 'utf8');
    expect(page).toContain('3 data sets simulated from the prior of the three-level model and fitted by');
    expect(page.match(/role="img"/g)!.length).toBe(before.scalars.length);

    const more = await hierax('calibrate', config, ...short, '--simulations', 5, '--resume');
    expect(more.code, more.stderr).toBe(0);
    expect(more.stderr).not.toContain('simulation 3/5');
    const after = recordOf(out);
    expect(after.simulations).toBe(5);
    for (const [i, { ranks }] of after.scalars.entries()) expect(ranks.slice(0, 3)).toEqual(before.scalars[i].ranks);
  });

  it('goes on after Ctrl-C', async () => {
    const { config, at } = newCase(threeLevelConfig);
    const words = ['calibrate', config, ...short, '--simulations', 4, '--out', at('broken')];
    let isStopped = false;
    const stopped = await hieraxProcess(words, {
      onStderr: (text, child) => {
        if (isStopped || !text.includes('simulation 2/4')) return;
        isStopped = true;
        child.kill('SIGINT');
      },
    });
    expect(stopped.code, stopped.stderr).toBe(130);
    expect(stopped.stderr).toContain('--resume');
    expect(existsSync(join(at('broken'), 'calibration.json'))).toBe(false);
    expect((await hierax(...words, '--resume')).code).toBe(0);
    expect((await hierax(...words.slice(0, -1), at('whole'))).code).toBe(0);
    expect(recordOf(at('broken')).scalars).toEqual(recordOf(at('whole')).scalars);
  });

  it('refuses what cannot be', async () => {
    const { config, at } = newCase(threeLevelConfig);
    const fails = async (words: readonly (string | number)[], why: RegExp): Promise<void> => {
      const { code, stderr } = await hierax('calibrate', config, ...words);
      expect(stderr.trim().split('\n').at(-1)).toMatch(why);
      expect(code).toBe(2);
    };
    await fails(['--simulations', 'many'], /--simulations must be a whole number of at least 2, not many/);
    await fails(['--chains', 1, '--draws', 50], /1 chains × 50 draws are fewer than the 99 that are ranked/);
    expect((await hierax('calibrate', config, ...short, '--simulations', 2, '--out', at('there'))).code).toBe(0);
    await fails([...short, '--out', at('there')], /holds a calibration already: continue it with --resume/);
    await fails([...short, '--seed', 9, '--resume', '--out', at('there')], /begun with another seed/);
    const flat = newCase(threeLevelConfig.replace('  response:', '  priors: {sigma: flat}\n  response:'));
    const { code, stderr } = await hierax('calibrate', flat.config, ...short);
    expect(stderr).toMatch(/calibrate: the prior flat is improper.*give every parameter a proper prior/);
    expect(code).toBe(2);
  });
});
