// `hierax simulate experiments`: customers in many randomised campaigns over weeks, from the model or with the margins of the paper's tables.
import type { OutputColumn } from '../../data/writeTable.js';
import { commentedConfig } from '../commentedConfig.js';
import type { ModelSimulator, SimulatedData, SimulationRandom } from '../simulation.js';
import { poolable } from './poolable.js';
import { paperColumns } from './simulatePaperMargins.js';
import { type DesignSize, simulateDesign, type SimulatedDesign } from './simulateDesign.js';
import {
  campaignNames,
  columnsOf,
  type ExperimentTruth,
  names,
  simulateTruth,
  type TruthSize,
} from './simulateTruth.js';

interface Size extends DesignSize, TruthSize {
  readonly margins: string;
}

const blockRows = 65_536;
const spread = (describe: string, usual: number) =>
  ({ kind: 'number', describe, default: usual, least: 0, most: 1e6 }) as const;

export const experimentsSimulator: ModelSimulator = {
  options: {
    customers: { kind: 'count', describe: 'customers', default: 2000, least: 2, most: 5_000_000 },
    weeks: { kind: 'count', describe: 'weeks', default: 96, least: 4, most: 1000 },
    campaigns: { kind: 'count', describe: 'campaigns', default: 20, least: 2, most: 10_000 },
    interventions: {
      kind: 'count',
      describe: 'interventions of a customer, on average',
      default: 28,
      least: 2,
      most: 500,
    },
    covariates: {
      kind: 'count',
      describe: 'columns of usage that the response depends on',
      default: names.x.length,
      least: 1,
      most: names.x.length,
    },
    sigma: { kind: 'number', describe: 'standard deviation of the errors', default: 90, least: 1e-6, most: 1e6 },
    unobserved: spread('sd of half the effects over customers, unexplained', 5.77),
    observed: spread('sd of half the effects by exposure, activity and share treated', 2.84),
    time: spread('sd of half the effects over weeks', 0.35),
    campaign: spread('sd of half the effects over campaigns', 0.54),
    margins: {
      kind: 'word',
      describe:
        "model: drawn from the model; paper: columns like the paper's tables, which the model does not fit exactly",
      default: 'model',
      known: ['model', 'paper'],
    },
  },
  plan: (settings) => {
    const size = settings as unknown as Size;
    return (random) => simulateExperiments(size, random);
  },
};

function simulateExperiments(size: Size, random: SimulationRandom): SimulatedData {
  const { design, truth } = drawExperiments(size, random);
  const isModel = size.margins === 'model';
  return {
    rows: design.rows,
    // Where the response is cut off, these are not the values that a fit would find.
    truth: isModel ? truth.values : [],
    blocks: blocksOf(size, design, truth, random),
    config: (file, seed) => configOf(size, design, file, seed),
  };
}

export interface DrawnExperiments {
  readonly design: SimulatedDesign;
  readonly truth: ExperimentTruth;
  readonly customers: readonly string[];
}

/** The customers, their histories and all true values. */
export function drawExperiments(size: DesignSize & TruthSize, random: SimulationRandom): DrawnExperiments {
  const design = simulateDesign(size, random);
  const customers = Array.from({ length: size.customers }, (_, i) => String(i + 1));
  return { design, truth: simulateTruth(design, customers, size, random), customers };
}

/** Responses of rows `from` to `to` of one customer after the other, written to `target` from place 0. */
export function drawResponses(
  { design, truth }: Pick<DrawnExperiments, 'design' | 'truth'>,
  sigma: number,
  [from, to]: readonly [number, number],
  customerOf: Int32Array,
  random: SimulationRandom,
  target: Float64Array,
): void {
  const { treated } = design;
  const { sets, share, xMeans, own, baseline, tau, baselineShare, tauShare, intercept } = truth;
  const x = columnsOf(design).slice(0, truth.xMeans.length);
  const k = 1 + x.length;
  for (let row = from; row < to; row++) {
    const at = customerOf[row - from] * k;
    let mean = intercept + baselineShare * share.values[row];
    let effect = own[at] + tauShare * share.values[row];
    for (let s = 0; s < sets.length; s++) {
      const code = sets[s].codes[row];
      mean += baseline[s][code];
      effect += tau[s][code];
    }
    for (let j = 0; j < x.length; j++) mean += own[at + 1 + j] * (x[j][row] - xMeans[j]);
    target[row - from] = mean + (treated[row] === 1 ? effect : -effect) + sigma * random.normal();
  }
}

function* blocksOf(
  { sigma, margins }: Size,
  design: SimulatedDesign,
  truth: ExperimentTruth,
  random: SimulationRandom,
): Generator<readonly OutputColumn[]> {
  const { rows, rowStart, week, campaign, treated, usage, rolling, campaigns } = design;
  const capacity = Math.min(rows, blockRows);
  const integers = [0, 1, 2, 3, 4].map(() => new Int32Array(capacity));
  const x = [0, 1, 2, 3].map(() => new Float64Array(capacity));
  const response = new Float64Array(capacity);
  const levels = campaignNames(campaigns.length);
  const attributes = (['goal', 'action', 'reward'] as const).map((name) => {
    const found = [...new Set(campaigns.map((own) => own[name]))].sort();
    return {
      name,
      levels: found,
      ofCampaign: campaigns.map((own) => found.indexOf(own[name])),
      codes: new Int32Array(capacity),
    };
  });
  let customer = 0;
  for (let done = 0; done < rows; done += capacity) {
    const count = Math.min(capacity, rows - done);
    for (let i = 0; i < count; i++) {
      const row = done + i;
      while (row >= rowStart[customer + 1]) customer++;
      integers[4][i] = customer + 1;
      integers[0][i] = customer;
      integers[1][i] = week[row];
      integers[2][i] = campaign[row];
      integers[3][i] = treated[row];
      for (let j = 0; j < 3; j++) x[j][i] = usage[j][row];
      x[3][i] = rolling[row];
      for (const own of attributes) own.codes[i] = own.ofCampaign[campaign[row]];
    }
    drawResponses({ design, truth }, sigma, [done, done + count], integers[0], random, response);
    const cut = <T extends Float64Array | Int32Array>(values: T): T => values.subarray(0, count) as T;
    yield [
      { name: names.customer, values: cut(integers[4]) },
      { name: names.week, values: cut(integers[1]) },
      { name: names.campaign, codes: cut(integers[2]), levels },
      ...attributes.map(({ name, levels: own, codes }) => ({ name, codes: cut(codes), levels: own })),
      { name: names.treatment, values: cut(integers[3]) },
      ...(margins === 'paper'
        ? paperColumns(x.map(cut), cut(response), random)
        : [
            { name: names.response, values: cut(response) },
            ...names.x.map((name, j) => ({ name, values: cut(x[j]) })),
          ]),
    ];
  }
}

function configOf(
  { margins, customers, covariates }: Size,
  { rows, campaigns }: SimulatedDesign,
  file: string,
  seed: number,
): string {
  const isModel = margins === 'model';
  const truth = isModel
    ? 'The true values are in truth.json.'
    : "Columns like the paper's tables; nothing is known of the truth.";
  const kept = ['week', 'campaign', 'exposure', 'activity'].map((set) => `effect_${set}`);
  return commentedConfig(`${rows} rows of ${customers} customers in ${campaigns.length} campaigns. ${truth}`, [
    ['data:', ''],
    [`  file: ${file}`, 'relative to this file; .csv, .csv.gz or .parquet'],
    ['model:', ''],
    ['  name: experiments', ''],
    [`  response: ${names.response}`, 'recharge of the next 30 days less that of the past 30'],
    [`  treatment: ${names.treatment}`, '1 treated, 0 control'],
    [`  customer: ${names.customer}`, 'each with an effect of its own'],
    [`  campaign: ${names.campaign}`, 'with a week it makes an intervention'],
    [`  week: ${names.week}`, ''],
    [`  x: [${names.x.slice(0, covariates).join(', ')}]`, 'logs, with coefficients of every customer'],
    [`  activity: ${names.x[3]}`, 'cut into seven classes'],
    ['  exposure: true', 'recency and stock of past treatments'],
    ['  share: true', 'share treated in the campaign of the week'],
    [
      `  pooling: [${poolable.join(', ')}]`,
      "their effects have a spread that is estimated; without, the paper's priors",
    ],
    ['method: gibbs', ''],
    // Draws of every customer's effect are too many to keep.
    ...(customers > 5000 ? [[`keep: [${kept.join(', ')}]`, 'with intervals in the report'] as const] : []),
    [`seed: ${seed}`, 'the same seed gives the same draws'],
  ]);
}
