// Where the vectors of a run live: on the density's own device, or in the host's memory.
import type { BatchedLogDensity } from '../logDensity.js';
import { HostPhaseSpaces } from './hostPhaseSpaces.js';
import type { PhaseSpaces, PhaseSpacesSettings } from './phaseSpaces.js';

/** Makes the phase spaces of a run. */
export type CreatePhaseSpaces = (
  density: BatchedLogDensity,
  settings: PhaseSpacesSettings,
) => PhaseSpaces | Promise<PhaseSpaces>;

/** Phase spaces where the density's positions are. */
export const phaseSpaces: CreatePhaseSpaces = (density, settings) => {
  return new HostPhaseSpaces(density, settings);
};
