// Which devices `device: auto` tries on this machine.
import type { Config } from '../../data/config.js';
import type { Candidate } from './chooseDevice.js';
import { machine } from './machine.js';
import { openDevice } from './openDevice.js';
import type { GpuFindings } from './probeGpu.js';

/** What `auto` tries: the processor, and a real GPU where one is found and its precision will do. */
export function candidates(config: Config, findings: GpuFindings | undefined): Candidate[] {
  const cpu: Candidate = { label: 'cpu', open: () => openDevice('cpu', config) };
  const gpu = findings?.adapters.at(0);
  if (gpu === undefined || gpu.isSoftware || config.precision === 'double' || machine.gpuDevice === undefined)
    return [cpu];
  return [cpu, { label: `webgpu ${gpu.deviceName}`, open: () => openDevice('webgpu', config, findings) }];
}
