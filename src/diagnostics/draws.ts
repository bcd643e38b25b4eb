// The draws of one scalar, and the elementary facts about them: shape, finiteness, constancy, mean and variance.

/** Draws of one scalar after warm-up: one array per chain, all of the same length. */
export type Chains = readonly Float64Array[];

/** Draws whose range is below this are constant; an absolute bound, as in the R package posterior (`is_constant`). */
const CONSTANT_RANGE = Number.EPSILON;

/**
 * Number of draws per chain.
 * @throws RangeError when there is no chain or when the chains differ in length.
 */
export function drawsPerChain(chains: Chains): number {
  if (chains.length === 0) throw new RangeError('draws of at least one chain are needed, none were given');
  const length = chains[0].length;
  for (let c = 1; c < chains.length; c++) {
    if (chains[c].length !== length) {
      throw new RangeError(`chains differ in length: chain 0 has ${length} draws, chain ${c} has ${chains[c].length}`);
    }
  }
  return length;
}

/** True when no draw is NaN or infinite. */
export function allFinite(values: Float64Array): boolean {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return false;
  return true;
}

/** Number of draws that are NaN or infinite, over all chains. */
export function countNonFinite(chains: Chains): number {
  let count = 0;
  for (const chain of chains) for (let i = 0; i < chain.length; i++) if (!Number.isFinite(chain[i])) count++;
  return count;
}

/** True when the range of the values is below 2⁻⁵². */
export function isConstant(values: Float64Array): boolean {
  let min = Infinity;
  let max = -Infinity;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value < min) min = value;
    if (value > max) max = value;
    if (max - min >= CONSTANT_RANGE) return false;
  }
  return max - min < CONSTANT_RANGE;
}

/** Arithmetic mean of `values[start, end)`, refined by a second pass so that equal values give exactly that value. */
export function meanOf(values: ArrayLike<number>, start = 0, end = values.length): number {
  const count = end - start;
  let sum = 0;
  for (let i = start; i < end; i++) sum += values[i];
  const mean = sum / count;
  let residual = 0;
  for (let i = start; i < end; i++) residual += values[i] - mean;
  return mean + residual / count;
}

/** Sample variance (denominator count − 1) of `values[start, end)` about their mean; NaN for fewer than two values. */
export function varianceOf(
  values: ArrayLike<number>,
  start = 0,
  end = values.length,
  mean = meanOf(values, start, end),
): number {
  const count = end - start;
  if (count < 2) return NaN;
  let sum = 0;
  for (let i = start; i < end; i++) {
    const deviation = values[i] - mean;
    sum += deviation * deviation;
  }
  return sum / (count - 1);
}
