// `hierax simulate hbmmm`: consumers in markets and their months, of the size that the options ask for.
import { InputError } from '../../data/inputError.js';
import { mostFactors } from '../linearHierarchy/levelCovariance.js';
import { commentedConfig, type CommentedLine } from '../commentedConfig.js';
import { hierarchyOptions } from '../simulatedOptions.js';
import type { ModelSimulator, SimulationSettings } from '../simulation.js';
import { type Panel, panelOf, type PanelSize } from './scenario.js';
import { simulatePanel } from './simulate.js';

export const hbmmmSimulator: ModelSimulator = {
  options: {
    consumers: {
      kind: 'count',
      describe: 'consumers, at least two in each market',
      default: 2000,
      least: 4,
      most: 5_000_000,
    },
    markets: { kind: 'count', describe: 'markets', default: 20, least: 2, most: 100_000 },
    months: { kind: 'count', describe: 'months of each consumer', default: 24, least: 2, most: 1000 },
    channels: { kind: 'count', describe: 'channels that consumers are exposed to', default: 4, least: 1, most: 50 },
    controls: { kind: 'count', describe: 'controls that vary by market and month', default: 2, least: 0, most: 20 },
    traits: { kind: 'count', describe: 'traits of consumers that explain effects', default: 2, least: 0, most: 20 },
    r2: {
      kind: 'number',
      describe: 'share of the variance of the response that the model explains, with normal errors',
      default: 0.684,
      least: 0.01,
      most: 0.99,
    },
    ...hierarchyOptions('consumers', "the population's effects"),
    margins: {
      kind: 'word',
      describe:
        'model: rows are draws from it; paper: with the means, deviations and ranges of the published table, and no truth',
      default: 'model',
      known: ['model', 'paper'],
    },
  },
  plan: (settings) => {
    const panel = panelOf(sizeOf(settings));
    return (random) => ({
      rows: panel.consumers * panel.months,
      ...simulatePanel(panel, random),
      config: (file, seed) => panelConfig(panel, file, seed),
    });
  },
};

/** Checks the sizes against each other. */
function sizeOf(settings: SimulationSettings): PanelSize {
  const size = settings as unknown as PanelSize;
  const { consumers, markets, months, channels, factors, controls, traits, family, margins } = size;
  const least = Math.max(2 * markets, traits + 2);
  if (consumers < least)
    throw new InputError(
      `--consumers must be at least ${least} for --markets ${markets} --traits ${traits}, not ${consumers}`,
      {
        value: consumers,
      },
    );
  if (markets * months < controls + 2)
    throw new InputError(
      `--controls must be at most ${markets * months - 2} for ${markets * months} months of markets, not ${controls}`,
      {
        value: controls,
      },
    );
  const most = mostFactors(channels);
  if (factors > most)
    throw new InputError(`--factors must be at most ${most} for ${channels} channels, not ${factors}`, {
      value: factors,
    });
  if (margins === 'paper' && family !== 'gaussian')
    throw new InputError(`--margins paper is of --family gaussian, not ${family}`, { value: family });
  return size;
}

/** As the configuration writes it. */
const covarianceOf = ({ covariance, factors }: Panel): string =>
  factors === 0 ? covariance : `{consumer: {factors: ${factors}}, market: ${covariance}, controls: ${covariance}}`;

/** Draws of more consumers than these would take gigabytes: those of markets are asked for. */
const mostKept = 10_000;

/** Text of a configuration that `fit` takes as it is, every line with what it means. */
function panelConfig(panel: Panel, file: string, seed: number): string {
  const { response, family, margins } = panel;
  const list = (columns: readonly string[]): string => `[${columns.join(', ')}]`;
  const marketSites = ['mu_alpha_market', 'mu_beta_market', ...(panel.controlNames.length > 0 ? ['gamma'] : [])];
  const lines: CommentedLine[] = [
    ['data:', ''],
    [`  file: ${file}`, 'relative to this file; .csv, .csv.gz or .parquet'],
    ['model:', ''],
    ['  name: hbmmm', ''],
    [`  response: ${response}`, 'one number per row'],
    ...(family === 'gaussian' ? [] : [[`  family: ${family}`, 'distribution of the response'] as const]),
    ...(family === 'studentT' ? [[`  df: ${panel.df}`, 'degrees of freedom'] as const] : []),
    ...(family === 'binomial' ? [['  trials: visits', 'of which the response counts the successes'] as const] : []),
    ['  consumer: consumer', 'each with a level and effects of its own'],
    ['  market: market', 'of the consumer'],
    ['  time: month', 'the occasion, to notice repeated ones'],
    [`  channels: ${list(panel.channelMargins.map(({ name }) => name))}`, 'exposures: effects by consumer'],
    [`  controls: ${list(panel.controlNames)}`, 'effects by market, the same for its consumers'],
    [
      `  traits: ${list(panel.traitMargins.map(({ name }) => name))}`,
      'of a consumer: explain the effects of the channels',
    ],
    [`  covariance: ${covarianceOf(panel)}`, 'of the effects within a level: diagonal, full or factors'],
    ...(panel.shrinkage === 'none'
      ? []
      : [[`  shrinkage: ${panel.shrinkage}`, "of the population's effects"] as const]),
    [`seed: ${seed}`, 'the same seed gives the same draws'],
    ...(panel.consumers > mostKept
      ? [[`keep: ${list(marketSites)}`, 'draws to store besides; of consumers moments alone'] as const]
      : []),
  ];
  const truth =
    margins === 'paper'
      ? 'The margins are those of a published table; the response is no draw from the model, so truth.json is empty.'
      : 'The true values are in truth.json.';
  const size = `${panel.consumers} in ${panel.markets} markets over ${panel.months} months`;
  return commentedConfig(`Simulated consumers: ${size}. ${truth}`, lines);
}
