// The config.yaml that goes with simulated sales: every line with what it means.
import { commentedConfig, type CommentedLine } from '../commentedConfig.js';
import type { ThreeLevelSimulation } from './simulate.js';

/** Text of a configuration that `fit` takes as it is. */
export function salesConfig(
  simulation: ThreeLevelSimulation,
  settings: {
    readonly file: string;
    readonly covariance: string;
    readonly shrinkage?: string | undefined;
    readonly seed: number;
  },
): string {
  const { columns, markets, products, family = 'gaussian', df } = simulation;
  const list = (predictors: readonly { readonly name: string }[]) =>
    `[${predictors.map(({ name }) => name).join(', ')}]`;
  const groups =
    markets === null ? `${products.length} products` : `${products.length} products in ${markets.length} markets`;
  const lines: CommentedLine[] = [
    ['data:', ''],
    [`  file: ${settings.file}`, 'relative to this file; .csv, .csv.gz or .parquet'],
    ['model:', ''],
    ['  name: three-level', ''],
    [`  response: ${columns.response}`, 'one number per row'],
    ...(family === 'gaussian' ? [] : [[`  family: ${family}`, 'distribution of the response'] as const]),
    ...(family === 'studentT' ? [[`  df: ${df}`, 'degrees of freedom'] as const] : []),
    ...(family === 'binomial'
      ? [[`  trials: ${columns.trials}`, 'of which the response counts the successes'] as const]
      : []),
    [
      `  product: ${columns.product}`,
      markets === null ? 'the units, each with coefficients of its own' : 'product and market together make the unit',
    ],
    ...(markets === null
      ? []
      : [[`  market: ${columns.market}`, 'the third level; leave it out for two levels'] as const]),
    [`  time: ${columns.time}`, 'the occasion, to notice repeated ones'],
    [`  x: ${list(simulation.x)}`, 'varies by row: effects by unit'],
    [`  z: ${list(simulation.z)}`, 'varies by unit: explains the effects of units'],
    ...(markets === null
      ? []
      : [[`  w: ${list(simulation.w)}`, 'varies by market: explains the effects of markets'] as const]),
    ['  standardise: false', 'the predictors were drawn with mean 0 and sd 1, or as 0/1'],
    [`  covariance: ${settings.covariance}`, 'of the effects within a level: diagonal, full or factors'],
    ...(settings.shrinkage === undefined || settings.shrinkage === 'none'
      ? []
      : [[`  shrinkage: ${settings.shrinkage}`, "of the population's coefficients"] as const]),
    [`seed: ${settings.seed}`, 'the same seed gives the same draws'],
  ];
  return commentedConfig(
    `Simulated sales: ${simulation.rows} rows, ${groups}. The true values are in truth.json.`,
    lines,
  );
}
