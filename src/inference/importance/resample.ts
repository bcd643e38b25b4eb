// Choosing draws by importance weights: many with replacement, or a few distinct ones.
import type { RandomStream } from '../random/streams.js';

/**
 * `count` indices, each as often as its share of the weights asks for, to within one (systematic resampling, Carpenter, Clifford and
 * Fearnhead 1999), in random order.
 * @param logWeights normalised, on the log scale
 */
export function resample(logWeights: Float64Array, count: number, random: RandomStream): Int32Array {
  const chosen = new Int32Array(count);
  const offset = random.uniform();
  let [index, total] = [0, Math.exp(logWeights[0])];
  for (let k = 0; k < count; k++) {
    const level = (k + offset) / count;
    while (total < level && index + 1 < logWeights.length) total += Math.exp(logWeights[++index]);
    chosen[k] = index;
  }
  for (let k = count - 1; k > 0; k--) {
    const other = Math.floor(random.uniform() * (k + 1));
    [chosen[k], chosen[other]] = [chosen[other], chosen[k]];
  }
  return chosen;
}

/** `count` distinct indices, drawn one after another by weight (Efraimidis and Spirakis 2006: the largest of log w + Gumbel noise). */
export function resampleDistinct(logWeights: Float64Array, count: number, random: RandomStream): Int32Array {
  const keys = logWeights.map((value) => value - Math.log(-Math.log(random.uniform())));
  const order = Int32Array.from(keys.keys()).sort((a, b) => keys[b] - keys[a] || a - b);
  return order.slice(0, count);
}
