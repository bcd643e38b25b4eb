// Options that simulators of hierarchies share.
import { families } from '../data/countResponse.js';
import { shrinkages } from './shrinkage.js';
import type { SimulationOption } from './simulation.js';

/** @param groups whose effects common factors may make, in the plural; @param shrunk what a horseshoe may shrink */
export function hierarchyOptions(groups: string, shrunk: string): Readonly<Record<string, SimulationOption>> {
  return {
    covariance: {
      kind: 'word',
      describe: 'of the effects within a level: diagonal or full',
      default: 'diagonal',
      known: ['diagonal', 'full'],
    },
    factors: {
      kind: 'count',
      describe: `common factors of the effects of ${groups}; 0: as covariance says`,
      default: 0,
      least: 0,
      most: 20,
    },
    shrinkage: {
      kind: 'word',
      describe: `of ${shrunk} in the configuration: none, horseshoe or regularisedHorseshoe`,
      default: 'none',
      known: shrinkages,
    },
    family: { kind: 'word', describe: 'distribution of the response', default: 'gaussian', known: families },
  };
}
