// The reported sites of the three-level model, in the data's units: standardisation is undone exactly.
import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { literal } from '../../kernels/ops/index.js';
import type { Site, Tensors } from '../model.js';
import type { LevelDesign } from './design.js';
import { scaleParameter } from '../groupPriors.js';
import type { LevelValues, ThreeLevelContext } from './context.js';
import { unitDimension } from './context.js';

/** Site list in the order of the summary: population first. */
export function threeLevelSites({ data, family, design, covariance, p, q, r }: ThreeLevelContext): Site[] {
  const units = data.units.count;
  const coefficientDims = [
    'coefficient',
    'coefficient_z',
    'coefficient_w',
    'coefficient_column',
    'market_coefficient',
    'market_coefficient_column',
  ];
  const site = (
    name: string,
    level: Site['level'],
    axes: readonly (readonly [string, number])[],
    isFixed?: Site['isFixed'],
  ): Site => ({
    name,
    level,
    shape: axes.map(([, size]) => size),
    dims: axes.map(([dim]) => dim),
    coefficientDims,
    ...(isFixed && { isFixed }),
  });
  const upper = ([i, j]: readonly number[]): boolean => i <= j;
  const zAxis: readonly (readonly [string, number])[] = q > 1 ? [['coefficient_z', q]] : [];
  const coefficients = [['coefficient', p], ...zAxis] as const;
  const sites: Site[] = [];
  if (design.markets === null) sites.push(site('gamma', 'population', coefficients));
  else sites.push(site('delta', 'population', [...coefficients, ['coefficient_w', r]]));
  const scale = scaleParameter(family);
  if (scale !== undefined) sites.push(site(scale, 'population', []));
  sites.push(site('sigma_u', 'population', [['coefficient', p]]));
  if (covariance.product === 'full') {
    sites.push(
      site(
        'corr_u',
        'population',
        [
          ['coefficient', p],
          ['coefficient_column', p],
        ],
        upper,
      ),
    );
  }
  if (design.markets !== null) {
    const market = data.markets!;
    sites.push(site('sigma_v', 'population', coefficients));
    if (covariance.market === 'full') {
      const k = p * q;
      sites.push(
        site(
          'corr_v',
          'population',
          [
            ['market_coefficient', k],
            ['market_coefficient_column', k],
          ],
          upper,
        ),
      );
    }
    sites.push(site('gamma', 'group', [[market.column, market.names.length], ...coefficients]));
  }
  sites.push(
    site('beta', 'group', [
      [unitDimension(data), units],
      ['coefficient', p],
    ]),
  );
  return sites;
}

/** Every site from the constrained parameters and the coefficients of the levels. */
export function threeLevelReport(context: ThreeLevelContext, parameters: Tensors, levels: LevelValues): Tensors {
  const { design, data, covariance, p, q, r } = context;
  const rows = back(design.rows);
  const units = back(design.units);
  const zShape = q > 1 ? [q] : [];
  const scale = scaleParameter(context.family);
  const out: Record<string, Tensor> = scale === undefined ? {} : { [scale]: parameters[scale] };
  out.beta = rows === undefined ? levels.beta : tf.matMul(levels.beta, rows);
  const unit = covarianceInDataUnits(parameters.sigma_u, parameters.cholesky_u, rows);
  out.sigma_u = unit.sd;
  if (covariance.product === 'full') out.corr_u = unit.correlation;
  // Γ in data units: A'ΓC with the back-transforms A of the rows and C of the units.
  const both = kronecker(rows, p, units, q);
  const transformed = (x: Tensor): Tensor => (both === undefined ? x : tf.matMul(x, both));
  if (design.markets === null) {
    out.gamma = transformed(levels.gamma.reshape([1, p * q])).reshape([p, ...zShape]);
    return out;
  }
  out.gamma = transformed(levels.gamma).reshape([data.markets!.names.length, p, ...zShape]);
  const markets = back(design.markets);
  const delta = transformed(parameters.delta.reshape([p * q, r]).transpose()).transpose();
  out.delta = (markets === undefined ? delta : tf.matMul(delta, markets)).reshape([p, ...zShape, r]);
  const market = covarianceInDataUnits(parameters.sigma_v, parameters.cholesky_v, both);
  out.sigma_v = market.sd.reshape([p, ...zShape]);
  if (covariance.market === 'full') out.corr_v = market.correlation;
  return out;
}

/** The k × k literal that turns row vectors of coefficients from model to data units; undefined when they are the same. */
function back(design: LevelDesign): Tensor | undefined {
  const k = design.names.length;
  return design.isStandardised ? literal([...design.toDataUnits], [k, k]) : undefined;
}

function kronecker(a: Tensor | undefined, p: number, b: Tensor | undefined, q: number): Tensor | undefined {
  if (a === undefined && b === undefined) return undefined;
  const left = (a ?? identity(p)).reshape([p, 1, p, 1]);
  const right = (b ?? identity(q)).reshape([1, q, 1, q]);
  return left.mul(right).reshape([p * q, p * q]);
}

function identity(k: number): Tensor {
  return literal(
    Array.from({ length: k * k }, (_, i) => (Math.floor(i / k) === i % k ? 1 : 0)),
    [k, k],
  );
}

/** Standard deviations and correlations of T'ΣT, Σ = diag(s) L L' diag(s). */
function covarianceInDataUnits(
  sds: Tensor,
  lower: Tensor | undefined,
  t: Tensor | undefined,
): { sd: Tensor; correlation: Tensor } {
  const k = sds.shape[0];
  const factor = sds.reshape([k, 1]).mul(lower ?? identity(k));
  const rows = t === undefined ? factor : tf.matMul(t, factor, true, false);
  const sd = t === undefined ? sds : rows.square().sum(1).sqrt();
  const scaled = rows.div(sd.reshape([k, 1]));
  return { sd, correlation: tf.matMul(scaled, scaled, false, true) };
}
