// A run that is killed or finds the disk full loses nothing: resumed, it writes the very store of an unbroken run.

import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InputError } from '../../src/data/inputError.js';
import { writeAllBytes } from '../../src/data/run/atomicFile.js';
import type { WriteBytes } from '../../src/data/run/atomicFile.js';
import { openPosterior } from '../../src/data/run/posteriorReader.js';
import { PosteriorStore } from '../../src/data/run/posteriorStore.js';
import { createRunFolder, readRun } from '../../src/data/run/runFolder.js';
import { RunStorageError } from '../../src/data/run/runStorageError.js';
import { fakeLayout, fakeRun, fileDigests } from './fakeRun.js';

/** Small enough for many runs, large enough that 100 draws make a file of `beta`. */
const SMALL = fakeLayout(45);
const SIZE = 91;
let scratch: string;
let unbroken: string;

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'hierax-resume-'));
  unbroken = join(scratch, 'unbroken');
  await fakeRun(unbroken, SMALL);
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** A disk that is full from write number `from` on (0-based): half of that write's bytes still fit. */
function fullDisk(from: number): { readonly write: WriteBytes; readonly full: () => boolean } {
  let writes = 0;
  const write: WriteBytes = (descriptor, bytes) => {
    if (writes++ < from) return writeAllBytes(descriptor, bytes);
    writeSync(descriptor, bytes, 0, bytes.length >> 1);
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  };
  return { write, full: () => writes > from };
}

describe('a full disk', () => {
  it('at any write is one typed error, and the resumed run equals the unbroken one', async () => {
    const expected = fileDigests(unbroken);
    let failures = 0;
    let fromCheckpoint = 0;
    for (let from = 0; ; from += 41) {
      const dir = join(scratch, `full-${from}`);
      const disk = fullDisk(from);
      const error = await fakeRun(dir, SMALL, { write: disk.write }).then(
        () => undefined,
        (cause: unknown) => cause,
      );
      expect(error !== undefined).toBe(disk.full());
      if (!disk.full()) break;
      failures++;
      expect(error).toBeInstanceOf(RunStorageError);
      expect(error).toMatchObject({ code: 'ENOSPC', path: expect.stringContaining(dir) as string });
      expect((error as Error).message).toMatch(/^cannot write \S+: no space left on the disk \(ENOSPC\).*--resume$/);
      expect(Object.keys(fileDigests(dir)).filter((path) => path.endsWith('.tmp'))).toEqual([]);
      expect(() => readRun(dir)).toThrow(InputError);
      if (existsSync(join(dir, 'checkpoint.json'))) fromCheckpoint++;
      await fakeRun(dir, SMALL, { resume: true });
      expect(fileDigests(dir)).toEqual(expected);
      rmSync(dir, { recursive: true });
    }
    expect(failures).toBeGreaterThan(6);
    expect(fromCheckpoint).toBeGreaterThan(3);
  });

  it('stops the store for good, so that no later draw is written behind a lost one', async () => {
    const dir = join(scratch, 'stopped');
    let broken = false;
    const write: WriteBytes = (descriptor, bytes) => {
      if (broken) throw Object.assign(new Error('EIO: i/o error, write'), { code: 'EIO' });
      writeAllBytes(descriptor, bytes);
    };
    const layout = { ...SMALL, warmup: 0, statistics: [] };
    const store = await PosteriorStore.create(dir, layout, { write });
    for (let draw = 0; draw < 99; draw++) store.append(0, 'sampling', draw, new Float64Array(SIZE).fill(draw));
    broken = true;
    expect(() => store.append(0, 'sampling', 99, new Float64Array(SIZE))).toThrow(/EIO/);
    broken = false;
    expect(() => store.append(0, 'sampling', 99, new Float64Array(SIZE))).toThrow(RunStorageError);
    expect(() => store.flush()).toThrow(RunStorageError);
  });
});

describe('a killed process', () => {
  const products = 3000;
  const child = fileURLToPath(new URL('killedRun.ts', import.meta.url));

  /** Runs until `rounds` are reported, then kill -9. */
  async function runAndKill(dir: string, mode: string, rounds: number): Promise<void> {
    const run = spawn(process.execPath, ['--import', 'tsx', child, dir, String(products), mode]);
    let lines = 0;
    let complaint = '';
    run.stderr.on('data', (text: Buffer) => (complaint += text.toString()));
    run.stdout.on('data', (text: Buffer) => {
      lines += text.toString().split('\n').length - 1;
      if (lines >= rounds) run.kill('SIGKILL');
    });
    const signal = await new Promise((resolve) => run.on('close', (_code, reason) => resolve(reason)));
    expect(signal, complaint).toBe('SIGKILL');
  }

  it('three times in a row, resumed, leaves exactly the store of an unbroken run', async () => {
    const layout = fakeLayout(products);
    const whole = join(scratch, 'whole');
    await fakeRun(whole, layout);
    const dir = join(scratch, 'killed');
    await runAndKill(dir, 'start', 30);
    await runAndKill(dir, 'resume', 60);
    expect(() => readRun(dir)).toThrow(
      `${dir} is an unfinished run; continue it with hierax fit CONFIG --out ${dir} --resume`,
    );
    await runAndKill(dir, 'resume', 100);
    const folder = createRunFolder(dir, { resume: true });
    expect(folder.status).toBe('unfinished');
    expect(folder.loadCheckpoint()!.counts[2].sampling).toBeGreaterThan(0);
    folder.release();
    await fakeRun(dir, layout, { resume: true });
    expect(fileDigests(dir)).toEqual(fileDigests(whole));
    expect(readRun(dir).run).toEqual({ seed: 1, status: 'finished' });
  });
});

describe('resuming', () => {
  async function stopped(name: string): Promise<string> {
    const dir = join(scratch, name);
    await expect(fakeRun(dir, SMALL, { write: fullDisk(250).write })).rejects.toThrow(RunStorageError);
    expect(existsSync(join(dir, 'checkpoint.json'))).toBe(true);
    return dir;
  }

  it('discards draws beyond the checkpoint and reads draws not there yet as NaN', async () => {
    const dir = await stopped('beyond');
    const path = join(dir, 'posterior.zarr');
    const counts = [0, 1, 2].map((chain) => ({ warmup: 110, sampling: [0, 17, 200][chain] }));
    cpSync(join(unbroken, 'posterior.zarr'), path, { recursive: true });
    const store = await PosteriorStore.resume(path, SMALL, counts);
    expect(store.counts).toEqual(counts);
    const expected = await (await openPosterior(join(unbroken, 'posterior.zarr'))).readSite('beta', 5);
    const found = await (await openPosterior(path)).readSite('beta', 5);
    counts.forEach(({ sampling }, chain) => {
      expect(found[chain].subarray(0, sampling)).toEqual(expected[chain].subarray(0, sampling));
      expect(found[chain].subarray(sampling).every(Number.isNaN)).toBe(true);
    });
  });

  it('may ask for more draws than before', async () => {
    const dir = join(scratch, 'more');
    cpSync(unbroken, dir, { recursive: true });
    const path = join(dir, 'posterior.zarr');
    const counts = SMALL.sites.map(() => ({ warmup: 110, sampling: 210 })).concat({ warmup: 110, sampling: 210 });
    const store = await PosteriorStore.resume(path, { ...SMALL, draws: 220 }, counts);
    const stats = { isDivergent: false, energy: 1, logDensity: 1, stepSize: 1, treeDepth: 1, leapfrogSteps: 1 };
    for (let draw = 210; draw < 220; draw++)
      for (const chain of [0, 1, 2])
        store.append(chain, 'sampling', draw, new Float64Array(SIZE).fill(draw), { ...stats, acceptanceRate: 1 });
    const before = await (await openPosterior(join(unbroken, 'posterior.zarr'))).readSite('sigma');
    const after = await openPosterior(path);
    expect(after.draws).toBe(220);
    expect([...(await after.readSite('sigma'))[1]]).toEqual([
      ...before[1],
      210,
      211,
      212,
      213,
      214,
      215,
      216,
      217,
      218,
      219,
    ]);
  });

  it('refuses a store of another model and one that lacks draws', async () => {
    const dir = await stopped('other');
    const path = join(dir, 'posterior.zarr');
    const { counts } = JSON.parse(readFileSync(join(dir, 'checkpoint.json'), 'utf8')) as {
      counts: { warmup: number; sampling: number }[];
    };
    await expect(PosteriorStore.resume(path, fakeLayout(5), counts)).rejects.toThrow(
      /beta.*the run has beta as \[chain, draw, product, coefficient\] of \[3, 110, 45, 2\]; resume with the configuration/,
    );
    const metadata = join(path, 'posterior', 'sigma', 'zarr.json');
    const written = readFileSync(metadata, 'utf8');
    const earlier = JSON.parse(written) as { chunk_grid: { configuration: { chunk_shape: number[] } } };
    earlier.chunk_grid.configuration.chunk_shape = [1, 100];
    writeFileSync(metadata, JSON.stringify(earlier));
    await expect(PosteriorStore.resume(path, SMALL, counts)).rejects.toThrow(
      /sigma.*an earlier version of hierax, which cut draws into other files, began this run: fit again/,
    );
    expect(JSON.parse(readFileSync(metadata, 'utf8'))).toEqual(earlier);
    writeFileSync(metadata, written);
    truncateSync(join(path, 'warmup_posterior', 'beta', 'c', '2', '0', '0', '0'), 100);
    await expect(PosteriorStore.resume(path, SMALL, counts)).rejects.toThrow(
      /has 100 bytes instead of 72000, so this run cannot be continued/,
    );
  });
});
