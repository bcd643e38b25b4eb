// A declared hierarchy as a model by itself: for hierarchies of one's own, which no registered model covers.
import type { Model, Site } from '../model.js';
import { hierarchyModel } from './hierarchyModel.js';
import { covarianceMatrix } from './levelCovariance.js';
import { deviatingCount } from './links.js';
import { hasFactors, type Hierarchy } from './structure.js';

/** Sites of more entries than this along their first axis are those of groups, as in `defineModel`. */
const populationSize = 50;

/**
 * The model that a structure declares, for every method that suits it: those for hierarchies (Gibbs, marginal NUTS, structured ADVI) as
 * well as those for any density. Reports the parameters under the names that the structure gives them; coefficients of groups, of the
 * population and of the fixed block are reported themselves, not in the coordinates in which they are sampled, and a covariance of factors
 * as `covariance of <name of its sds>`, `[k, k]`, beside its loadings. Throws RangeError for sizes that do not fit together.
 */
export function declaredModel(structure: Hierarchy, name = 'hierarchy'): Model {
  const hierarchy = hierarchyModel(structure);
  const factorLevels = structure.terms.flatMap(({ levels }) =>
    levels.filter(({ covariance }) => hasFactors(covariance)),
  );
  const covariances = factorLevels.map((level) => ({
    covariance: level.covariance,
    name: `covariance of ${level.covariance.sds}`,
    shape: [deviatingCount(level), deviatingCount(level)],
  }));
  // Coefficients are reported with those that do not deviate, which are no parameters.
  const ofGroups = new Map(
    structure.terms.flatMap(({ levels }) =>
      levels.map(({ coefficients, groups, size }) => [coefficients, [groups, size]] as const),
    ),
  );
  const reported = hierarchy.parameters.map((own) => ({
    name: own.name,
    shape: ofGroups.get(own.name) ?? own.shape,
  }));
  const sites = [...reported, ...covariances].map(({ name: site, shape }): Site => ({
    name: site,
    shape,
    dims: shape.map((_, axis) => `${site}_${axis}`),
    level: shape.length > 0 && shape[0] > populationSize ? 'group' : 'population',
  }));
  const { totalLogLikelihood } = hierarchy;
  return {
    name,
    parameters: hierarchy.parameters,
    data: hierarchy.data,
    byObservation: hierarchy.byObservation,
    coords: {},
    sites,
    structure,
    logPrior: (p, d) => hierarchy.logPrior(p, d),
    logLikelihood: (p, d) => hierarchy.logLikelihood(p, d),
    predict: (p, d) => hierarchy.predict(p, d),
    observed: { name: 'y', values: structure.y },
    replicate: hierarchy.replicate,
    ...(totalLogLikelihood && { totalLogLikelihood }),
    report: (p, d) => {
      const values = hierarchy.evaluate(p, d);
      const coefficients = structure.terms.flatMap(({ levels }, t) =>
        levels.map(({ coefficients: site }, l) => [site, values.coefficients[t][l]] as const),
      );
      const populations = structure.terms.map(({ population }, t) => [population.name, values.populations[t]] as const);
      return {
        ...p,
        ...Object.fromEntries([...coefficients, ...populations]),
        ...Object.fromEntries(covariances.map(({ name: site, covariance }) => [site, covarianceMatrix(covariance, p)])),
        ...(values.fixed && { [structure.fixed!.name]: values.fixed }),
      };
    },
  };
}
