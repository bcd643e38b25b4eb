// The true values of a simulation under the names by which a fit reports them.
import { scalarNames } from '../data/run/names.js';
import { type Coordinates, type SiteDescription, siteSize } from '../data/run/siteDescription.js';
import type { NamedValue } from './simulation.js';

export interface TrueSite extends SiteDescription {
  /** Row-major; NaN where the model fixes the value. */
  readonly values: ArrayLike<number>;
}

/** Every scalar, in the order of the sites. */
export function namedTruth(sites: readonly TrueSite[], coords: Coordinates): NamedValue[] {
  const truth: NamedValue[] = [];
  for (const site of sites) {
    if (site.values.length !== siteSize(site))
      throw new RangeError(`site ${site.name} of a simulation has ${site.values.length} values for ${siteSize(site)}`);
    let element = 0;
    for (const name of scalarNames(site, coords)) {
      const value = site.values[element++];
      if (!Number.isNaN(value)) truth.push({ name, value });
    }
  }
  return truth;
}
