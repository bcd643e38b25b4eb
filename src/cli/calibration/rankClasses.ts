// The ranks of a calibration by the sites of the model.
import { scalarNames } from '../../data/run/names.js';
import type { CalibrationClass } from '../../diagnostics/index.js';
import type { Simulation } from '../../inference/index.js';
import { isFixedElement, type Model } from '../../models/model.js';

/** Ranks by site; elements fixed by construction are left out, and sites that are identified up to a rotation only. */
export function rankClasses(model: Model, simulations: readonly Simulation[]): CalibrationClass[] {
  let offset = 0;
  return model.sites.flatMap((site) => {
    const names = [...scalarNames(site, model.coords)];
    const start = offset;
    offset += names.length;
    if (site.rotation !== undefined) return [];
    const free = names.map((_, element) => element).filter((element) => !isFixedElement(site, element));
    return {
      site: site.name,
      level: site.level,
      names: free.map((element) => names[element]),
      ranks: simulations.map(({ ranks }) => free.map((element) => ranks[start + element])),
    };
  });
}
