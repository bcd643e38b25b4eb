// Ordinary least squares and ridge regression as methods: the baselines without groups. Their draws are around the estimates.
import { type LinearHierarchy, linearStructure } from '../../models/linearHierarchy/structure.js';
import { flatRefusal } from '../frequentist/flat.js';
import { type LeastSquares, leastSquares } from '../frequentist/leastSquares.js';
import { ridgePenalty } from '../frequentist/ridge.js';
import { HierarchyPositions } from '../linearHierarchy/positions.js';
import { randomKey, sites, stepKey } from '../random/streams.js';
import { type IndependentDraws, usualApproximation } from './approximation.js';
import { aroundEstimate } from './aroundEstimate.js';
import type { Method, MethodName } from './method.js';

/** Flat priors of the coefficients and of log σ: intervals are the classical ones. */
export const ols = method('ols', 'least squares', (structure) => {
  const fit = leastSquares(structure);
  return { fit, words: `ordinary least squares: ${residualError(fit)}` };
});

/** Columns are penalised by their variance, so units do not matter; the constant and the effects of categories are not. */
export const ridge = method('ridge', 'ridge regression', (structure) => {
  const { lambda, penalties, rmse, rmseUnpenalised } = ridgePenalty(structure);
  const fit = leastSquares(structure, penalties);
  const without = Number.isNaN(rmseUnpenalised) ? 'no solution' : rmseUnpenalised.toPrecision(6);
  return {
    fit,
    words: `ridge penalty ${lambda.toPrecision(4)} by 10-fold cross-validation: error of rows held out ${rmse.toPrecision(6)}, without a penalty ${without}; ${residualError(fit)}`,
  };
});

const residualError = ({ residualSumOfSquares, degrees }: LeastSquares): string =>
  `residual standard error ${Math.sqrt(residualSumOfSquares / degrees).toPrecision(6)} on ${Number(degrees.toFixed(1))} degrees of freedom`;

function method(
  name: MethodName,
  title: string,
  estimate: (structure: LinearHierarchy) => { readonly fit: LeastSquares; readonly words: string },
): Method {
  return {
    name,
    title,
    effort: 'gradients',
    statistics: [],
    draws: 'independent',
    usual: usualApproximation,
    devices: ['cpu'],
    refusal: (model) => {
      const structure = linearStructure(model);
      if (structure === undefined) return `${model.name} declares no linear predictor with normal errors`;
      if (structure.terms.length > 0) return `${model.name} has groups; reml is for these`;
      if (structure.errors.df !== undefined) return 'it is for normal errors, not for Student-t';
      return flatRefusal(structure);
    },
    prepare: (model) => {
      const positions = new HierarchyPositions(model);
      const make: IndependentDraws = ({ chains, draws, seed }, { onDraw, wantsDraw }) => {
        const { fit, words } = estimate(linearStructure(model)!);
        const key = randomKey(seed);
        const position = new Float64Array(positions.dimension);
        const coefficients = new Float64Array(fit.estimate.length);
        for (let chain = 0; chain < chains; chain++) {
          for (let index = 0; index < draws; index++) {
            if (wantsDraw !== undefined && !wantsDraw(chain, 'sampling', index)) continue;
            const sigma = fit.draw(stepKey(key, chain, index).stream(sites.approximation), coefficients);
            positions.write({ sigma, terms: [], fixed: { coefficients } }, position);
            onDraw({ chain, phase: 'sampling', index, position, info: {} });
          }
        }
        return Promise.resolve({ evaluations: chains, findings: [{ name, status: 'pass', detail: words }] });
      };
      return Promise.resolve(aroundEstimate(name, positions.dimension, 0, make, () => Promise.resolve()));
    },
  };
}
