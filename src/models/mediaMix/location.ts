// Location of the response of a series: level, trend, seasons and controls, and the contributions of media.
import type { Tensor } from '@tensorflow/tfjs-core';
import type { Tensors } from '../model.js';
import type { Baseline } from './components.js';
import type { Media } from './media.js';

/** `[geo][week]` on the model's scale. @param series data of a series, to which the effects found in `data` apply */
export function locationOf(
  { components }: Baseline,
  media: Media,
  parameters: Tensors,
  data: Tensors,
  series: Tensors,
): Tensor {
  const ofMedia = media.contributions(parameters, data, 1, series).sum(2);
  return components.reduce((sum, { value }) => sum.add(value(parameters, series)), ofMedia);
}
