// From a model and what the user set to the settings of a run: starts, scales and names of the unconstrained dimensions.
import type { Model } from '../models/model.js';
import { dimensionName, type PositionBlock, positionBlocks } from './compiledModel.js';
import type { SampleSettings } from './settings.js';

/** Unconstrained starts and scales of a model, `[dimension]`; 0 and 1 where the model has no idea. */
interface Starts {
  readonly centre: Float64Array;
  readonly sd: Float64Array;
}

/** Half-width of the uniform jitter around a start, in its standard deviations. */
const jitter = 1;
/** Variances that metrics shrink towards where the model gives none (Stan's choice). */
const unknownVariance = 1e-3;

export function modelSettings<Settings extends Omit<SampleSettings, 'method'>>(
  model: Pick<Model, 'parameters' | 'start'>,
  settings: Settings,
): Settings & SampleSettings {
  const blocks = positionBlocks(model);
  const parameterNameOf = (dimension: number): string => dimensionName(blocks, dimension);
  if (model.start === undefined) return { parameterNameOf, ...settings };
  const { centre, sd } = starts(model, blocks);
  const known = Float64Array.from(sd, (s) => (Number.isNaN(s) ? 1 : s));
  return {
    parameterNameOf,
    initial: { centre, radius: known.map((s) => s * jitter) },
    inverseMass: known.map((s) => s * s),
    priorVariances: Float64Array.from(sd, (s) => (Number.isNaN(s) ? unknownVariance : s * s)),
    ...settings,
  };
}

function starts(model: Pick<Model, 'start'>, blocks: readonly PositionBlock[]): Starts {
  const dimension = blocks.reduce((sum, { size }) => sum + size, 0);
  const centre = new Float64Array(dimension);
  const sd = new Float64Array(dimension).fill(NaN);
  for (const { name, offset, size } of blocks) {
    const start = model.start?.[name];
    if (start === undefined) continue;
    if (start.centre.length !== size || start.sd.length !== size) {
      throw new RangeError(`start of ${name}: ${start.centre.length} numbers for ${size} unconstrained elements`);
    }
    for (let i = 0; i < size; i++) {
      centre[offset + i] = start.centre[i];
      sd[offset + i] = start.sd[i];
    }
  }
  return { centre, sd };
}
