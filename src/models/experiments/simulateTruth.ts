// True values of simulated experiments: effects with the standard deviations asked for over the very rows that were drawn.
import {
  exposureCells,
  exposureEdges,
  exposureHistory,
  quantileClasses,
  quantileEdges,
  shareTreated,
  usualRecencyEdges,
} from '../../data/exposureHistory.js';
import { scalarNames } from '../../data/run/names.js';
import { isFixedElement } from '../model.js';
import type { NamedValue, SimulationRandom } from '../simulation.js';
import { type EffectSet, occurring } from './data.js';
import type { SimulatedDesign } from './simulateDesign.js';
import { experimentSites } from './sites.js';

export interface TruthSize {
  readonly sigma: number;
  /** Of the four columns of usage, how many the response depends on, with coefficients of every customer; default all. */
  readonly covariates?: number;
  /** Standard deviations of the components of τ. */
  readonly unobserved: number;
  readonly observed: number;
  readonly time: number;
  readonly campaign: number;
}

export const names = {
  response: 'change',
  treatment: 'treated',
  customer: 'customer',
  campaign: 'campaign',
  week: 'week',
  x: ['usage_7', 'usage_14', 'usage_30', 'usage_rolling'],
} as const;

/** Sets whose effects are drawn from normal distributions, with these spreads. */
const drawnSets = ['week', 'campaign'] as const;

/** The columns of `names.x`. */
export const columnsOf = ({ usage, rolling }: SimulatedDesign): Float32Array[] => [...usage, rolling];

/** What rows are drawn from. Effects by level, `[set][level]`. */
export interface ExperimentTruth {
  readonly sets: readonly EffectSet[];
  readonly share: { readonly values: Float64Array; readonly mean: number };
  readonly xMeans: readonly number[];
  readonly intercept: number;
  readonly baseline: readonly Float64Array[];
  readonly tau: readonly Float64Array[];
  readonly baselineShare: number;
  readonly tauShare: number;
  /** τ̄ + u_i and β_i, `[customer][5]`. */
  readonly own: Float64Array;
  readonly values: readonly NamedValue[];
}

const tauMean = 0.5;
const betaMeans = [2, -1, 1, -3];
const betaSds = [3, 2, 2, 4];
/** Correlations of the customers' coefficients with their effects. */
const withEffect = [0.3, -0.2, 0.1, -0.25];
const intercept = -4;
/** Standard deviations of the baseline's sets, by the order of the sets: week, campaign, exposure, activity. */
const baselineSds = [3, 4, 2, 3];

export function simulateTruth(
  design: SimulatedDesign,
  customers: readonly string[],
  size: TruthSize,
  random: SimulationRandom,
): ExperimentTruth {
  const sets = setsOf(design);
  const share = shareOf(design);
  const normals = ({ levels }: EffectSet): Float64Array => centre(Float64Array.from(levels, () => random.normal()));
  const baseline = sets.map((set, s) => scaled(normals(set), set, baselineSds[s]));
  const raw = sets.map((set) => (set.kind === 'customer' ? fatigue(set, random) : normals(set)));
  const tau = sets.map((set, s) => (set.name === 'week' ? scaled(raw[s], set, size.time) : raw[s]));
  tau[1] = scaled(raw[1], sets[1], size.campaign);
  // The observed part as a whole has its standard deviation: activity, exposure and share together.
  const score = observedScore(sets, tau, share.values, -4);
  const factor = score > 0 ? size.observed / score : 0;
  for (const [s, { kind }] of sets.entries()) if (kind === 'customer') tau[s] = tau[s].map((own) => own * factor);
  const tauShare = -4 * factor;
  const baselineShare = -5;
  const means = betaMeans.slice(0, size.covariates);
  const own = drawCustomers(customers.length, means, size.unobserved, random);
  const truth = {
    sets,
    share,
    xMeans: columnsOf(design).slice(0, means.length).map(meanOf),
    intercept,
    baseline,
    tau,
    baselineShare,
    tauShare,
    own,
  };
  return { ...truth, values: namedValues(design, customers, size, truth) };
}

function setsOf({ week, campaign, rowStart, treated, rolling, campaigns }: SimulatedDesign): EffectSet[] {
  const rows = week.length;
  const customer = new Int32Array(rows);
  for (let i = 0; i + 1 < rowStart.length; i++) customer.fill(i, rowStart[i], rowStart[i + 1]);
  const history = exposureHistory({ customer, customers: rowStart.length - 1, week, treated });
  const cells = exposureCells(history, exposureEdges(history));
  const activity = Float64Array.from(rolling);
  const weeks = Array.from({ length: week.reduce((most, own) => Math.max(most, own), 0) }, (_, t) => String(t + 1));
  return [
    { name: names.week, kind: 'week', ...occurring({ codes: Int32Array.from(week, (t) => t - 1), levels: weeks }) },
    {
      name: names.campaign,
      kind: 'campaign',
      ...occurring({ codes: Int32Array.from(campaign), levels: campaignNames(campaigns.length) }),
    },
    { name: 'exposure', kind: 'customer', ...occurring(cells) },
    { name: 'activity', kind: 'customer', ...occurring(quantileClasses(activity, quantileEdges(activity, 7))) },
  ];
}

export const campaignNames = (campaigns: number): string[] =>
  Array.from({ length: campaigns }, (_, c) => `c${String(c + 1).padStart(String(campaigns).length, '0')}`);

function shareOf({ campaign, campaigns, week, treated }: SimulatedDesign): { values: Float64Array; mean: number } {
  const values = shareTreated(campaign, campaigns.length, week, treated);
  const mean = meanOf(values);
  return { values: values.map((value) => value - mean), mean };
}

/** Less with more stock, some of it back with time; more for the active. */
function fatigue({ name, levels }: EffectSet, random: SimulationRandom): Float64Array {
  const value = (level: string, place: number): number => {
    if (name === 'activity') return 0.5 * place;
    if (level === 'never treated') return 3;
    const [, stock] = /stock (\d+)/.exec(level)!;
    const recency = usualRecencyEdges.findIndex((edge) => level.includes(`-${edge} `));
    return 0.3 * (recency < 0 ? usualRecencyEdges.length : recency) - 0.6 * Number(stock);
  };
  return centre(Float64Array.from(levels, (level, place) => value(level, place) + 0.3 * random.normal()));
}

/** Standard deviation over the rows of the customers' observed effects. */
function observedScore(
  sets: readonly EffectSet[],
  tau: readonly Float64Array[],
  share: Float64Array,
  slope: number,
): number {
  const score = share.map((value) => slope * value);
  for (const [s, { kind, codes }] of sets.entries()) {
    if (kind === 'customer') for (let row = 0; row < score.length; row++) score[row] += tau[s][codes[row]];
  }
  return sdOf(score, score.length);
}

/** Effects with this standard deviation over the rows. */
function scaled(effects: Float64Array, set: EffectSet, sd: number): Float64Array {
  const now = spreadOf(effects, set);
  return effects.map((own) => (now > 0 ? (own * sd) / now : 0));
}

function spreadOf(effects: Float64Array, { codes }: EffectSet): number {
  let [sum, squares] = [0, 0];
  for (const code of codes) {
    sum += effects[code];
    squares += effects[code] ** 2;
  }
  return Math.sqrt(Math.max(0, squares / codes.length - (sum / codes.length) ** 2));
}

function centre(values: Float64Array): Float64Array {
  const mean = meanOf(values);
  return values.map((value) => value - mean);
}

/** β_i are drawn given u_i, and independent of each other besides. */
function drawCustomers(
  customers: number,
  means: readonly number[],
  sdOfEffect: number,
  random: SimulationRandom,
): Float64Array {
  const k = 1 + means.length;
  const own = new Float64Array(customers * k);
  for (let i = 0; i < customers; i++) {
    const z = random.normal();
    own[i * k] = tauMean + sdOfEffect * z;
    for (const [j, mean] of means.entries()) {
      const rho = withEffect[j];
      own[i * k + 1 + j] = mean + betaSds[j] * (rho * z + Math.sqrt(1 - rho * rho) * random.normal());
    }
  }
  return own;
}

function namedValues(
  { rows, rowStart }: SimulatedDesign,
  customers: readonly string[],
  { sigma, unobserved, time, campaign }: TruthSize,
  { sets, share, xMeans, baseline, tau, baselineShare, tauShare, own }: Omit<ExperimentTruth, 'values'>,
): NamedValue[] {
  const k = 1 + xMeans.length;
  const { coords, sites } = experimentSites({
    customers: { column: names.customer, names: customers },
    x: names.x.slice(0, k - 1),
    moderators: ['share'],
    sets,
    pooled: drawnSets,
  });
  const ofCustomers = customers.map((_, i) => own[i * k]);
  const effects = Float64Array.from(ofCustomers);
  const spread = [
    sdOf(effects, effects.length - 1),
    observedScore(sets, tau, share.values, tauShare),
    spreadOf(tau[0], sets[0]),
    spreadOf(tau[1], sets[1]),
  ].map((s) => 2 * s);
  let average = 0;
  for (let i = 0; i < effects.length; i++) average += (effects[i] * (rowStart[i + 1] - rowStart[i])) / rows;
  for (const [s, { codes }] of sets.entries()) for (const code of codes) average += tau[s][code] / rows;
  const correlation = (row: number, column: number): number => {
    const [a, b] = [row, column].map((place) => (place === 0 ? 1 : withEffect[place - 1]));
    return row === column ? 1 : a * b;
  };
  const values: Record<string, readonly number[]> = {
    effect: [2 * tauMean],
    average_effect: [2 * average],
    effect_slope: [2 * tauShare],
    intercept: [intercept],
    beta: betaMeans.slice(0, k - 1),
    baseline_slope: [baselineShare],
    sigma: [sigma],
    sigma_u: [2 * unobserved, ...betaSds.slice(0, k - 1)],
    corr_u: Array.from({ length: k * k }, (_, at) => correlation(Math.floor(at / k), at % k)),
    spread,
    sigma_week: [2 * time, baselineSds[0]],
    sigma_campaign: [2 * campaign, baselineSds[1]],
    share_of_spread: spread.map((own) => own / spread.reduce((sum, other) => sum + other)),
    ...Object.fromEntries(
      sets.flatMap(({ name }, s) => [
        [`effect_${name}`, Array.from(tau[s], (one) => 2 * (tauMean + one))],
        [`baseline_${name}`, [...baseline[s]]],
      ]),
    ),
    effect_of_customer: ofCustomers.map((one) => 2 * one),
    beta_of_customer: [...own].filter((_, at) => at % k > 0),
  };
  return sites.flatMap((site) =>
    [...scalarNames(site, coords)].flatMap((name, element) =>
      isFixedElement(site, element) ? [] : [{ name, value: values[site.name][element] }],
    ),
  );
}

function meanOf(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  return sum / values.length;
}

function sdOf(values: Float64Array, divisor: number): number {
  const mean = meanOf(values);
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  return Math.sqrt(squares / divisor);
}
