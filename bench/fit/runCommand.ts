// Runs the built hierax command as a user would, and times what it prints.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export interface CommandTimes {
  readonly seconds: number;
  /** Until the first draw of the warm-up was reported; NaN when none was. */
  readonly firstDraw: number;
  /** Until the summaries and checks of a fit were written, which its report follows; NaN when none were. */
  readonly summary: number;
}

/** Throws when the command does not end well, with what it said last. */
export async function runCommand(arguments_: readonly string[]): Promise<CommandTimes> {
  if (!existsSync(main)) throw new Error('dist is missing: npm run build');
  const started = performance.now();
  const since = (): number => (performance.now() - started) / 1000;
  const child = spawn(process.execPath, [main, ...arguments_], { stdio: ['ignore', 'ignore', 'pipe'] });
  let firstDraw = NaN;
  let summary = NaN;
  let said = '';
  child.stderr.on('data', (bytes: Buffer) => {
    said = (said + bytes.toString()).slice(-2000);
    if (Number.isNaN(firstDraw) && /chain 1: (warm-up|draws)/.test(said)) firstDraw = since();
    if (Number.isNaN(summary) && /peak memory \d+ MB/.test(said)) summary = since();
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  if (code !== 0)
    throw new Error(`hierax ${arguments_.join(' ')} ended with ${code}: ${said.trim().split('\n').at(-1)}`);
  return { seconds: since(), firstDraw, summary };
}
