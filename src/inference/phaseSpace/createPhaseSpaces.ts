// Where the vectors of a run live: on the density's own device, or in the host's memory.
import { GpuPhaseSpaces } from '../gpu/gpuPhaseSpaces.js';
import type { BatchedLogDensity } from '../logDensity.js';
import { HostPhaseSpaces } from './hostPhaseSpaces.js';
import type { PhaseSpaces, PhaseSpacesSettings } from './phaseSpaces.js';

/** Makes the phase spaces of a run. */
export type CreatePhaseSpaces = (
  density: BatchedLogDensity,
  settings: PhaseSpacesSettings,
) => PhaseSpaces | Promise<PhaseSpaces>;

/**
 * Phase spaces where the density's positions are; with a low-rank metric, which GPUs have no kernels for, in the host's memory: every
 * leapfrog step is then a round trip to the device. Rejects, on a GPU, with the typed errors of its device.
 */
export const phaseSpaces: CreatePhaseSpaces = (density, settings) => {
  const { resident } = density;
  if (resident === undefined || settings.lowRank) return new HostPhaseSpaces(density, settings);
  return GpuPhaseSpaces.create(resident, settings);
};
