// The command in tests: called in this process with its output caught, or run as a process of its own from sources.
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { vi } from 'vitest';
import { runCommandLine } from '../../src/cli/commandLine.js';

export interface Outcome {
  readonly code: number | null;
  /** What ended the process from outside. */
  readonly signal?: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command in this process. */
export async function hierax(...words: readonly (string | number)[]): Promise<Outcome> {
  const printed = { stdout: '', stderr: '' };
  const { exitCode } = process;
  const caught = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      printed[name] += typeof text === 'string' ? text : Buffer.from(text).toString();
      return true;
    }),
  );
  process.exitCode = undefined;
  try {
    await runCommandLine(words.map(String));
    return { code: Number(process.exitCode ?? 0), ...printed };
  } finally {
    for (const spy of caught) spy.mockRestore();
    process.exitCode = exitCode;
  }
}

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Words that run the command from sources, in the folder of the repository. */
const fromSources = ['--import', 'tsx', fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))];

interface ProcessOptions {
  /** Called with everything on stderr so far whenever there is more. */
  readonly onStderr?: (text: string, child: ChildProcess) => void;
  /** Largest file that the process may write, in bytes (a multiple of 1024): what a full disk is to a program. */
  readonly fileSizeLimit?: number;
}

/** Runs the command as a process of its own. */
export async function hieraxProcess(
  words: readonly (string | number)[],
  { onStderr, fileSizeLimit }: ProcessOptions = {},
): Promise<Outcome> {
  const command = [process.execPath, ...fromSources, ...words.map(String)];
  const [program, ...rest] =
    fileSizeLimit === undefined
      ? command
      : ['bash', '-c', `ulimit -f ${fileSizeLimit / 1024}; exec "$@"`, 'bash', ...command];
  const child = spawn(program, rest, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const printed = { stdout: '', stderr: '' };
  child.stdout.on('data', (text: Buffer) => (printed.stdout += text.toString()));
  child.stderr.on('data', (text: Buffer) => {
    printed.stderr += text.toString();
    onStderr?.(printed.stderr, child);
  });
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) =>
    child.on('close', (code, signal) => resolve([code, signal])),
  );
  return { code, signal, ...printed };
}
