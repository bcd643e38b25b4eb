// Which devices `device: auto` tries on this machine.
import type { Config } from '../../data/config.js';
import { InputError } from '../../data/inputError.js';
import type { Candidate } from './chooseDevice.js';
import type { Method } from '../../inference/index.js';
import { machine } from './machine.js';
import { openDevice, type OpenDevice } from './openDevice.js';
import type { GpuFindings } from './probeGpu.js';

/** What `auto` tries: the processor, and real GPUs where they are found, their precision will do and the method runs on them. */
export function candidates(config: Config, findings: GpuFindings | undefined, { devices }: Method): Candidate[] {
  const all: Candidate[] = [{ label: 'cpu', open: () => openDevice('cpu', config) }];
  if (config.precision === 'double' || devices?.includes('webgpu') === false) return all;
  const gpu = findings?.adapters.at(0);
  if (gpu !== undefined && !gpu.isSoftware) {
    all.push({ label: `webgpu ${gpu.deviceName}`, open: () => openDevice('webgpu', config, findings) });
  }
  if (findings !== undefined && machine.hasTensorflow()) all.push({ label: 'cuda', open: openOnGpu });
  return all;
}

/** TensorFlow where it computes on a GPU; on the processor it is no match for `cpu`. */
async function openOnGpu(): Promise<OpenDevice> {
  const open = await openDevice('cuda', { precision: undefined });
  if (open.isSoftware) throw new InputError('TensorFlow finds no GPU');
  return open;
}
