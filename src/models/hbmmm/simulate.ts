// Data from the HBMMM with known truth: coefficients drawn once, rows in blocks, every scalar named as `fit` names it.
import { isCountFamily } from '../../data/countResponse.js';
import type { Coordinates } from '../../data/run/siteDescription.js';
import type { OutputColumn } from '../../data/writeTable.js';
import { namedTruth, type TrueSite } from '../namedTruth.js';
import { drawGamma } from '../distributions/counts.js';
import { belowDiagonal, drawDeviation, type SimulatedCovariance } from '../simulatedCovariance.js';
import { levelLabels, type NamedValue, type SimulationRandom } from '../simulation.js';
import { drawResponse } from '../threeLevel/drawResponse.js';
import { type Margin, type Panel, purchases } from './scenario.js';

const blockRows = 65_536;
/** Trials of a row are 1 … this, each as likely. */
const mostTrials = 20;

export interface SimulatedPanel {
  /** Empty where margins are the paper's: the response is then no draw from the model. */
  readonly truth: readonly NamedValue[];
  /** Rows sorted by market, consumer and month; to be gone through once. Arrays are used again by the next block. */
  readonly blocks: Iterable<readonly OutputColumn[]>;
}

/** Coefficients of consumers and markets, row-major. */
interface Drawn {
  readonly marketOf: Int32Array;
  /** `[consumer][trait]` */
  readonly traits: Float64Array;
  /** `[consumer]`, `[consumer][channel]` */
  readonly alpha: Float64Array;
  readonly beta: Float64Array;
  /** `[market]`, `[market][channel]`, `[market][control]` */
  readonly muAlpha: Float64Array;
  readonly muBeta: Float64Array;
  readonly gamma: Float64Array;
}

export function simulatePanel(panel: Panel, random: SimulationRandom): SimulatedPanel {
  const labels = { market: levelLabels('M', panel.markets), consumer: levelLabels('C', panel.consumers) };
  const drawn = drawGroups(panel, random);
  return {
    truth: panel.margins === 'paper' ? [] : panelTruth(panel, drawn, labels),
    blocks: drawBlocks(panel, drawn, labels, random),
  };
}

interface Labels {
  readonly market: readonly string[];
  readonly consumer: readonly string[];
}

/** A gamma variate of mean 1 and the given coefficient of variation. */
function drawFactor(variation: number, random: SimulationRandom): number {
  const shape = 1 / (variation * variation);
  return drawGamma(shape, random) / shape;
}

const clipped = (value: number, { least, most }: Margin, isClipped: boolean): number =>
  isClipped ? Math.min(most, Math.max(least, value)) : value;

function drawGroups(panel: Panel, random: SimulationRandom): Drawn {
  const { consumers, markets, channels, controls, traitMargins, margins } = panel;
  const traitCount = traitMargins.length;
  const marketOf = drawMarkets(panel, random);
  const spread = (
    covariance: SimulatedCovariance,
    means: ArrayLike<number>,
    target: Float64Array,
    at: number,
  ): void => {
    for (const [k, deviation] of drawDeviation(covariance, random).entries()) target[at + k] = means[k] + deviation;
  };
  const drawn: Drawn = {
    marketOf,
    traits: new Float64Array(consumers * traitCount),
    alpha: new Float64Array(consumers),
    beta: new Float64Array(consumers * channels),
    muAlpha: new Float64Array(markets),
    muBeta: new Float64Array(markets * channels),
    gamma: new Float64Array(markets * controls),
  };
  for (let j = 0; j < markets; j++) {
    drawn.muAlpha[j] = panel.muAlpha + panel.tauAlpha * random.normal();
    spread(panel.tau, panel.muBeta, drawn.muBeta, j * channels);
    spread(panel.gamma, panel.muGamma, drawn.gamma, j * controls);
  }
  const means = new Float64Array(traitCount);
  for (let i = 0; i < consumers; i++) {
    for (const [m, margin] of traitMargins.entries()) {
      const { mean, sd, least } = margin;
      const value = least + (mean - least) * drawFactor(sd / (mean - least), random);
      drawn.traits[i * traitCount + m] = clipped(value, margin, margins === 'paper');
      means[m] += drawn.traits[i * traitCount + m] / consumers;
    }
  }
  const own = new Float64Array(channels);
  for (let i = 0; i < consumers; i++) {
    const j = marketOf[i];
    drawn.alpha[i] = drawn.muAlpha[j] + panel.sigmaAlpha * random.normal();
    for (let k = 0; k < channels; k++) {
      own[k] = drawn.muBeta[j * channels + k];
      for (let m = 0; m < traitCount; m++) own[k] += panel.theta[k][m] * (drawn.traits[i * traitCount + m] - means[m]);
    }
    spread(panel.eta, own, drawn.beta, i * channels);
  }
  return drawn;
}

/** Two consumers for every market, the others by shares that differ by a factor of up to four. */
function drawMarkets({ consumers, markets }: Panel, random: SimulationRandom): Int32Array {
  const shares = Float64Array.from({ length: markets }, () => 1 / (0.3 + random.uniform()));
  const total = shares.reduce((sum, share) => sum + share, 0);
  const marketOf = new Int32Array(consumers);
  let [cumulative, placed] = [0, 0];
  for (const [j, share] of shares.entries()) {
    cumulative += share;
    const end = Math.round((cumulative / total) * (consumers - 2 * markets)) + 2 * (j + 1);
    marketOf.fill(j, placed, end);
    placed = end;
  }
  return marketOf;
}

function* drawBlocks(
  panel: Panel,
  { marketOf, traits, alpha, beta, gamma }: Drawn,
  labels: Labels,
  random: SimulationRandom,
): Generator<readonly OutputColumn[]> {
  const { consumers, markets, months, channels, controls, channelMargins, traitMargins, family, margins } = panel;
  const isPaper = margins === 'paper';
  const capacity = Math.min(blockRows, consumers * months);
  const codes = { market: new Int32Array(capacity), consumer: new Int32Array(capacity) };
  const month = new Int32Array(capacity);
  const isWhole = isCountFamily(family) && !isPaper;
  const response = isWhole ? new Int32Array(capacity) : new Float64Array(capacity);
  const trials = new Int32Array(capacity);
  const exposures = channelMargins.map(({ name }) => ({ name, values: new Int32Array(capacity) }));
  const ofMarket = panel.controlNames.map((name) => ({ name, values: new Float64Array(capacity) }));
  const ofConsumer = traitMargins.map(({ name }) => ({ name, values: new Float64Array(capacity) }));
  const block = (count: number): OutputColumn[] => [
    { name: 'market', codes: codes.market.subarray(0, count), levels: labels.market },
    { name: 'consumer', codes: codes.consumer.subarray(0, count), levels: labels.consumer },
    { name: 'month', values: month.subarray(0, count) },
    { name: panel.response, values: response.subarray(0, count) },
    ...(family === 'binomial' ? [{ name: 'visits', values: trials.subarray(0, count) }] : []),
    ...[...exposures, ...ofMarket, ...ofConsumer].map(({ name, values }) => ({
      name,
      values: values.subarray(0, count),
    })),
  ];
  // What varies between consumers, and between the months of one: two factors of equal variation.
  const variation = channelMargins.map(({ mean, sd }) => Math.sqrt(Math.sqrt(1 + (sd / mean) ** 2) - 1));
  const z = Float64Array.from({ length: markets * months * controls }, () => random.normal());
  const level = new Float64Array(channels);
  const paper = isPaper ? paperResponse(panel) : undefined;
  let row = 0;
  for (let i = 0; i < consumers; i++) {
    const j = marketOf[i];
    for (let k = 0; k < channels; k++) level[k] = channelMargins[k].mean * drawFactor(variation[k], random);
    for (let t = 0; t < months; t++) {
      codes.market[row] = j;
      codes.consumer[row] = i;
      month[row] = t + 1;
      let eta = alpha[i];
      for (let k = 0; k < channels; k++) {
        const exposure = clipped(Math.round(level[k] * drawFactor(variation[k], random)), channelMargins[k], isPaper);
        exposures[k].values[row] = exposure;
        eta += beta[i * channels + k] * exposure;
      }
      for (let c = 0; c < controls; c++) {
        const value = z[(j * months + t) * controls + c];
        ofMarket[c].values[row] = value;
        eta += gamma[j * controls + c] * value;
      }
      for (const [m, { values }] of ofConsumer.entries()) values[row] = traits[i * ofConsumer.length + m];
      if (family === 'binomial') trials[row] = 1 + Math.floor(mostTrials * random.uniform());
      response[row] =
        paper === undefined
          ? drawResponse(family, eta, panel, trials[row], random)
          : paper(eta + panel.sigma * random.normal());
      row++;
      if (row < capacity) continue;
      yield block(row);
      row = 0;
    }
  }
  if (row > 0) yield block(row);
}

/** Of log purchases before a constant is taken off, and the quantile of a standard normal below which nothing is bought; found by trial. */
const [logMean, logSd, noPurchase] = [4.92, 0.74, -1.28];

/**
 * From log purchases to purchases with about the mean and standard deviation of the table: those of a narrower logarithm, less a constant, 0
 * where that is negative, cut off at the largest value.
 */
function paperResponse(panel: Panel): (logPurchases: number) => number {
  const { least, most } = purchases;
  const centre = panel.muAlpha + panel.muBeta.reduce((sum, beta, k) => sum + beta * panel.channelMargins[k].mean, 0);
  const total = panel.sigma / Math.sqrt(1 - panel.r2);
  const shift = Math.exp(logMean + logSd * noPurchase);
  return (logPurchases) => {
    const value = Math.exp(logMean + (logSd * (logPurchases - centre)) / total) - shift;
    return Math.min(most, Math.max(least, Math.round(100 * value) / 100));
  };
}

function panelTruth(panel: Panel, drawn: Drawn, labels: Labels): NamedValue[] {
  const { channelMargins, traitMargins, controlNames, family, consumers, channels } = panel;
  const channel = channelMargins.map(({ name }) => name);
  const coords: Coordinates = {
    channel,
    channel_column: channel,
    control: controlNames,
    control_column: controlNames,
    trait: traitMargins.map(({ name }) => name),
    ...labels,
  };
  const site = (name: string, dims: readonly string[], values: ArrayLike<number>): TrueSite => ({
    name,
    dims,
    shape: dims.map((dim) => coords[dim].length),
    coefficientDims: ['channel', 'control', 'trait', 'channel_column', 'control_column'],
    values,
  });
  const correlation = (name: string, dim: string, { loadings }: SimulatedCovariance): TrueSite[] =>
    loadings === undefined ? [] : [site(name, [dim, `${dim}_column`], belowDiagonal(loadings))];
  const ate = new Float64Array(channels);
  for (let at = 0; at < drawn.beta.length; at++) ate[at % channels] += drawn.beta[at] / consumers;
  const has = { controls: controlNames.length > 0, traits: traitMargins.length > 0 };
  const isGaussian = family === 'gaussian' || family === 'studentT';
  const sites = [
    site('mu_alpha', [], [panel.muAlpha]),
    site('mu_beta', ['channel'], panel.muBeta),
    ...(has.traits ? [site('theta', ['channel', 'trait'], panel.theta.flat())] : []),
    ...(has.controls ? [site('mu_gamma', ['control'], panel.muGamma)] : []),
    site('ate', ['channel'], ate),
    ...(isGaussian ? [site('sigma', [], [panel.sigma])] : []),
    ...(family === 'negativeBinomial' ? [site('phi', [], [panel.phi])] : []),
    site('sigma_alpha', [], [panel.sigmaAlpha]),
    site('sigma_eta', ['channel'], panel.eta.sds),
    ...correlation('corr_eta', 'channel', panel.eta),
    site('tau_alpha', [], [panel.tauAlpha]),
    site('tau_beta', ['channel'], panel.tau.sds),
    ...correlation('corr_beta', 'channel', panel.tau),
    ...(has.controls ? [site('sigma_gamma', ['control'], panel.gamma.sds)] : []),
    ...(has.controls ? correlation('corr_gamma', 'control', panel.gamma) : []),
    site('mu_alpha_market', ['market'], drawn.muAlpha),
    site('mu_beta_market', ['market', 'channel'], drawn.muBeta),
    ...(has.controls ? [site('gamma', ['market', 'control'], drawn.gamma)] : []),
    site('alpha', ['consumer'], drawn.alpha),
    site('beta', ['consumer', 'channel'], drawn.beta),
  ];
  return namedTruth(sites, coords);
}
