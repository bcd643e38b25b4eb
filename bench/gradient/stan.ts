// Stan's gradient of the benchmark's density, timed inside R where R and rstan are installed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { position, type Problem } from './problem.js';

export interface Stan {
  /** Log density without the constants that Stan drops, and the norm of the gradient. */
  readonly value: number;
  readonly gradientNorm: number;
  /** Milliseconds per gradient, over five. */
  measure(): Promise<number>;
  stop(): void;
}

/** Compiles the model (about a minute); undefined where Rscript or rstan is missing. Throws when R fails otherwise. */
export async function startStan(problem: Problem): Promise<Stan | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'hierax-stan-'));
  const { rows, markets, coefficients, traits } = problem.sizes;
  const write = (name: string, values: Float64Array): void => writeFileSync(join(folder, name), values);
  write('sizes', Float64Array.of(rows, problem.units, markets, coefficients, traits));
  for (const [name, { values }] of problem.data) write(name, values);
  write('position', position(problem, 0));
  const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  const r = spawn('Rscript', [file('stan.R'), file('threeLevel.stan'), folder], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: r.stdout })[Symbol.asyncIterator]();
  const stop = (): void => {
    r.stdin.end();
    rmSync(folder, { recursive: true, force: true });
  };
  let isMissing = false;
  r.on('error', () => (isMissing = true));
  const next = async (word: string): Promise<number[]> => {
    for (;;) {
      const line = await lines.next();
      if (line.done === true) throw new Error(`Rscript ended before it said '${word}'`);
      const [first, ...rest] = line.value.trim().split(/\s+/);
      if (first === word) return rest.map(Number);
    }
  };
  try {
    const [value, gradientNorm] = await next('ready');
    return {
      value,
      gradientNorm,
      measure: async () => {
        r.stdin.write('\n');
        return (await next('milliseconds'))[0];
      },
      stop,
    };
  } catch (error) {
    stop();
    if (!isMissing && r.exitCode === null) await once(r, 'exit');
    if (isMissing || r.exitCode === 3) return undefined;
    throw error;
  }
}
