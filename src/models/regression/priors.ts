// Priors of the regression: what the user set, else weakly informative ones on the scale of the response, or a horseshoe.
import { InputError } from '../../data/inputError.js';
import { meanAndSd } from '../../data/predictors.js';
import { formatPrior, type PriorSpec } from '../../data/prior.js';
import type { FixedPrior } from '../linearHierarchy/structure.js';
import type { ModelDescription } from '../model.js';
import { checkFamily, positiveFamilies } from '../priors.js';
import { declareHorseshoe, isShrunk } from '../shrinkage.js';
import type { RegressionData } from './data.js';
import type { RegressionOptions } from './regression.js';

export interface RegressionPriors {
  readonly sigma: PriorSpec;
  /** Of the constant, the columns and the free effects of the categories. */
  readonly fixed: FixedPrior;
  /** Rough posterior standard deviations of what is sampled of them. */
  readonly startSds: Float64Array;
  readonly described: ModelDescription['priors'];
}

/** Multiples of the response's standard deviation, over those of the columns. */
const defaultScale = { coefficient: 5 } as const;
const residualDf = 3;

/** Throws InputError for families that do not suit their sites. */
export function regressionPriors(data: RegressionData, options: RegressionOptions): RegressionPriors {
  const { x, categories, rows, response } = data;
  const set = options.priors ?? {};
  const described: ModelDescription['priors'][number][] = [];
  const describe = (site: string, prior: string): void => {
    described.push({ site, prior, source: site in set ? 'set' : 'default' });
  };
  const sigma = (set.sigma as PriorSpec | undefined) ?? {
    family: 'halfStudentT',
    parameters: [residualDf, response.sd],
  };
  checkFamily('sigma', sigma, positiveFamilies);
  describe('sigma', shortPrior(sigma));
  const shrunk = isShrunk(options);
  if (shrunk && 'coefficient' in set)
    throw new InputError('model.priors.coefficient: shrinkage is the prior of the coefficients; keep one of them');

  const columnSds = x.map(({ values }) => meanAndSd(values).sd);
  const wide = defaultScale.coefficient * response.sd;
  const interceptSd = normalSd(set, 'intercept') ?? wide;
  describe('intercept', `normal(${round(response.mean)}, ${round(interceptSd)})`);
  const coefficientSd = normalSd(set, 'coefficient');
  const sds = columnSds.map((sd) => coefficientSd ?? wide / sd);
  if (!shrunk) {
    describe(
      'coefficient',
      coefficientSd === undefined
        ? `normal(0, ${defaultScale.coefficient} sd(y) / sd of its column)`
        : `normal(0, ${round(coefficientSd)})`,
    );
  }
  const free = categories.reduce((sum, { levels }) => sum + levels.length - 1, 0);
  if (free > 0)
    described.push({
      site: 'effects of categories',
      prior: `normal(0, ${round(wide)}) on the free ones`,
      source: 'default',
    });
  const errorSds = columnSds.map((sd) => response.sd / sd / Math.sqrt(rows));
  const places = x.map((_, j) => j + 1);
  const rough = { places, errorSds, rows, responseSd: response.sd, what: 'columns' };
  const horseshoe = shrunk ? declareHorseshoe(options, rough, describe) : undefined;
  const startSds = [response.sd / Math.sqrt(rows), ...(shrunk ? columnSds.map(() => 1) : errorSds)];
  return {
    sigma,
    fixed: {
      kind: 'normal',
      sds: [interceptSd, ...sds, ...Array<number>(free).fill(wide)],
      ...(horseshoe && { horseshoe }),
    },
    startSds: Float64Array.from([...startSds, ...Array<number>(free).fill(response.sd / Math.sqrt(rows / (free + 1)))]),
    described,
  };
}

/** The standard deviation of a normal prior around 0 (of the intercept: around the response's mean). */
function normalSd(set: Readonly<Record<string, PriorSpec>>, site: string): number | undefined {
  if (!(site in set)) return undefined;
  const { family, parameters } = set[site];
  if (family === 'normal' && parameters[0] === 0) return parameters[1];
  const centre = site === 'intercept' ? "the response's mean" : '0';
  throw new InputError(`model.priors.${site}: must be normal(0, sd), around ${centre}, not ${formatPrior(set[site])}`);
}

const round = (x: number): number => Number(x.toPrecision(4));
const shortPrior = (prior: PriorSpec): string => formatPrior({ ...prior, parameters: prior.parameters.map(round) });
