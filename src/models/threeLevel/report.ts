// The reported sites of the three-level model, in the data's units: standardisation is undone exactly.
import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { literal } from '../../kernels/ops/index.js';
import type { Site, Tensors } from '../model.js';
import { horseshoeReport, horseshoeSites, inclusionOf } from '../shrinkage.js';
import type { LevelDesign } from './design.js';
import { type CovarianceKind, isCorrelated, scaleParameter } from '../groupPriors.js';
import { covarianceInDataUnits, factorsInDataUnits } from '../linearHierarchy/covarianceReport.js';
import { levelMeans } from '../linearHierarchy/hierarchyModel.js';
import { priorSds } from '../linearHierarchy/coefficientPrior.js';
import { identityMatrix } from '../linearHierarchy/levelCovariance.js';
import { hasFactors, type Hierarchy, type HierarchyLevel } from '../linearHierarchy/structure.js';
import type { LevelValues, ThreeLevelContext } from './context.js';
import { unitDimension } from './context.js';

/** Site list in the order of the summary: population first. */
export function threeLevelSites({ data, family, design, priors, covariance, p, q, r }: ThreeLevelContext): Site[] {
  const units = data.units.count;
  const coefficientDims = [
    'coefficient',
    'coefficient_z',
    'coefficient_w',
    'coefficient_column',
    'market_coefficient',
    'market_coefficient_column',
    'factor',
    'market_factor',
  ];
  const site = (
    name: string,
    level: Site['level'],
    axes: readonly (readonly [string, number])[],
    more: Pick<Site, 'isFixed' | 'rotation'> = {},
  ): Site => ({
    name,
    level,
    shape: axes.map(([, size]) => size),
    dims: axes.map(([dim]) => dim),
    coefficientDims,
    ...more,
  });
  const upper = { isFixed: ([i, j]: readonly number[]): boolean => i <= j };
  /** What the factors leave, and the loadings. */
  const factorSites = (u: 'u' | 'v', kind: CovarianceKind, axes: readonly (readonly [string, number])[]): Site[] => {
    if (typeof kind !== 'object') return [];
    const ofCoefficients = axes.length === 1 ? axes[0] : (['market_coefficient', p * q] as const);
    const factor = [u === 'u' ? 'factor' : 'market_factor', kind.factors] as const;
    return [
      site(`psi_${u}`, 'population', axes),
      site(`loadings_${u}`, 'population', [ofCoefficients, factor], rotationOf(u)),
    ];
  };
  const zAxis: readonly (readonly [string, number])[] = q > 1 ? [['coefficient_z', q]] : [];
  const coefficients = [['coefficient', p], ...zAxis] as const;
  const sites: Site[] = [];
  if (design.markets === null) sites.push(site('gamma', 'population', coefficients));
  else sites.push(site('delta', 'population', [...coefficients, ['coefficient_w', r]]));
  const { population } = priors;
  const horseshoe = population.kind === 'normal' ? population.horseshoe : undefined;
  if (horseshoe !== undefined) {
    sites.push(...horseshoeSites(horseshoe).map((name) => site(name, 'population', [])));
    const axes = design.markets === null ? coefficients : ([...coefficients, ['coefficient_w', r]] as const);
    // The Intercept's own is not shrunk.
    sites.push(site('inclusion', 'population', axes, { isFixed: (index) => index.every((i) => i === 0) }));
  }
  const scale = scaleParameter(family);
  if (scale !== undefined) sites.push(site(scale, 'population', []));
  sites.push(site('sigma_u', 'population', [['coefficient', p]]));
  if (isCorrelated(covariance.product)) {
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
  sites.push(...factorSites('u', covariance.product, [['coefficient', p]]));
  if (design.markets !== null) {
    const market = data.markets!;
    sites.push(site('sigma_v', 'population', coefficients));
    if (isCorrelated(covariance.market)) {
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
    sites.push(...factorSites('v', covariance.market, coefficients));
    sites.push(site('gamma', 'group', [[market.column, market.names.length], ...coefficients]));
  }
  sites.push(
    site('beta', 'group', [
      [unitDimension(data), units],
      ['coefficient', p],
    ]),
  );
  const scores = (u: 'u' | 'v', kind: CovarianceKind, group: readonly [string, number], dim: string): void => {
    if (typeof kind === 'object') sites.push(site(`scores_${u}`, 'group', [group, [dim, kind.factors]], rotationOf(u)));
  };
  if (data.markets !== null)
    scores('v', covariance.market, [data.markets.column, data.markets.names.length], 'market_factor');
  scores('u', covariance.product, [unitDimension(data), units], 'factor');
  return sites;
}

const rotationOf = (level: 'u' | 'v'): Pick<Site, 'rotation'> => ({
  rotation: { loadings: `loadings_${level}`, judgedBy: [`sigma_${level}`, `corr_${level}`] },
});

/** Every site from the constrained parameters and the coefficients of the levels. */
export function threeLevelReport(
  context: ThreeLevelContext,
  { terms: [{ levels: declared }] }: Hierarchy,
  parameters: Tensors,
  levels: LevelValues,
  d: Tensors,
): Tensors {
  const { design, data, priors, covariance, p, q, r } = context;
  const rows = back(design.rows);
  const units = back(design.units);
  const zShape = q > 1 ? [q] : [];
  const scale = scaleParameter(context.family);
  const out: Record<string, Tensor> = scale === undefined ? {} : { [scale]: parameters[scale] };
  const { population } = priors;
  const horseshoe = population.kind === 'normal' ? population.horseshoe : undefined;
  if (population.kind === 'normal' && horseshoe !== undefined) {
    const shrunk = horseshoe.places.length;
    const sds = priorSds(population, parameters).slice([1], [shrunk]);
    const inclusion = inclusionOf(sds, literal(horseshoe.errorSds!));
    Object.assign(out, horseshoeReport(horseshoe, parameters, inclusion));
    out.inclusion = tf.concat([literal([1]), inclusion], 0).reshape([p, ...zShape, ...(r > 0 ? [r] : [])]);
  }
  out.beta = rows === undefined ? levels.beta : tf.matMul(levels.beta, rows);
  const unit = covarianceInDataUnits(declared[0].covariance, parameters, rows);
  out.sigma_u = unit.sd;
  if (isCorrelated(covariance.product)) out.corr_u = unit.correlation;
  Object.assign(out, factorReport('u', declared[0], '0_0', levels.beta, levels.gamma, parameters, d, rows));
  // Γ in data units: A'ΓC with the back-transforms A of the rows and C of the units.
  const both = kronecker(rows, p, units, q);
  const transformed = (x: Tensor): Tensor => (both === undefined ? x : tf.matMul(x, both));
  if (design.markets === null) {
    out.gamma = transformed(levels.gamma.reshape([1, p * q])).reshape([p, ...zShape]);
    return out;
  }
  out.gamma = transformed(levels.gamma).reshape([data.markets!.names.length, p, ...zShape]);
  const markets = back(design.markets);
  const delta = transformed(levels.population.reshape([p * q, r]).transpose()).transpose();
  out.delta = (markets === undefined ? delta : tf.matMul(delta, markets)).reshape([p, ...zShape, r]);
  const market = covarianceInDataUnits(declared[1].covariance, parameters, both);
  out.sigma_v = market.sd.reshape([p, ...zShape]);
  if (isCorrelated(covariance.market)) out.corr_v = market.correlation;
  const own = factorReport('v', declared[1], '0_1', levels.gamma, levels.population, parameters, d, both);
  Object.assign(out, own, own.psi_v && { psi_v: own.psi_v.reshape([p, ...zShape]) });
  return out;
}

/** The k × k literal that turns row vectors of coefficients from model to data units; undefined when they are the same. */
function back(design: LevelDesign): Tensor | undefined {
  const k = design.names.length;
  return design.isStandardised ? literal([...design.toDataUnits], [k, k]) : undefined;
}

function kronecker(a: Tensor | undefined, p: number, b: Tensor | undefined, q: number): Tensor | undefined {
  if (a === undefined && b === undefined) return undefined;
  const left = (a ?? identityMatrix(p)).reshape([p, 1, p, 1]);
  const right = (b ?? identityMatrix(q)).reshape([1, q, 1, q]);
  return left.mul(right).reshape([p * q, p * q]);
}

/** Sites of a level's common factors; nothing where it has none. */
function factorReport(
  level: 'u' | 'v',
  declared: HierarchyLevel,
  key: string,
  coefficients: Tensor,
  outer: Tensor,
  parameters: Tensors,
  d: Tensors,
  t: Tensor | undefined,
): Record<string, Tensor> {
  const { covariance } = declared;
  if (!hasFactors(covariance)) return {};
  const deviations = coefficients.sub(levelMeans(declared, key, outer, d));
  const { uniques, loadings, scores } = factorsInDataUnits(covariance, parameters, deviations, t);
  return { [`psi_${level}`]: uniques, [`loadings_${level}`]: loadings, [`scores_${level}`]: scores };
}
