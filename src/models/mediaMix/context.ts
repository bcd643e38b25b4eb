// What the pieces of the media-mix model share: data on the model's scale, sizes, and the options with their defaults.
import { InputError } from '../../data/inputError.js';
import type { MediaMixData } from '../../data/mediaMixData.js';
import { suggestion } from '../../data/nearestName.js';
import { adstock, type Adstock } from './adstock.js';
import type { LiftTest, MediaMixFamily, MediaMixOptions, PooledBlock, Pooling, TimeVariation } from './options.js';
import type { SaturationForm } from './saturation.js';

/** A lift test by position, on the model's scale. */
export interface ScaledLiftTest {
  readonly geo: number;
  readonly channel: number;
  readonly before: number;
  readonly after: number;
  readonly lift: number;
  readonly sd: number;
}

export interface MediaMixContext {
  readonly data: MediaMixData;
  readonly geos: number;
  readonly weeks: number;
  readonly channels: number;
  readonly adstock: Adstock;
  readonly saturation: SaturationForm;
  readonly adstockFirst: boolean;
  readonly seasonality: number;
  readonly trend: { readonly changepoints: number } | null;
  readonly timeVarying: { readonly intercept?: TimeVariation; readonly effects?: TimeVariation };
  readonly family: MediaMixFamily;
  readonly effectPrior: 'coefficient' | 'roi';
  readonly parametrisation: 'auto' | 'plain';
  /** What the response is divided by, `[geo]`. */
  readonly responseScale: Float64Array;
  /** What media are divided by, `[geo][channel]`. */
  readonly mediaScale: Float64Array;
  readonly liftTests: readonly ScaledLiftTest[];
  pooling(block: PooledBlock): Pooling;
}

/** Throws InputError for what does not fit together, or does not fit the data. */
export function mediaMixContext(data: MediaMixData, options: MediaMixOptions): MediaMixContext {
  const { saturation = 'logistic', effectPrior = 'coefficient', scale = {}, pooling = {} } = options;
  const geos = data.geos.names.length;
  const weeks = data.weeks.names.length;
  const channels = data.channels.length;
  if (effectPrior === 'roi') checkReturns(data, saturation);
  const byGeo = (scale.by ?? (geos > 1 && scale.response === undefined ? 'geo' : 'all')) === 'geo';
  if (byGeo && scale.response !== undefined)
    throw new InputError('model.scale: response is one number for all places; leave it out, or take by: all');
  const scaledBy = data.scaledBy ?? data.y;
  const responseScale = largest(data, byGeo, (row) => scaledBy[row]);
  if (scale.response !== undefined) responseScale.fill(scale.response);
  const empty = responseScale.findIndex((value) => !(value > 0));
  if (empty >= 0) {
    const where = byGeo ? ` of ${data.geos.names[empty]}` : '';
    const message = `${data.source}: column '${data.responseName}' (response)${where} has no value above 0 to scale by; set model.scale.response`;
    throw new InputError(message, { file: data.source, column: data.responseName });
  }
  const perChannel = data.channels.map(({ media }) => largest(data, byGeo, (row) => media[placeOf(data, row)]));
  const mediaScale = Float64Array.from({ length: geos * channels }, (_, i) => {
    const most = perChannel[i % channels][Math.floor(i / channels)];
    return most > 0 ? most : 1;
  });
  return {
    data,
    geos,
    weeks,
    channels,
    adstock: options.adstock ?? adstock('geometric'),
    saturation,
    adstockFirst: (options.first ?? 'adstock') === 'adstock',
    seasonality: options.seasonality ?? 0,
    trend: options.trend ?? null,
    timeVarying: options.timeVarying ?? {},
    family: options.family ?? 'gaussian',
    effectPrior,
    parametrisation: options.parametrisation ?? 'auto',
    responseScale,
    mediaScale,
    liftTests: (options.liftTests ?? []).map((test, i) => placeLiftTest(test, i, data, responseScale, mediaScale)),
    pooling: (block) => (geos === 1 ? 'shared' : (pooling[block] ?? defaultPooling[block])),
  };
}

/** Levels and effects of places are drawn to common means; what few weeks say little of is common to all. */
const defaultPooling: Readonly<Record<PooledBlock, Pooling>> = {
  intercept: 'partial',
  effect: 'partial',
  adstock: 'shared',
  saturation: 'shared',
  controls: 'shared',
  seasonality: 'shared',
  trend: 'shared',
  sigma: 'shared',
};

function checkReturns(data: MediaMixData, saturation: SaturationForm): void {
  if (saturation === 'tanh') {
    throw new InputError('model.effectPrior: roi needs a saturation that the coefficient multiplies, not tanh');
  }
  const free = data.channels.find(({ spend }) => spend === null || spend.every((value) => value === 0));
  if (free !== undefined) {
    throw new InputError(
      `model.effectPrior: roi needs the spend of every channel, but ${free.name} has none; name its spend column`,
    );
  }
}

/** Largest value of the fitted rows by place, or of all places, `[geo]`. */
function largest(data: MediaMixData, byGeo: boolean, valueOf: (row: number) => number): Float64Array {
  const own = new Float64Array(data.geos.names.length).fill(-Infinity);
  for (let row = 0; row < data.rows; row++) {
    const geo = geoOf(data, row);
    own[geo] = Math.max(own[geo], valueOf(row));
  }
  return byGeo ? own : own.fill(Math.max(...own));
}

/** Place of a fitted row on the grid. */
const placeOf = ({ places }: Pick<MediaMixData, 'places'>, row: number): number => places?.[row] ?? row;
const geoOf = (data: Pick<MediaMixData, 'places' | 'weeks'>, row: number): number =>
  Math.floor(placeOf(data, row) / data.weeks.names.length);

/** What the response of each fitted row is divided by, `[rows]`. */
export const scaleOfRows = ({ data, responseScale }: MediaMixContext): Float64Array =>
  Float64Array.from(data.y, (_, row) => responseScale[geoOf(data, row)]);

/** The response on the model's scale, `[rows]`. */
export function scaledResponse(context: MediaMixContext): Float64Array {
  const scales = scaleOfRows(context);
  return context.data.y.map((value, row) => value / scales[row]);
}

/** The same at each place of the grid, NaN where it is not fitted. */
export function scaledResponseOnGrid(context: MediaMixContext): Float64Array {
  const { data, geos, weeks } = context;
  const grid = new Float64Array(geos * weeks).fill(NaN);
  for (const [row, value] of scaledResponse(context).entries()) grid[placeOf(data, row)] = value;
  return grid;
}

function placeLiftTest(
  test: LiftTest,
  index: number,
  data: MediaMixData,
  responseScale: Float64Array,
  mediaScale: Float64Array,
): ScaledLiftTest {
  const where = `model.liftTests[${index}]`;
  const names = data.channels.map(({ name }) => name);
  const channel = names.indexOf(test.channel);
  if (channel < 0)
    throw new InputError(`${where}.channel: no channel '${test.channel}'; ${suggestion(test.channel, names)}`);
  const several = data.geos.names.length > 1;
  if (several && test.geo === undefined) {
    throw new InputError(`${where}: name the geo of the test, one of ${data.geos.names.slice(0, 4).join(', ')}`);
  }
  const geo = several ? data.geos.names.indexOf(test.geo!) : 0;
  if (geo < 0)
    throw new InputError(`${where}.geo: no rows of '${test.geo}'; ${suggestion(test.geo!, data.geos.names)}`);
  if (!(test.sd > 0)) throw new InputError(`${where}.sd: ${test.sd} is not a positive standard error`);
  if (!(test.media >= 0 && test.media + test.change >= 0) || test.change === 0)
    throw new InputError(
      `${where}: media ${test.media} changed by ${test.change}: both levels must be 0 or more, and differ`,
    );
  if (test.change * test.lift < 0 || test.lift === 0) {
    const message = `${where}: a change of ${test.change} with a lift of ${test.lift}; the model's response rises with media, so give them one sign`;
    throw new InputError(message, { value: test.lift });
  }
  const media = mediaScale[geo * names.length + channel];
  return {
    geo,
    channel,
    before: test.media / media,
    after: (test.media + test.change) / media,
    lift: Math.abs(test.lift) / responseScale[geo],
    sd: test.sd / responseScale[geo],
  };
}
