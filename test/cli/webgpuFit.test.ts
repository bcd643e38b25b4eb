// Fits on WebGPU through the whole command (SwiftShader in tests): a device destroyed in the middle, and one that is too small.
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { machine } from '../../src/cli/devices/machine.js';
import { DrawSink } from '../../src/cli/fit/drawSink.js';
import { checkpoints } from '../../src/cli/fit/fitOnDevice.js';
import { openPosterior } from '../../src/data/run/posteriorReader.js';
import { nodeGpu } from '../../src/kernels/adapters/nodeGpu.js';
import { GpuContext } from '../../src/kernels/webgpu/context.js';
import { testGpu } from '../kernels/webgpu/testGpu.js';
import { restoreMachine } from './fakeGpu.js';
import { hierax } from './hierax.js';
import { jsonOf, lastLine, results } from './runFiles.js';
import { salesConfig, salesFolders } from './salesFolder.js';

const gpu = await testGpu();
gpu?.dispose();

const files = salesFolders()(salesConfig.replace('warmup: 60\ndraws: 40', 'warmup: 16\ndraws: 10'));
const fit = (out: string, ...more: string[]) => hierax('fit', files.config, '--out', files.at(out), ...more);
const gradientsOf = (out: string): number =>
  jsonOf<{ gradientEvaluations: number }>(files.at(out), 'diagnostics.json').gradientEvaluations;

const { interval } = checkpoints;
/** Draws of both chains, of 52. */
const lossAt = 36;

/** Destroys the first device after so many draws of all chains, warm-up included. */
function destroyedAfter(draws: number): void {
  let first: GpuContext | undefined;
  machine.openGpu = async () => {
    const context = await GpuContext.create(await nodeGpu());
    first ??= context;
    return context;
  };
  const write = Reflect.get<DrawSink, 'write'>(DrawSink.prototype, 'write');
  vi.spyOn(DrawSink.prototype, 'write').mockImplementation(function (this: DrawSink, draw) {
    if (draws-- === 0) first!.device.destroy();
    write.call(this, draw);
  });
}

interface Period {
  readonly device: string;
  readonly from: readonly { readonly warmup: number; readonly sampling: number }[];
  readonly why: string;
}

const devicesOf = (out: string) => jsonOf<{ devices: Period[] }>(files.at(out), 'run.json').devices;

// Every gradient of software WebGPU compiles and computes on the processor, which other tests share.
describe.skipIf(gpu === undefined)('a fit on WebGPU', { timeout: 300_000 }, () => {
  beforeAll(async () => {
    checkpoints.interval = 20;
    const { code, stderr } = await fit('unbroken', '--device', 'webgpu');
    expect(code, stderr).toBe(0);
    return () => void (checkpoints.interval = interval);
  }, 300_000);
  afterEach(() => {
    vi.restoreAllMocks();
    restoreMachine();
  });

  it('records its device and memory', () => {
    expect(jsonOf(files.at('unbroken'), 'diagnostics.json')).toMatchObject({ device: 'webgpu', precision: 'single' });
    const { adapter, deviceMemoryBytes } = jsonOf<Record<string, unknown>>(files.at('unbroken'), 'diagnostics.json');
    expect(adapter).toMatch(/\S/);
    expect(deviceMemoryBytes).toBeGreaterThan(100);
    expect(gradientsOf('unbroken')).toBeGreaterThan(50);
  });

  it('whose device is lost goes on on the same device, and ends with the bytes of an unbroken run', async () => {
    destroyedAfter(lossAt);
    const { code, stderr } = await fit('retried', '--device', 'webgpu', '--on-device-loss', 'retry');
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(
      /\nthe GPU was lost: [^\n]*; going on on the same device, opened anew, from the last checkpoint\n/,
    );
    expect(results(files.at('retried'))).toEqual(results(files.at('unbroken')));
  });

  it('whose device is lost goes on on the processor: the draws before the checkpoint are the same bytes', async () => {
    destroyedAfter(lossAt);
    const { code, stderr } = await fit('to-cpu', '--device', 'webgpu', '--on-device-loss', 'cpu');
    expect(code, stderr).toBe(0);
    const [first, second] = devicesOf('to-cpu');
    expect([first.device, second.device]).toEqual(['webgpu', 'cpu']);
    expect(second.why).toMatch(/^the GPU was lost/);
    const read = async (out: string) =>
      (await openPosterior(`${files.at(out)}/posterior.zarr`, 'warmup_posterior')).readSite('sigma');
    const [mixed, whole] = [await read('to-cpu'), await read('unbroken')];
    for (const [chain, { warmup }] of second.from.entries()) {
      expect(warmup).toBeGreaterThan(0);
      expect([...mixed[chain].slice(0, warmup)]).toEqual([...whole[chain].slice(0, warmup)]);
    }
  });

  it('stopped by a loss is continued from where it was, there or begun on the processor and ended there', async () => {
    destroyedAfter(lossAt);
    const lost = await fit('stopped', '--device', 'webgpu');
    expect(lost.code, lost.stderr).toBe(1);
    expect(lastLine(lost.stderr)).toMatch(
      /^hierax: the GPU was lost: .*; the state is saved in .* --resume, or on the/,
    );
    vi.restoreAllMocks();
    restoreMachine();
    const resumed = await fit('stopped', '--resume');
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(results(files.at('stopped'))).toEqual(results(files.at('unbroken')));
  });

  it('on a device that is too small is refused with advice; --on-device-loss cpu computes on the processor', async () => {
    machine.openGpu = async () => GpuContext.create(await nodeGpu(), { limits: { bufferBytes: 64, bindingBytes: 64 } });
    const refused = await fit('small', '--device', 'webgpu');
    expect(refused.stderr).toMatch(
      /hierax: [^\n]*64[^\n]*; use fewer chains, another device \(--device cpu\)[^\n]*\n$/,
    );
    expect(refused.code).toBe(2);
    const onCpu = await fit('small', '--device', 'webgpu', '--on-device-loss', 'cpu');
    expect(onCpu.code, onCpu.stderr).toBe(0);
    expect(devicesOf('small').map(({ device }) => device)).toEqual(['cpu']);
  });
});
