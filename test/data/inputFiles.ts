// Files of one test in a folder of its own, and the one-line error that an action must give.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import { InputError } from '../../src/data/inputError.js';

/** A temporary folder that goes when the test file ends; `write` puts a file into it and returns its path. */
export function temporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'hierax-data-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const write = (name: string, content: string | Uint8Array): string => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  return { folder, write };
}

/** Runs `action`, which must throw an InputError of one line, and returns that error. */
export async function inputError(action: () => unknown): Promise<InputError> {
  try {
    await action();
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    expect((error as InputError).message).not.toContain('\n');
    return error as InputError;
  }
  throw new Error('no error was thrown');
}
