// The running E-BFMI equals that of all energies at once, through a snapshot too.
import { describe, expect, it } from 'vitest';
import { ebfmi, RunningEbfmi } from '../../src/diagnostics/index.js';

const energies = [0, 1].map((chain) =>
  Float64Array.from({ length: 301 }, (_, i) => 4000 + 30 * Math.sin(0.3 * i * (chain + 1)) + 9 * Math.cos(i * i)),
);

describe('RunningEbfmi', () => {
  it('is the E-BFMI of the energies so far', () => {
    const whole = new RunningEbfmi(2);
    let broken = new RunningEbfmi(2);
    for (let i = 0; i < 301; i++) {
      for (const chain of [0, 1]) for (const running of [whole, broken]) running.push(chain, energies[chain][i]);
      if (i === 100) broken = new RunningEbfmi(2, structuredClone(broken.snapshot()));
    }
    for (const chain of [0, 1]) expect(whole.values()[chain] / ebfmi(energies[chain])).toBeCloseTo(1, 10);
    expect(broken.values()).toEqual(whole.values());
  });

  it('is not a number where it is undefined', () => {
    const running = new RunningEbfmi(3);
    running.push(0, 5);
    for (const energy of [2, 2, 2]) running.push(1, energy);
    for (const energy of [2, NaN]) running.push(2, energy);
    expect(running.values()).toEqual([NaN, NaN, NaN]);
  });
});
