// Random numbers of simulations from integer operations and exactly rounded arithmetic alone: the same on every platform.
import { PhiloxStream, randomKey } from '../../inference/random/streams.js';
import type { SimulationRandom } from '../../models/simulation.js';

/** The chain number of the stream: far from those of samplers, so that a fit with the same seed shares no numbers. */
const simulationChain = 0x51_00_00_00;

/**
 * A stream for a seed (an integer below 2^53). Normals by the polar method (Marsaglia and Bray 1964), whose logarithm is
 * computed here because that of the platform may differ in the last digit.
 */
export function portableRandom(seed: number): SimulationRandom {
  const stream = new PhiloxStream(randomKey(seed), simulationChain, 0, 0);
  let spare: number | undefined;
  return {
    uniform: () => stream.uniform(),
    normal: () => {
      if (spare !== undefined) {
        const value = spare;
        spare = undefined;
        return value;
      }
      for (;;) {
        const a = 2 * stream.uniform() - 1;
        const b = 2 * stream.uniform() - 1;
        const square = a * a + b * b;
        if (square >= 1 || square === 0) continue;
        const factor = Math.sqrt((-2 * portableLog(square)) / square);
        spare = b * factor;
        return a * factor;
      }
    },
  };
}

/**
 * log x for 0 < x ≤ 1: x = m 2^e with √½ ≤ m < √2, log m = 2 artanh f, f = (m − 1)/(m + 1), |f| < 0.172, of which the series
 * f^(2k+1) / (2k + 1) needs twelve terms.
 */
export function portableLog(x: number): number {
  let mantissa = x;
  let exponent = 0;
  while (mantissa < Math.SQRT1_2) {
    mantissa *= 2;
    exponent--;
  }
  const f = (mantissa - 1) / (mantissa + 1);
  const square = f * f;
  let series = 0;
  for (let k = 11; k >= 0; k--) series = series * square + 1 / (2 * k + 1);
  return 2 * f * series + exponent * Math.LN2;
}
