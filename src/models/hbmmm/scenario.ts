// The consumers that `hierax simulate hbmmm` draws: exposures, traits and true effects, after the tables of the paper (000 Tables 5 and 6).
import type { ResponseFamily } from '../../data/countResponse.js';
import type { Shrinkage } from '../shrinkage.js';
import { type SimulatedCovariance, simulatedLoadings } from '../simulatedCovariance.js';

/** Numbers that the command line sets. */
export interface PanelSize {
  readonly consumers: number;
  readonly markets: number;
  readonly months: number;
  readonly channels: number;
  readonly controls: number;
  readonly traits: number;
  /** Share of the response's variance that the linear predictor makes, with normal errors. */
  readonly r2: number;
  readonly covariance: 'diagonal' | 'full';
  /** Common factors of consumers' effects, in place of what `covariance` says of them; 0: none. */
  readonly factors: number;
  /** Of the population's effects, in the configuration. */
  readonly shrinkage: Shrinkage;
  readonly family: ResponseFamily;
  /** `model`: rows drawn from the model; `paper`: with the marginal statistics of the paper's Table 5. */
  readonly margins: 'model' | 'paper';
}

/** A positive variable, from `least` on: `least` and a gamma variate. The largest value is that of the table, where margins are the paper's. */
export interface Margin {
  readonly name: string;
  readonly mean: number;
  readonly sd: number;
  readonly least: number;
  readonly most: number;
}

interface Channel extends Margin {
  /** Mean effect of an exposure, and its spread between consumers. */
  readonly effect: number;
  readonly spread: number;
}

const knownChannels: readonly Channel[] = [
  { name: 'tv', mean: 12.37, sd: 8.92, least: 0, most: 78, effect: 0.042, spread: 0.031 },
  { name: 'digital', mean: 45.63, sd: 32.18, least: 0, most: 352, effect: 0.035, spread: 0.028 },
  { name: 'email', mean: 3.82, sd: 2.75, least: 0, most: 25, effect: 0.058, spread: 0.037 },
  { name: 'social', mean: 6.41, sd: 5.87, least: 0, most: 62, effect: 0.029, spread: 0.025 },
];
const knownTraits: readonly Margin[] = [
  { name: 'age', mean: 38.72, sd: 13.45, least: 18, most: 80 },
  { name: 'income', mean: 72.56, sd: 41.23, least: 20, most: 250 },
];
const knownControls = ['confidence', 'competition'];
/** Purchases of a month (000 Table 5), the response where margins are the paper's. */
export const purchases: Margin = { name: 'purchases', mean: 127.84, sd: 215.63, least: 0, most: 2500 };

const intercept = 2.487;
const consumerLevel = 0.872;
/** Spread of markets over that of consumers. */
const marketShare = 0.4;
const controlEffects = [0.3, -0.25, 0.2, -0.15];
const controlSpread = 0.15;
/** Effect of a standard deviation of a trait on that of a channel, in spreads of consumers; goes round. Older consumers respond more to TV and less to
 * social, those with high incomes more to email (000 §5.1). */
const traitPull = [0.5, -0.2, 0.1, -0.4, 0.1, 0.2, 0.5, -0.1];

/** Mean of the linear predictor and a factor of all effects: purchases in logs; or log odds, or log means of small counts. */
const responses: Readonly<
  Record<ResponseFamily, { readonly name: string; readonly mean?: number; readonly size: number }>
> = {
  gaussian: { name: 'log_purchases', size: 1 },
  studentT: { name: 'log_purchases', size: 1 },
  bernoulli: { name: 'bought', mean: -0.3, size: 0.4 },
  binomial: { name: 'bought', mean: -0.3, size: 0.4 },
  poisson: { name: 'purchases', mean: 1, size: 0.25 },
  negativeBinomial: { name: 'purchases', mean: 1, size: 0.25 },
};

export interface Panel extends PanelSize {
  readonly response: string;
  readonly channelMargins: readonly Margin[];
  readonly traitMargins: readonly Margin[];
  readonly controlNames: readonly string[];
  readonly muAlpha: number;
  readonly muBeta: readonly number[];
  readonly muGamma: readonly number[];
  /** `[channel][trait]` */
  readonly theta: readonly (readonly number[])[];
  readonly sigma: number;
  readonly df: number;
  readonly phi: number;
  readonly sigmaAlpha: number;
  readonly tauAlpha: number;
  readonly eta: SimulatedCovariance;
  readonly tau: SimulatedCovariance;
  readonly gamma: SimulatedCovariance;
}

/** Without the last digits of binary products. */
const tidy = (value: number): number => Number(value.toPrecision(6));
const around = (values: readonly number[], index: number): number => values[index % values.length];

export function panelOf(size: PanelSize): Panel {
  const { name, mean, size: factor } = responses[size.family];
  const channels = Array.from({ length: size.channels }, (_, k): Channel => {
    const further = { name: `channel_${k + 1}`, mean: 10, sd: 8, least: 0, most: 100, effect: 0.03, spread: 0.02 };
    return knownChannels.at(k) ?? further;
  });
  const traits = Array.from(
    { length: size.traits },
    (_, m): Margin => knownTraits.at(m) ?? { name: `trait_${m + 1}`, mean: 2, sd: 1, least: 0, most: 10 },
  );
  const muBeta = channels.map(({ effect }) => tidy(factor * effect));
  const spreads = channels.map(({ spread }) => tidy(factor * spread));
  const muGamma = Array.from({ length: size.controls }, (_, c) => tidy(factor * around(controlEffects, c)));
  const exposure = channels.reduce((sum, own, k) => sum + muBeta[k] * own.mean, 0);
  const parts = {
    muAlpha: tidy(mean === undefined ? intercept : mean - exposure),
    muBeta,
    muGamma,
    theta: spreads.map((spread, k) =>
      traits.map(({ sd }, m) => tidy((around(traitPull, k + m * knownChannels.length) * spread) / sd)),
    ),
    sigmaAlpha: tidy(factor * consumerLevel),
    tauAlpha: tidy(factor * consumerLevel * marketShare),
    eta: { sds: spreads, ...simulatedLoadings(size.channels, size.factors > 0 ? size.factors : size.covariance) },
    tau: {
      sds: spreads.map((spread) => tidy(marketShare * spread)),
      ...simulatedLoadings(size.channels, size.covariance),
    },
    gamma: {
      sds: muGamma.map(() => tidy(factor * controlSpread)),
      ...simulatedLoadings(size.controls, size.covariance),
    },
  };
  const explained = varianceOf(parts, channels, traits);
  return {
    ...size,
    ...parts,
    response: size.margins === 'paper' ? purchases.name : name,
    channelMargins: channels,
    traitMargins: traits,
    controlNames: Array.from({ length: size.controls }, (_, c) => knownControls.at(c) ?? `control_${c + 1}`),
    sigma: tidy(Math.sqrt((explained * (1 - size.r2)) / size.r2)),
    df: 4,
    phi: 2,
  };
}

type Effects = Pick<Panel, 'muBeta' | 'muGamma' | 'theta' | 'sigmaAlpha' | 'tauAlpha' | 'eta' | 'tau' | 'gamma'>;

/** Variance of the linear predictor over consumers and months, correlations of effects left out. */
function varianceOf(effects: Effects, channels: readonly Margin[], traits: readonly Margin[]): number {
  const ofChannel = ({ mean, sd }: Margin, k: number): number => {
    const ofTraits = effects.theta[k].reduce((sum, theta, m) => sum + (theta * traits[m].sd) ** 2, 0);
    const spread = effects.eta.sds[k] ** 2 + effects.tau.sds[k] ** 2 + ofTraits;
    return spread * (mean * mean + sd * sd) + effects.muBeta[k] ** 2 * sd * sd;
  };
  return (
    effects.sigmaAlpha ** 2 +
    effects.tauAlpha ** 2 +
    channels.reduce((sum, own, k) => sum + ofChannel(own, k), 0) +
    effects.muGamma.reduce((sum, mu, c) => sum + mu * mu + effects.gamma.sds[c] ** 2, 0)
  );
}
