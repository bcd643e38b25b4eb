// What `hierax doctor` says of devices beside the processor: adapters with the limits that matter, and how to get what is missing.
import type { FoundAdapter } from '../devices/adapters.js';
import { softwareAdvice, whyNoGpu } from '../devices/gpuAdvice.js';
import type { GpuFindings } from '../devices/probeGpu.js';
import type { GpuCheck } from './gpuCheck.js';
import type { Finding } from './finding.js';

/** One finding for each adapter; where there is no real GPU, one more on how to get to one. */
export function gpuFindings(gpu: GpuFindings, platform: string): Finding[] {
  const found = gpu.adapters.map((adapter, i) => adapterFinding(adapter, i === 0 ? gpu.check : undefined));
  if (gpu.adapters.some(({ isSoftware }) => !isSoftware)) return found;
  const { what, remedy } = whyNoGpu(gpu, platform);
  const advice = gpu.version === undefined || found.length > 0 ? remedy : `${remedy}; ${softwareAdvice}`;
  const status = gpu.failure === undefined ? 'absent' : 'failed';
  return [...found, { name: 'webgpu', status, detail: found.length > 0 ? 'no real GPU' : what, remedy: advice }];
}

function adapterFinding(adapter: FoundAdapter, check: GpuCheck | undefined): Finding {
  const detail = describe(adapter);
  if (check === undefined) return { name: 'webgpu', status: 'ok', detail };
  if (!check.isWorking) {
    const remedy = 'update the GPU driver; until then use --device cpu';
    return { name: 'webgpu', status: 'failed', detail: [detail, ...check.faults].join('; '), remedy };
  }
  const { millisecondsPerMillionRowChains: milliseconds, largestDifference, compileMilliseconds } = check.trial!;
  const tried = [
    `${milliseconds.toFixed(2)} ms per million rows and chain`,
    `agrees with the interpreter to ${largestDifference.toExponential(0)}, sums keep what single precision would lose`,
    `compiled in ${compileMilliseconds.toFixed(0)} ms`,
  ];
  return { name: 'webgpu', status: 'ok', detail: [detail, ...tried].join('; ') };
}

/** TensorFlow: which, or what it takes to have it. */
export function cudaFinding({ tensorflow, failure }: GpuFindings): Finding {
  if (tensorflow === undefined)
    return { name: 'cuda', status: 'absent', detail: `not tried: ${failure ?? 'no answer'}` };
  const { state, detail } = tensorflow;
  const [what, remedy] = splitAdvice(detail);
  switch (state) {
    case 'onGpu':
      return { name: 'cuda', status: 'ok', detail };
    case 'onProcessor':
      return { name: 'cuda', status: 'absent', detail: `${detail}, which finds no GPU` };
    case 'failed':
      return { name: 'cuda', status: 'failed', detail: what, remedy };
    case 'missing':
      return { name: 'cuda', status: 'absent', detail: what, remedy };
    default:
      throw new Error(state satisfies never);
  }
}

/** The fault and what to do about it, which one line holds. */
function splitAdvice(line: string): [string, string | undefined] {
  const at = line.indexOf(': ');
  return at < 0 ? [line, undefined] : [line.slice(0, at), line.slice(at + 2)];
}

function describe({ deviceName, backend, name, vendor, isSoftware, limits }: FoundAdapter): string {
  const driver = name === deviceName ? '' : `, driver ${name}`;
  const use = isSoftware ? '; software on the processor: used when asked for by name, for tests' : '';
  return (
    `${deviceName} (${vendor}, ${backend}${driver}); ${bytes(limits.bindingBytes)} in one array, ${bytes(limits.bufferBytes)} in one buffer, ` +
    `${limits.storageBuffers} arrays a kernel, workgroups of ${limits.workgroupSize} with ${bytes(limits.workgroupBytes)}${use}`
  );
}

/** The tfjs backends that `--device eager:<backend>` can use. */
export async function eagerFinding(backends: () => Promise<readonly string[]>): Promise<Finding> {
  const found = await backends();
  if (found.length > 0) {
    return { name: 'eager', status: 'ok', detail: `tfjs backends: ${found.join(', ')} (f32; to compare values, slow)` };
  }
  const remedy = 'npm install @tensorflow/tfjs-backend-cpu @tensorflow/tfjs-backend-wasm';
  return { name: 'eager', status: 'absent', detail: 'no tfjs backend is installed', remedy };
}

function bytes(count: number): string {
  if (count >= 2 ** 30) return `${(count / 2 ** 30).toFixed(1)} GiB`;
  return count >= 2 ** 20 ? `${Math.round(count / 2 ** 20)} MiB` : `${Math.round(count / 2 ** 10)} KiB`;
}
