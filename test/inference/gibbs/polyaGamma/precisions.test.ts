// Steps of Pólya-Gamma precisions: mean and Laplace transform of PG(1, η), and how many proposals are accepted.
import { describe, expect, it } from 'vitest';
import { normalsPerStep, precisionStep } from '../../../../src/inference/gibbs/polyaGamma/precisions.js';
import { compileProgram } from '../../../../src/inference/gibbs/program.js';
import { randomKey, stepKey } from '../../../../src/inference/random/streams.js';
import { cpuDevice } from '../../../../src/kernels/cpu/cpuDevice.js';

const [count, steps] = [40_000, 12];

/** Precisions of `count` rows of log odds η after every step from 0.25, and the share of rows that moved in each. */
async function walk(eta: number, seed: number) {
  const noise: Record<string, number[]> = {};
  for (let i = 0; i < normalsPerStep; i++) noise[`n${i}`] = [count];
  const program = await compileProgram(
    cpuDevice(),
    1,
    { omega: [count], eta: [] },
    new Map(),
    (p) => ({
      next: precisionStep(
        p.omega,
        p.eta.broadcastTo([count]),
        Object.keys(noise).map((name) => p[name]),
      ),
    }),
    noise,
  );
  const visited: Float64Array[] = [];
  const moved: number[] = [];
  let omega = new Float64Array(count).fill(0.25);
  program.setScalar('eta', 0, eta);
  for (let step = 0; step < steps; step++) {
    program.set('omega', 0, omega);
    program.fillNoise(0, stepKey(randomKey(seed), 0, step).stream(0).counter!);
    await program.run();
    const next = new Float64Array(count);
    program.read('next', 0, next);
    moved.push(next.reduce((sum, x, i) => sum + Number(x !== omega[i]), 0) / count);
    omega = next;
    visited.push(omega);
  }
  await program.dispose();
  return { visited, moved };
}

/** Mean of f over the last steps, each a draw of every row, and its standard error with steps as dependent as they can be. */
function meanOf(visited: readonly Float64Array[], f: (omega: number) => number): { mean: number; error: number } {
  const last = visited.slice(4);
  const rows = Float64Array.from({ length: count }, (_, i) => last.reduce((sum, x) => sum + f(x[i]), 0) / last.length);
  const mean = rows.reduce((sum, x) => sum + x, 0) / count;
  const variance = rows.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (count - 1);
  return { mean, error: Math.sqrt(variance / count) };
}

describe.each([0, 0.3, -1.5, 4, -12, 40])('log odds %d', (eta) => {
  it.each([1, 2])('have the moments of PG(1, η), seed %i', async (seed) => {
    const { visited, moved } = await walk(eta, seed);
    const half = Math.abs(eta) / 2;
    const expected = eta === 0 ? 0.25 : Math.tanh(half) / (4 * half);
    const first = meanOf(visited, (x) => x);
    expect(Math.abs(first.mean - expected)).toBeLessThan(4 * first.error);
    // E exp(−tω) = cosh(η/2) / cosh(√((η² + 2t)/4)).
    for (const t of [1, 10, 60]) {
      const transform = meanOf(visited, (x) => Math.exp(-t * x));
      const exact = Math.exp(logCosh(half) - logCosh(Math.sqrt((eta * eta + 2 * t) / 4)));
      expect(Math.abs(transform.mean - exact)).toBeLessThan(4 * transform.error);
    }
    for (const share of moved.slice(2)) expect(share).toBeGreaterThan(0.93);
  });
});

const logCosh = (x: number): number => Math.abs(x) + Math.log1p(Math.exp(-2 * Math.abs(x))) - Math.LN2;
