// One process at a time writes in a run folder: a lock file that names it, taken over when that process is gone.

import { existsSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { InputError } from '../inputError.js';
import { errorCode } from './runStorageError.js';

/** Name of the lock file in a run folder. */
const LOCK_FILE = '.lock';

/** Who writes. `started` tells two processes with the same number apart (Linux: clock ticks since boot; elsewhere null). */
interface LockOwner {
  readonly pid: number;
  readonly host: string;
  readonly started: string | null;
}

/**
 * Takes the folder's lock for this process.
 * @returns what gives it back
 * @throws InputError when a living process, or one on another machine, holds it
 */
export function lockRunFolder(dir: string): () => void {
  const path = join(dir, LOCK_FILE);
  const mine = JSON.stringify({
    pid: process.pid,
    host: hostname(),
    started: startOf(process.pid),
  } satisfies LockOwner);
  while (!createLock(path, mine)) {
    const found = readIfThere(path);
    if (found === undefined) continue;
    const owner = parseOwner(found);
    if (owner && owner.host !== hostname())
      throw new InputError(
        `${dir} is being written by process ${owner.pid} on ${owner.host}: choose another --out, or delete ${path} if that process has ended`,
        { file: dir },
      );
    if (owner && isRunning(owner))
      throw new InputError(`${dir} is being written by process ${owner.pid}: wait for it, or choose another --out`, {
        file: dir,
      });
    removeStale(path, found);
  }
  return () => {
    if (readIfThere(path) === mine) rmSync(path, { force: true });
  };
}

/** Creates the lock with its content in one step; false when there is one already. */
function createLock(path: string, content: string): boolean {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, content);
  try {
    linkSync(draft, path);
    return true;
  } catch (cause) {
    if (errorCode(cause) === 'EEXIST') return false;
    if (existsSync(path)) return false;
    // A file system without hard links: exclusive creation, whose content comes a moment later.
    writeFileSync(path, content, { flag: 'wx' });
    return true;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Removes the lock read before, and not one that another process has put there since. */
function removeStale(path: string, content: string): void {
  const aside = `${path}.stale.${process.pid}`;
  try {
    renameSync(path, aside);
    if (readFileSync(aside, 'utf8') === content) rmSync(aside, { force: true });
    else renameSync(aside, path);
  } catch (cause) {
    if (errorCode(cause) !== 'ENOENT') throw cause;
  }
}

function isRunning(owner: LockOwner): boolean {
  try {
    process.kill(owner.pid, 0);
  } catch (cause) {
    if (errorCode(cause) === 'ESRCH') return false;
    if (errorCode(cause) !== 'EPERM') throw cause;
  }
  return owner.started === startOf(owner.pid);
}

/** Start time of a process where the system tells it (field 22 of its stat line), so that a reused number is noticed. */
function startOf(pid: number): string | null {
  const stat = readIfThere(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
}

function parseOwner(content: string): LockOwner | undefined {
  try {
    return JSON.parse(content) as LockOwner;
  } catch {
    // Not written to its end: its process died at that very moment.
    return undefined;
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT' || errorCode(cause) === 'ESRCH') return undefined;
    throw cause;
  }
}
