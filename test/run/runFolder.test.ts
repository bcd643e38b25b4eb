// A run folder: one writer, no run overwritten, nothing read before it is finished, figures and state written without loss.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InputError } from '../../src/data/inputError.js';
import type { WriteBytes } from '../../src/data/run/atomicFile.js';
import { createRunFolder, readRun } from '../../src/data/run/runFolder.js';
import { RunStorageError } from '../../src/data/run/runStorageError.js';
import { decodeSnapshot, encodeSnapshot, readSnapshotFile, snapshotFile } from '../../src/data/run/snapshotCodec.js';
import { formatSummary, parseSummary, toJson } from '../../src/data/run/summaryFiles.js';

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'hierax-folder-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const SUMMARY = [
  {
    name: 'sigma',
    mean: 1.25,
    sd: 0.1,
    mcseMean: 0.01,
    q5: 1,
    q50: 1.2,
    q95: 1.4,
    essBulk: 400,
    essTail: 300,
    rhat: 1,
  },
  {
    name: 'beta["a,b"]',
    mean: 1 / 3,
    sd: 0,
    mcseMean: NaN,
    q5: 1,
    q50: 1,
    q95: 1,
    essBulk: NaN,
    essTail: NaN,
    rhat: NaN,
  },
];

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (cause) {
    expect(cause).toBeInstanceOf(InputError);
    expect((cause as Error).message).not.toContain('\n');
    return (cause as Error).message;
  }
  throw new Error('nothing was refused');
}

describe('the states of a run', () => {
  it('new, unfinished, finished: each is refused or taken up as it should be', () => {
    const dir = join(scratch, 'states', 'run');
    expect(messageOf(() => readRun(dir))).toBe(`${dir} holds no run: give the folder that hierax fit wrote with --out`);
    const folder = createRunFolder(dir);
    expect(folder.status).toBe('new');
    folder.writeRun({ seed: 7, fingerprint: undefined });
    folder.writeDiagnostics({ ebfmi: [0.9, NaN], seconds: { total: Infinity } });
    expect(() => folder.finish()).toThrow(/without its summary.json/);
    folder.writeSummary(SUMMARY);
    folder.release();
    expect(messageOf(() => readRun(dir))).toBe(
      `${dir} is an unfinished run; continue it with hierax fit CONFIG --out ${dir} --resume`,
    );
    expect(messageOf(() => createRunFolder(dir))).toBe(
      `${dir} already holds an unfinished run: continue it with --resume, or choose another --out`,
    );
    const resumed = createRunFolder(dir, { resume: true });
    expect(resumed.status).toBe('unfinished');
    expect(resumed.run).toEqual({ seed: 7, fingerprint: null, status: 'unfinished' });
    expect(resumed.loadCheckpoint()).toBeUndefined();
    resumed.finish();
    resumed.release();
    const run = readRun(dir);
    expect(run.run).toEqual({ seed: 7, fingerprint: null, status: 'finished' });
    expect(run.diagnostics).toEqual({ ebfmi: [0.9, null], seconds: { total: null } });
    expect(run.summary).toEqual(SUMMARY);
    for (const resume of [false, true])
      expect(messageOf(() => createRunFolder(dir, { resume }))).toBe(
        `${dir} already holds a finished run: see its report, or choose another --out`,
      );
    expect(existsSync(join(dir, '.lock'))).toBe(false);
  });

  it('a folder with other files is no run; draws without run.json are an unfinished one', () => {
    const dir = mkdtempSync(join(scratch, 'other-'));
    writeFileSync(join(dir, 'config.yaml'), 'model: {}');
    createRunFolder(dir).release();
    writeFileSync(join(dir, 'posterior.zarr'), '');
    expect(messageOf(() => createRunFolder(dir))).toMatch(/unfinished run/);
    expect(messageOf(() => readRun(dir))).toMatch(/unfinished run/);
    writeFileSync(join(dir, 'run.json'), '{"status": "fin');
    expect(messageOf(() => readRun(dir))).toMatch(/run.json is damaged/);
  });

  it('refuses a place that cannot be written', () => {
    const file = join(scratch, 'a file');
    writeFileSync(file, '');
    expect(messageOf(() => createRunFolder(join(file, 'run')))).toBe(
      `cannot write to ${join(file, 'run')} (ENOTDIR): give --out a folder that you may write to`,
    );
    expect(messageOf(() => createRunFolder(file))).toMatch(/EEXIST/);
  });

  it('keeps the last state when the disk is full', () => {
    const dir = join(scratch, 'full');
    let full = false;
    const write: WriteBytes = (descriptor, bytes) => {
      if (full) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
      writeFileSync(descriptor, bytes);
    };
    const folder = createRunFolder(dir, { write });
    folder.writeRun({ seed: 1 });
    full = true;
    expect(() => folder.writeRun({ seed: 2 })).toThrow(RunStorageError);
    folder.release();
    expect(JSON.parse(readFileSync(join(dir, 'run.json'), 'utf8'))).toEqual({ seed: 1, status: 'unfinished' });
  });
});

describe('the lock', () => {
  it('keeps out a second writer while the first lives, and names it', () => {
    const dir = join(scratch, 'locked');
    const folder = createRunFolder(dir);
    expect(messageOf(() => createRunFolder(dir, { resume: true }))).toBe(
      `${dir} is being written by process ${process.pid}: wait for it, or choose another --out`,
    );
    folder.release();
    createRunFolder(dir).release();
  });

  it('is taken over from a process that has ended, never wrote it to the end, or had the same number', async () => {
    const dir = mkdtempSync(join(scratch, 'stale-'));
    const ended = spawn(process.execPath, ['--eval', '0']);
    await new Promise((resolve) => ended.on('close', resolve));
    const lock = join(dir, '.lock');
    writeFileSync(lock, JSON.stringify({ pid: ended.pid, host: hostname(), started: '1' }));
    createRunFolder(dir).release();
    writeFileSync(lock, '{"pid": 1');
    createRunFolder(dir).release();
    writeFileSync(lock, JSON.stringify({ pid: process.pid, host: hostname(), started: 'another time' }));
    createRunFolder(dir).release();
    expect(existsSync(lock)).toBe(false);
  });

  it('of another machine is not judged from here', () => {
    const dir = mkdtempSync(join(scratch, 'remote-'));
    const lock = join(dir, '.lock');
    writeFileSync(lock, JSON.stringify({ pid: 12, host: 'elsewhere', started: null }));
    expect(messageOf(() => createRunFolder(dir))).toBe(
      `${dir} is being written by process 12 on elsewhere: choose another --out, or delete ${lock} if that process has ended`,
    );
  });
});

describe('the JSON files', () => {
  it('summary.json has one entry per scalar in order, undefined figures as null', () => {
    const text = formatSummary(SUMMARY);
    const { parameters } = JSON.parse(text) as { parameters: Record<string, unknown>[] };
    expect(Object.keys(parameters[0])).toEqual([
      'name',
      'mean',
      'sd',
      'mcseMean',
      'q5',
      'q50',
      'q95',
      'essBulk',
      'essTail',
      'rhat',
    ]);
    expect(parameters[1]).toMatchObject({ name: 'beta["a,b"]', mean: 1 / 3, sd: 0, mcseMean: null, rhat: null });
    expect(parseSummary(JSON.parse(text) as Record<string, unknown>)).toEqual(SUMMARY);
    expect(JSON.parse(formatSummary([]))).toEqual({ parameters: [] });
    expect(toJson({ a: Float64Array.of(1, NaN), b: undefined })).toBe('{"a":[1,null],"b":null}');
  });

  it('a snapshot comes back bit for bit', () => {
    const snapshot = {
      chains: [{ position: Float64Array.of(0.1, -0, NaN, Infinity, 5e-324), key: Uint32Array.of(1, 2 ** 32 - 1) }],
      part: new Float64Array([1, 2, 3]).subarray(1, 2),
      numbers: [0.1 + 0.2, -0, NaN, -Infinity],
      counter: 2n ** 70n,
      name: 'Zürich',
      none: null,
      nested: { list: [[true], []] },
    };
    expect(decodeSnapshot(JSON.parse(JSON.stringify(encodeSnapshot(snapshot))))).toEqual({
      ...snapshot,
      part: Float64Array.of(2),
    });
    const long = Float64Array.from({ length: 200_000 }, (_, i) => Math.sqrt(i));
    const pieces = snapshotFile({ counts: [1] }, { ...snapshot, long, bytes: new Uint8Array(2 ** 21).fill(10) });
    expect(pieces.map(({ length }) => length).slice(1)).toEqual([1_600_000, 2 ** 21]);
    const file = Buffer.concat(pieces);
    expect(readSnapshotFile(file)).toEqual({
      counts: [1],
      snapshot: { ...snapshot, part: Float64Array.of(2), long, bytes: new Uint8Array(2 ** 21).fill(10) },
    });
    expect(() => readSnapshotFile(file.subarray(0, -1))).toThrow(/missing/);
    expect(() => encodeSnapshot({ map: new Map() })).toThrow(/cannot hold a Map/);
    expect(() => encodeSnapshot({ f: () => 1 })).toThrow(/function/);
    expect(() => encodeSnapshot({ big: new BigInt64Array(1) })).toThrow(/BigInt64Array/);
  });
});
