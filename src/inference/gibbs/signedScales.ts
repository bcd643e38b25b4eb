// The ancillary half of interweaving: scales given standardised deviations, signed, so that a scale near 0 can pass through it.
import type { RandomStream } from '../random/streams.js';
import { sliceSample } from './slice.js';

/** −2 log likelihood when deviation i of every group is multiplied by ρ_i: (ρ − 1)'P(ρ − 1) − 2 (ρ − 1)'slopes, up to a constant. */
export interface ScaleQuadratic {
  /** P, `[k][k]` */
  readonly curvature: Float64Array;
  /** `[k]` */
  readonly slopes: Float64Array;
}

export interface SignedUpdate {
  /** Prior log density of scale i given the correlations, up to a constant. */
  readonly logDensity: (i: number, sd: number) => number;
  /** s and L change in place; L undefined: Σ is diagonal. */
  readonly sds: Float64Array;
  readonly lower: Float64Array | undefined;
  /** Scales that stay as they are; default none. */
  readonly isFixed?: (i: number) => boolean;
}

/**
 * One slice for each scale given the standardised deviations (Yu and Meng 2011; scales on the whole real line as in
 * Frühwirth-Schnatter and Wagner 2010). Returns ρ, `[k]`, what deviations are to be multiplied with: where a scale comes out
 * negative, its sign goes to the standardised deviations, and to the correlations.
 */
export function updateSignedScales(
  stream: RandomStream,
  { curvature, slopes }: ScaleQuadratic,
  { logDensity, sds, lower, isFixed }: SignedUpdate,
): Float64Array {
  const k = sds.length;
  const before = sds.slice();
  const rho = new Float64Array(k).fill(1);
  for (let i = 0; i < k; i++) {
    if (isFixed?.(i)) continue;
    const own = curvature[i * k + i];
    let linear = slopes[i];
    for (let j = 0; j < k; j++) if (j !== i) linear -= curvature[i * k + j] * (rho[j] - 1);
    const density = (signed: number): number => {
      const move = signed / before[i] - 1;
      const value = move * (linear - 0.5 * own * move) + logDensity(i, Math.abs(signed));
      return Number.isNaN(value) ? -Infinity : value;
    };
    const width = before[i] * (own > 0 ? Math.min(3 / Math.sqrt(own), 10) : 1);
    const drawn = sliceSample(stream, before[i], width, density);
    rho[i] = drawn / before[i];
    sds[i] = Math.abs(drawn);
  }
  if (lower !== undefined) flipSigns(lower, rho, k);
  return rho;
}

/** J L J with J the signs of ρ: the factor of the correlations when coefficients change their signs. */
function flipSigns(lower: Float64Array, rho: Float64Array, k: number): void {
  for (let i = 0; i < k; i++) for (let j = 0; j < i; j++) lower[i * k + j] *= Math.sign(rho[i]) * Math.sign(rho[j]);
}
