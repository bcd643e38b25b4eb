// `hierax simulate media-mix`: weekly response to channels that run in flights, nationally or by place.
import { InputError } from '../../data/inputError.js';
import { commentedConfig, type CommentedLine } from '../commentedConfig.js';
import type { ModelSimulator } from '../simulation.js';
import { adstock, type AdstockForm, adstockForms } from './adstock.js';
import type { MediaMixOptions } from './options.js';
import { saturationForms, type SaturationForm } from './saturation.js';
import { type MediaMixSimulation, simulateMediaMix } from './simulate.js';

const columns = { response: 'sales', time: 'week', geo: 'geo' } as const;
const channelNames = ['tv', 'search', 'social', 'radio', 'print', 'outdoor'];
/** Sales are divided by it; the truth is on that scale. */
const responseScale = 10_000;

const adstockTruth: Readonly<Record<AdstockForm, Readonly<Record<string, number>>>> = {
  none: {},
  geometric: { adstock_alpha: 0.5 },
  delayed: { adstock_alpha: 0.6, adstock_theta: 1.5 },
  weibullPdf: { adstock_lam: 2.5, adstock_k: 2 },
  weibullCdf: { adstock_lam: 2, adstock_k: 1.2 },
  binomial: { adstock_alpha: 0.5 },
};
const saturationTruth: Readonly<Record<SaturationForm, Readonly<Record<string, number>>>> = {
  none: {},
  logistic: { saturation_lam: 3 },
  hill: { saturation_slope: 1.3, saturation_kappa: 0.4 },
  michaelisMenten: { saturation_lam: 0.4 },
  tanh: { saturation_c: 0.6 },
  root: { saturation_alpha: 0.5 },
};

interface Size {
  readonly weeks: number;
  readonly geos: number;
  readonly channels: number;
  readonly adstock: AdstockForm;
  readonly saturation: SaturationForm;
}

export const mediaMixSimulator: ModelSimulator = {
  options: {
    weeks: { kind: 'count', describe: 'weeks', default: 156, least: 20, most: 5000 },
    geos: { kind: 'count', describe: 'places; 0 for national data', default: 0, least: 0, most: 10_000 },
    channels: { kind: 'count', describe: 'media channels', default: 3, least: 1, most: channelNames.length },
    adstock: { kind: 'word', describe: 'carry-over of media', default: 'geometric', known: adstockForms },
    saturation: { kind: 'word', describe: 'diminishing returns', default: 'logistic', known: saturationForms },
  },
  plan: (settings) => {
    const size = settings as unknown as Size;
    if (size.geos === 1) throw new InputError('--geos must be 0 (national) or at least 2, not 1', { value: 1 });
    const simulation = scenario(size);
    return (random) => {
      const { data, truth, blocks } = simulateMediaMix(simulation, random);
      return { rows: data.rows, truth, blocks, config: (file, seed) => configText(simulation, size, file, seed) };
    };
  },
};

function scenario({ weeks, geos, channels, adstock: form, saturation }: Size): MediaMixSimulation {
  const own = channelNames.slice(0, channels);
  const options: MediaMixOptions = {
    adstock: adstock(form),
    saturation,
    seasonality: 2,
    scale: { by: 'all', response: responseScale },
  };
  const effects = own.map((_, c) => 0.35 / (1 + 0.5 * c));
  return {
    columns,
    geos:
      geos === 0
        ? null
        : Array.from({ length: geos }, (_, g) => `geo_${String(g + 1).padStart(String(geos).length, '0')}`),
    weeks,
    firstWeek: '2022-01-03',
    channels: own.map((name, c) => ({ name, spend: 4000 / (1 + c), shareOn: c === 1 ? 1 : 0.6 })),
    controls: [{ name: 'holiday', shareOfOnes: 0.08 }, { name: 'price' }],
    options,
    truth: {
      ...(geos === 0
        ? { intercept: 0.4, saturation_beta: effects }
        : {
            intercept_mean: 0.4,
            intercept_sd: 0.1,
            saturation_beta_mean: effects.map(Math.log),
            saturation_beta_sd: 0.25,
          }),
      gamma_fourier: [0.06, -0.03, 0.04, 0.02],
      gamma_control: [0.08, -0.04],
      ...adstockTruth[form],
      ...saturationTruth[saturation],
      sigma: 0.05,
    },
  };
}

/** Text of a configuration that `fit` takes as it is. */
function configText(
  { channels, controls, geos, weeks }: MediaMixSimulation,
  { adstock: form, saturation }: Size,
  file: string,
  seed: number,
): string {
  const list = (items: readonly { readonly name: string }[]): string => `[${items.map(({ name }) => name).join(', ')}]`;
  const lines: CommentedLine[] = [
    ['data:', ''],
    [`  file: ${file}`, 'relative to this file; .csv, .csv.gz or .parquet'],
    ['model:', ''],
    ['  name: media-mix', ''],
    [`  response: ${columns.response}`, 'one number per week and place'],
    [`  time: ${columns.time}`, 'YYYY-MM-DD, or whole numbers'],
    ...(geos === null
      ? []
      : [[`  geo: ${columns.geo}`, 'levels and effects of places are drawn to common means'] as const]),
    [`  channels: ${list(channels)}`, 'spend per week'],
    [`  controls: ${list(controls)}`, ''],
    ['  standardise: false', 'of the controls'],
    [`  adstock: ${form}`, `${adstockForms.join(', ')}`],
    [`  saturation: ${saturation}`, `${saturationForms.join(', ')}`],
    ['  seasonality: 2', 'pairs of yearly waves'],
    [`  scale: { by: all, response: ${responseScale} }`, 'the truth is on this scale'],
    [`seed: ${seed}`, 'the same seed gives the same draws'],
  ];
  const where = geos === null ? 'national' : `${geos.length} places`;
  return commentedConfig(`Simulated media: ${weeks} weeks, ${where}. The true values are in truth.json.`, lines);
}
