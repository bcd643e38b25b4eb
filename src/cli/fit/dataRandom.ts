// Random numbers of data preparation: streams of the run's seed that no sampler uses.
import type { DataRandom } from '../../data/preparation/random.js';
import { drawGamma, drawNormal } from '../../inference/random/distributions.js';
import { PhiloxStream, randomKey } from '../../inference/random/streams.js';

/** The chain number of the streams: far from those of samplers and simulators. */
const preparationChain = 0x52_00_00_00;

export function dataRandom(seed: number): DataRandom {
  return (number) => {
    const stream = new PhiloxStream(randomKey(seed), preparationChain, number, 0);
    return {
      uniform: () => stream.uniform(),
      normal: () => drawNormal(stream),
      gamma: (shape) => drawGamma(stream, shape),
    };
  };
}
