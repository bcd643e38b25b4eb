// A report input of realistic size and shape, simulated from a fixed seed: juice sales by store and brand.
import seedrandom from 'seedrandom';
import { GROUP_LIMITS, POPULATION_LIMITS, ebfmi, summarise } from '../../src/diagnostics/index.js';
import type {
  ReportDraws,
  ReportForest,
  ReportInput,
  ReportParameter,
  ReportPredictiveCheck,
} from '../../src/report/reportInput.js';

type Random = () => number;

function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Four autoregressive chains around a mean, or around its logarithm. */
function chainsOf(random: Random, mean: number, sd: number, count: number, positive = false): Float64Array[] {
  const rho = 0.2;
  return Array.from({ length: 4 }, () => {
    let state = normal(random);
    return Float64Array.from({ length: count }, () => {
      state = rho * state + Math.sqrt(1 - rho * rho) * normal(random);
      return positive ? mean * Math.exp((sd / mean) * state) : mean + sd * state;
    });
  });
}

const POPULATION: readonly (readonly [string, number, number])[] = [
  ['delta[Intercept,Intercept]', 8.2241, 0.0327],
  ['delta[Intercept,price]', -2.3296, 0.0384],
  ['delta[Intercept,deal]', 0.0663, 0.0057],
  ['delta[Intercept,feature]', 0.7134, 0.0112],
  ['delta[age60,Intercept]', 0.0412, 0.0331],
  ['delta[age60,price]', 0.0927, 0.0372],
  ['delta[income,Intercept]', -0.0213, 0.0335],
  ['delta[income,price]', 0.1387, 0.039],
  ['sigma_u[Intercept]', 0.855, 0.021],
  ['sigma_u[price]', 0.774, 0.022],
  ['sigma_u[deal]', 0.06, 0.006],
  ['sigma_u[feature]', 0.292, 0.01],
  ['sigma_v[Intercept]', 0.146, 0.041],
  ['sigma_v[price]', 0.235, 0.046],
  ['sigma_v[deal]', 0.028, 0.006],
  ['sigma_v[feature]', 0.018, 0.009],
  ['sigma', 0.5407, 0.0012],
];

export function forestOf(title: string, coefficient: string, count: number, label: string, seed: string): ReportForest {
  const random = seedrandom(seed);
  const groups = Array.from({ length: count }, (_, index) => {
    const truth = -2.33 + 0.4 * normal(random);
    const standardError = 0.08 + 0.7 * random() ** 4;
    const estimate = truth + standardError * normal(random);
    const weight = 0.16 / (0.16 + standardError ** 2);
    const mean = weight * estimate - (1 - weight) * 2.33;
    const half = 1.645 * 0.4 * Math.sqrt(1 - weight);
    return {
      label: `${label} ${index + 2}`,
      mean,
      q5: mean - half,
      q95: mean + half,
      unpooled: index % 29 === 28 ? null : { estimate: index % 31 === 30 ? estimate + 9 : estimate, standardError },
    };
  });
  return { title, coefficient, groups, populationMean: -2.33 };
}

function predictiveOf(random: Random): ReportPredictiveCheck {
  const grid = Array.from({ length: 200 }, (_, index) => 3 + (10 * index) / 199);
  const bump = (x: number, centre: number, width: number): number =>
    Math.exp(-0.5 * ((x - centre) / width) ** 2) / width;
  const density = (shift: number, skew: number): number[] =>
    grid.map((x) => (0.75 * bump(x, 8 + shift, 0.95) + 0.25 * bump(x, 9.6 + skew, 0.8)) / Math.sqrt(2 * Math.PI));
  return {
    response: 'log_sales',
    grid,
    observed: density(0.05, 0.15),
    replicated: Array.from({ length: 50 }, () => density(0.02 * normal(random), 0.05 * normal(random))),
    statistics: [
      { name: 'mean', observed: 8.431, q5: 8.428, q50: 8.431, q95: 8.435, pValue: 0.52 },
      { name: 'sd', observed: 1.187, q5: 1.184, q50: 1.187, q95: 1.19, pValue: 0.47 },
      { name: 'smallest', observed: 4.159, q5: 3.912, q50: 4.211, q95: 4.433, pValue: 0.59 },
      { name: '5 % quantile', observed: 6.521, q5: 6.483, q50: 6.494, q95: 6.505, pValue: 0.001 },
      { name: '95 % quantile', observed: 10.31, q5: 10.3, q50: 10.32, q95: 10.33, pValue: 0.66 },
      { name: 'largest', observed: 13.48, q5: 12.61, q50: 12.92, q95: 13.4, pValue: 0.03 },
    ],
  };
}

/** Input of a report; `changes` replace whole fields. */
export function exampleInput(changes: Partial<ReportInput> = {}): ReportInput {
  const random = seedrandom('report');
  const draws: ReportDraws[] = POPULATION.map(([name, mean, sd]) => {
    const positive = name.startsWith('sigma');
    const chains = chainsOf(random, mean, sd, 1000, positive);
    return positive ? { name, chains, lower: 0 } : { name, chains };
  });
  const population = draws.map(({ name, chains }) => ({ name, class: 'population' as const, ...summarise(chains) }));
  const groups = Array.from({ length: 996 }, (_, index): ReportParameter => {
    const name = `beta[store=${2 + Math.floor(index / 12)},brand=${1 + (index % 12)},price]`;
    return { name, class: 'group', ...summarise(chainsOf(random, -2.33, 0.3, 250)) };
  });
  const energies = Array.from({ length: 4 }, () => {
    let state = 0;
    return Float64Array.from({ length: 1000 }, () => {
      state = 0.5 * state + 18 * normal(random);
      return 85_000 + state;
    });
  });
  return {
    title: 'Orange juice: log sales by store and brand',
    run: {
      method: 'NUTS',
      command: 'hierax fit examples/orange-juice/config.yaml --chains 4 --warmup 1000 --draws 1000 --seed 1 --out runs/orange-juice',
      date: '2026-03-14 09:26 UTC',
      seed: 1,
      device: 'cpu',
      precision: 'double',
      threads: 2,
      chains: 4,
      warmup: 1000,
      draws: 1000,
      versions: [
        { name: 'hierax', version: '0.1.0' },
        { name: 'node', version: '20.20.0' },
      ],
    },
    cost: {
      seconds: { load: 0.61, compile: 0.12, warmup: 148.2, sampling: 171.4, total: 324.9 },
      peakMemoryBytes: 612_000_000,
      effort: { unit: 'gradients', count: 124_310 },
    },
    model: {
      words: [
        'Log sales of each brand in each store follow a normal distribution around a line in price, deal and feature; every brand in every store has its own intercept and slopes.',
        'The lines of the brands in a store scatter around the line of the store; the lines of the stores scatter around a line that depends on the demographics of the store.',
      ],
      formulas: [
        { label: 'observation', formula: '<i>y</i><sub>ijt</sub> = <i>β</i><sub>ij</sub>′ [1, <i>X</i><sub>ijt</sub>] + <i>ε</i><sub>ijt</sub>,  <i>ε</i> ~ N(0, <i>σ</i>²)' },
        { label: 'product level', formula: '<i>β</i><sub>ij</sub> = <i>Γ</i><sub>j</sub> [1, <i>Z</i><sub>ij</sub>] + <i>u</i><sub>ij</sub>,  <i>u</i> ~ N(0, <i>Σ</i><sub>u</sub>)' },
        { label: 'market level', formula: 'vec <i>Γ</i><sub>j</sub> = <i>Δ</i> [1, <i>W</i><sub>j</sub>] + <i>v</i><sub>j</sub>,  <i>v</i> ~ N(0, <i>Σ</i><sub>v</sub>)' },
      ],
      priors: [
        { site: 'delta', prior: 'Normal(0, 2.5)', source: 'default' },
        { site: 'sigma', prior: 'HalfStudentT(3, 0, 1)', source: 'default' },
        { site: 'sigma_u', prior: 'Huang–Wand(ν = 2, A = 1)', source: 'default' },
        { site: 'sigma_v', prior: 'Huang–Wand(ν = 2, A = 0.5)', source: 'set' },
      ],
      notes: ['Store level: non-centred; brand-in-store level: centred (median of 112 rows for each unit).'],
    },
    data: {
      source: 'SELECT * FROM orange_juice (examples/orange-juice/prepare.sql)',
      rows: 106_139,
      sizes: [
        { name: 'unit', count: 913 },
        { name: 'product', count: 11 },
        { name: 'market', count: 83 },
      ],
      columns: [
        { name: 'log_sales', role: 'response', mean: 9.168, sd: 1.019, min: 4.159, max: 13.48, standardised: 'no' },
        { name: 'price[brand]', role: 'x', mean: 0.7841, sd: 0.2213, min: -0.6539, max: 1.353, standardised: 'centred by 0.7841' },
        { name: 'deal', role: 'x', mean: 0.3107, sd: 0.4628, min: 0, max: 1, standardised: 'no' },
        { name: 'feature', role: 'x', mean: 0.2374, sd: 0.3981, min: 0, max: 1, standardised: 'no' },
        { name: 'age60', role: 'w', mean: 0.1733, sd: 0.0619, min: 0.058, max: 0.307, standardised: 'centred by 0.1733, divided by 0.0619' },
        { name: 'income', role: 'w', mean: 10.62, sd: 0.2823, min: 9.867, max: 11.24, standardised: 'centred by 10.62, divided by 0.2823' },
      ],
      rowsPerGroup: { group: 'unit', min: 61, q25: 109, median: 117, q75: 120, max: 121 },
      notes: ['Rows without sales are absent from the source.'],
    },
    checks: [
      { name: 'rhat', status: 'pass', detail: 'Largest 1.004 over 17 population parameters, 1.009 over 996 groups.' },
      { name: 'essBulk', status: 'pass', detail: 'Smallest bulk 2,013, tail 1,611 over population parameters.' },
      { name: 'divergences', status: 'pass', detail: 'None in 4,000 draws.' },
      { name: 'treeDepth', status: 'pass', detail: 'No trajectory reached depth 10.' },
      { name: 'ebfmi', status: 'pass', detail: 'Smallest 0.81; 0.3 and above is good.' },
      { name: 'Thin groups', status: 'review', detail: '3 units have fewer rows than coefficients (store 137, brand 11; store 62, brand 4; store 12, brand 9): their effects come mostly from the other units.' },
    ],
    limits: { population: POPULATION_LIMITS, group: GROUP_LIMITS },
    parameters: [...population, ...groups],
    draws,
    forests: [
      forestOf('Price effect by brand', 'price', 11, 'brand', 'brand'),
      forestOf('Deal effect by brand', 'deal', 11, 'brand', 'deal'),
      forestOf('Price effect by store', 'price', 83, 'store', 'store'),
    ],
    sampler: {
      drawsPerChain: 1000,
      divergences: [0, 0, 0, 0],
      maxTreeDepthHits: [0, 0, 0, 0],
      maxTreeDepth: 10,
      stepSize: [0.142, 0.139, 0.151, 0.144],
      acceptanceRate: [0.86, 0.88, 0.85, 0.86],
      ebfmi: energies.map(ebfmi),
      energies,
    },
    predictive: predictiveOf(random),
    ...changes,
  };
} // prettier-ignore
