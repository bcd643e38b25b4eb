// A run's folder while it is written: who may write there, its JSON files, checkpoints, and the mark that it is finished.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { InputError } from '../inputError.js';
import { replaceFile } from './atomicFile.js';
import type { WriteBytes } from './atomicFile.js';
import type { DrawCounts, PosteriorStore } from './posteriorStore.js';
import { lockRunFolder } from './runLock.js';
import { errorCode, toStorageError } from './runStorageError.js';
import { readSnapshotFile, snapshotFile } from './snapshotCodec.js';
import { formatSummary, parseSummary, toJson } from './summaryFiles.js';
import type { ScalarSummary } from './summaryFiles.js';

/** Names of what a run consists of; any of them marks a folder as one that holds a run. */
const RUN_FILES = {
  run: 'run.json',
  diagnostics: 'diagnostics.json',
  summary: 'summary.json',
  checkpoint: 'checkpoint.json',
  posterior: 'posterior.zarr',
  dataReport: 'data_report.json',
  imputation: 'imputation.json',
} as const;

export type RunStatus = 'new' | 'unfinished' | 'finished';

/** `run.json`, `diagnostics.json`: plain records; undefined and non-finite figures are written as null. */
export type JsonRecord = Readonly<Record<string, unknown>>;

/** A saved state of the sampler with the draws that were on disk then. */
export interface Checkpoint {
  readonly counts: readonly DrawCounts[];
  readonly snapshot: unknown;
}

export interface RunFolderOptions {
  /** Go on with the run that the folder holds; starts one where there is none. */
  readonly resume?: boolean;
  /** Exchanged in tests for one that fails. */
  readonly write?: WriteBytes;
}

/** A run folder locked by this process. Every file is replaced as a whole; `run.json` says finished last. */
export class RunFolder {
  readonly posteriorPath: string;
  /** Checkpoints that were saved through this object. */
  savedCheckpoints = 0;
  private record: JsonRecord | undefined;

  constructor(
    readonly dir: string,
    /** As found: `new`, or what there is to resume. A finished run has nothing left to do. */
    readonly status: RunStatus,
    /** Gives the lock back; call it whatever happened. */
    readonly release: () => void,
    private readonly write?: WriteBytes,
    /** The outermost folder that was made for this run. */
    private readonly made?: string,
  ) {
    this.posteriorPath = join(dir, RUN_FILES.posterior);
    if (status !== 'new') this.record = readJsonIfThere(join(dir, RUN_FILES.run));
  }

  /** `run.json` as found or written last, its `status` included. */
  get run(): JsonRecord | undefined {
    return this.record;
  }

  /** @throws RunStorageError, as all that writes here */
  writeRun(record: JsonRecord): void {
    this.record = { ...record, status: 'unfinished' };
    this.replace(RUN_FILES.run, toJson(this.record, 2));
  }

  writeDiagnostics(diagnostics: JsonRecord): void {
    this.replace(RUN_FILES.diagnostics, toJson(diagnostics, 2));
  }

  writeDataReport(report: object): void {
    this.replace(RUN_FILES.dataReport, toJson(report, 2));
  }

  /** @param more records beside the parameters, by name */
  writeSummary(parameters: Iterable<ScalarSummary>, more: JsonRecord = {}): void {
    this.replace(RUN_FILES.summary, formatSummary(parameters, more));
  }

  /**
   * Puts the store's draws on disk, then the state that goes with exactly these draws.
   * @param snapshot plain records with typed arrays; comes back bit for bit (see `encodeSnapshot`)
   */
  saveCheckpoint(store: PosteriorStore, snapshot: unknown): void {
    store.flush();
    const pieces = snapshotFile({ counts: store.counts }, snapshot);
    replaceFile(join(this.dir, RUN_FILES.checkpoint), pieces, { write: this.write, sync: true });
    this.savedCheckpoints++;
  }

  get hasCheckpoint(): boolean {
    return existsSync(join(this.dir, RUN_FILES.checkpoint));
  }

  /** Takes back a run that was begun here and cannot be carried out, with the folders made for it; keeps one that was there before. */
  discardNew(): void {
    if (this.status !== 'new') return;
    for (const name of Object.values(RUN_FILES)) rmSync(join(this.dir, name), { recursive: true, force: true });
    this.release();
    if (this.made === undefined) return;
    const outermost = resolve(this.made);
    for (let folder = resolve(this.dir); folder.length >= outermost.length; folder = dirname(folder)) {
      if (readdirSync(folder).length > 0) return;
      rmdirSync(folder);
    }
  }

  /** The last checkpoint, or undefined when there is none (then the run starts from its beginning). */
  loadCheckpoint(): Checkpoint | undefined {
    const path = join(this.dir, RUN_FILES.checkpoint);
    if (!existsSync(path)) return undefined;
    const found = parsed(path, () => readSnapshotFile(readBytes(path)));
    return { counts: found['counts'] as DrawCounts[], snapshot: found['snapshot'] };
  }

  /** Marks the run as finished; everything else must be in place. The checkpoint has served its purpose and goes. */
  finish(): void {
    for (const name of [RUN_FILES.run, RUN_FILES.diagnostics, RUN_FILES.summary])
      if (!existsSync(join(this.dir, name))) throw new Error(`a run cannot be finished without its ${name}`);
    this.record = { ...this.record, status: 'finished' };
    this.replace(RUN_FILES.run, toJson(this.record, 2));
    rmSync(join(this.dir, RUN_FILES.checkpoint), { force: true });
  }

  private replace(name: string, text: string): void {
    replaceFile(join(this.dir, name), Buffer.from(text), { write: this.write, sync: true });
  }
}

/**
 * Makes or takes up the folder of a run and locks it.
 * @throws InputError when it holds a finished run, or another and `resume` is not asked for, cannot be written, or is in use
 * @throws RunStorageError when the disk is full
 */
export function createRunFolder(dir: string, options: RunFolderOptions = {}): RunFolder {
  const { release, made } = openFolder(dir);
  try {
    refuseFinished(dir);
    const status = statusOf(dir);
    if (status === 'unfinished' && !options.resume) {
      throw new InputError(
        `${dir} already holds an unfinished run: continue it with --resume, or choose another --out`,
        { file: dir },
      );
    }
    return new RunFolder(dir, status, release, options.write, made);
  } catch (cause) {
    release();
    throw cause;
  }
}

/** @throws InputError when a folder holds a finished run */
export function refuseFinished(dir: string): void {
  if (statusOf(dir) !== 'finished') return;
  throw new InputError(`${dir} already holds a finished run: see its report, or choose another --out`, { file: dir });
}

/** `run.json` of whatever run a folder holds, finished or not; undefined where there is none. */
export function recordedRun(dir: string): JsonRecord | undefined {
  return readJsonIfThere(join(dir, RUN_FILES.run));
}

/** A finished run as other commands read it; the draws are at `posteriorPath`. */
export interface FinishedRun {
  readonly dir: string;
  readonly posteriorPath: string;
  readonly run: JsonRecord;
  readonly diagnostics: JsonRecord;
  readonly summary: readonly ScalarSummary[];
}

/** @throws InputError when `dir` holds no run, or one that is not finished or is damaged */
export function readRun(dir: string): FinishedRun {
  const status = statusOf(dir);
  if (status === 'new')
    throw new InputError(`${dir} holds no run: give the folder that hierax fit wrote with --out`, { file: dir });
  if (status === 'unfinished')
    throw new InputError(`${dir} is an unfinished run; continue it with hierax fit CONFIG --out ${dir} --resume`, {
      file: dir,
    });
  return {
    dir,
    posteriorPath: join(dir, RUN_FILES.posterior),
    run: readJson(join(dir, RUN_FILES.run)),
    diagnostics: readJson(join(dir, RUN_FILES.diagnostics)),
    summary: parseSummary(readJson(join(dir, RUN_FILES.summary))),
  };
}

function openFolder(dir: string): { readonly release: () => void; readonly made: string | undefined } {
  try {
    const made = mkdirSync(dir, { recursive: true });
    return { release: lockRunFolder(dir), made };
  } catch (cause) {
    const code = errorCode(cause);
    if (cause instanceof InputError || code === undefined) throw cause;
    if (['ENOSPC', 'EDQUOT', 'EIO'].includes(code)) throw toStorageError(dir, cause);
    throw new InputError(`cannot write to ${dir} (${code}): give --out a folder that you may write to`, { file: dir });
  }
}

function statusOf(dir: string): RunStatus {
  if (!Object.values(RUN_FILES).some((name) => existsSync(join(dir, name)))) return 'new';
  const run = readJsonIfThere(join(dir, RUN_FILES.run));
  return run?.['status'] === 'finished' ? 'finished' : 'unfinished';
}

function readJsonIfThere(path: string): JsonRecord | undefined {
  return existsSync(path) ? readJson(path) : undefined;
}

function readJson(path: string): JsonRecord {
  const bytes = readBytes(path);
  return parsed(path, () => JSON.parse(bytes.toString('utf8')) as JsonRecord);
}

function parsed(path: string, parse: () => JsonRecord): JsonRecord {
  try {
    return parse();
  } catch {
    throw new InputError(`${path} is damaged (no valid JSON): fit again into a new --out folder`, { file: path });
  }
}

function readBytes(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new InputError(`${path} cannot be read (${errorCode(cause) ?? 'unknown reason'}): fit again`, { file: path });
  }
}
