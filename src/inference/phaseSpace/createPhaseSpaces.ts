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
 * Phase spaces where the density's positions are; in the host's memory for samplers that reduce over chains, which those on a GPU do not
 * offer: the density is then evaluated on the GPU and its vectors are copied. Rejects, on a GPU, with the typed errors of its device.
 */
export const phaseSpaces: CreatePhaseSpaces = (density, settings) => {
  const { resident } = density;
  return resident === undefined || settings.isPooled === true
    ? new HostPhaseSpaces(density, settings)
    : GpuPhaseSpaces.create(resident, settings);
};
