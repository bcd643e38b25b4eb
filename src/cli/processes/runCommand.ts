// Runs the hierax command as a process of its own, and tells how it ended.
//
// A process for each fit, not a call: a driver that crashes or a process that is killed for its memory ends one fit and not those that
// follow, and the peak memory that a run records is its own.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { exitCodes } from '../exitCodes.js';

export interface CommandEnd {
  readonly code: number;
  /** The line that the command ended with, where it failed. */
  readonly error: string | undefined;
}

/** Lets a signal reach the command that runs, if any: the first asks it to save and stop, a second ends it at once. */
export type Interrupt = { current: (() => void) | undefined };

export async function runCommand(words: readonly string[], interrupt: Interrupt): Promise<CommandEnd> {
  const isSource = import.meta.url.endsWith('.ts');
  const entry = fileURLToPath(new URL(isSource ? './commandProcess.ts' : './commandProcess.js', import.meta.url));
  // In a process group of its own: Ctrl-C comes through this process alone, once.
  const child = fork(entry, words, {
    execArgv: isSource ? ['--import', import.meta.resolve('tsx')] : [],
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  interrupt.current = () => void child.kill('SIGINT');
  let said = '';
  child.stderr!.on('data', (bytes: Buffer) => {
    process.stderr.write(bytes);
    said = (said + bytes.toString()).slice(-10_000);
  });
  try {
    const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve([code, signal]));
    });
    if (code === 0 || code === exitCodes.checkFailed) return { code, error: undefined };
    // Before there is a run to save, Ctrl-C ends the command as it ends any program.
    if (signal === 'SIGINT') return { code: exitCodes.interrupted, error: undefined };
    const line = said
      .trimEnd()
      .split('\n')
      .findLast((text) => text.startsWith('hierax: '));
    const ended = signal === null ? `the command ended with ${code}` : `the command was ended by ${signal}`;
    return { code: code ?? exitCodes.unforeseen, error: line?.slice('hierax: '.length) ?? ended };
  } finally {
    interrupt.current = undefined;
  }
}
