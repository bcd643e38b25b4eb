// Where Gibbs chains start: around the model's own start, or around scales of the data where it has none.
import { freeCoefficients } from '../../models/linearHierarchy/fixedBlock.js';
import { deviatingOf, outerPlaces } from '../../models/linearHierarchy/links.js';
import { hasFactors, type Hierarchy, isLinear, type LevelCovariance } from '../../models/linearHierarchy/structure.js';
import { covarianceOfFactors } from '../linearHierarchy/factors.js';
import { HierarchyPositions } from '../linearHierarchy/positions.js';
import { modelSettings } from '../modelSettings.js';
import { type RandomKey, sites, stepKey } from '../random/streams.js';
import type { ChainValues } from './chainValues.js';
import type { GibbsModel } from './settings.js';
import { hasFewRows, startPrecisions } from './polyaGamma/fewRows.js';
import { startShrinkage } from './shrinkage.js';

/** Half-width of the jitter of the logs of scales where the model has no start. */
const spread = 0.7;

/** The start of one chain. */
export function startValues(model: GibbsModel, key: RandomKey, chain: number): ChainValues {
  const structure = model.structure!;
  const stream = stepKey(key, chain, 0).stream(sites.initialPosition);
  const isWeighted = isLinear(structure) && structure.errors.df !== undefined;
  const weights = isWeighted ? new Float64Array(structure.rows).fill(1) : undefined;
  const omega = hasFewRows(structure) ? startPrecisions(structure) : undefined;
  if (model.start === undefined) {
    return { ...scalesOfData(structure, () => spread * (2 * stream.uniform() - 1)), weights, omega };
  }
  const { centre, radius } = modelSettings(model, {}).initial!;
  const widths = radius as ArrayLike<number>;
  const position = Float64Array.from(centre as ArrayLike<number>, (x, i) => x + widths[i] * (2 * stream.uniform() - 1));
  return { ...new HierarchyPositions(model).read(position), weights, omega };
}

/** Half of the response's spread (through a link: ½) each for the errors and for every coefficient; the coefficients themselves at 0. */
function scalesOfData(structure: Hierarchy, jitter: () => number): ChainValues {
  const { y, rows, terms, fixed } = structure;
  const rms = (x: Float64Array, around = 0): number =>
    Math.sqrt(x.reduce((sum, value) => sum + (value - around) ** 2, 0) / Math.max(1, x.length));
  const mean = y.reduce((sum, value) => sum + value, 0) / rows;
  const half = isLinear(structure) ? 0.5 * (rms(y, mean) || 1) : 0.5;
  const sigma = half * Math.exp(jitter());
  return {
    sigma,
    terms: terms.map(({ columns, levels, population: { prior } }) => {
      let sizes = columns.map((column) => rms(column) || 1);
      const values = levels.map((level) => {
        const { groups, size, covariates, covariateCount: q, covariance } = level;
        const sds = Float64Array.from(deviatingOf(level), (i) => (half / sizes[i]) * Math.exp(jitter()));
        const scales = startCovariance(covariance, sds, jitter);
        const own = Array.from({ length: q }, (_, c) => rms(covariates.filter((_z, at) => at % q === c)) || 1);
        const inner = sizes;
        sizes = outerPlaces(level).map(({ coefficient, covariate }) => inner[coefficient] * own[covariate]);
        return { coefficients: new Float64Array(groups * size), ...scales };
      });
      const shrinkage = prior.kind === 'normal' ? startShrinkage(prior, sigma) : undefined;
      return { levels: values, population: new Float64Array(sizes.length), ...shrinkage };
    }),
    fixed: fixed && {
      coefficients: new Float64Array(freeCoefficients(fixed)),
      ...startShrinkage(fixed.prior, sigma),
    },
  };
}

/** Of factors a third of every variance, by loadings of either sign; else no correlations. */
function startCovariance(covariance: LevelCovariance, sds: Float64Array, jitter: () => number) {
  const size = sds.length;
  if (hasFactors(covariance)) {
    const { factors } = covariance;
    const loadings = Float64Array.from({ length: size * factors }, (_, at) => {
      return (sds[Math.floor(at / factors)] * jitter()) / spread / Math.sqrt(factors);
    });
    return covarianceOfFactors({ loadings, uniques: sds.map((sd) => Math.sqrt(2 / 3) * sd) });
  }
  if (covariance.cholesky === undefined) return { sds, lower: undefined };
  const lower = new Float64Array(size * size);
  for (let i = 0; i < size; i++) lower[i * size + i] = 1;
  return { sds, lower };
}
