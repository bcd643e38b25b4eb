// Devices by name and by `auto`: what is opened, what is said where one is missing, and which is taken.
import { afterEach, describe, expect, it } from 'vitest';
import { candidates } from '../../src/cli/devices/candidates.js';
import { type Candidate, chooseDevice } from '../../src/cli/devices/chooseDevice.js';
import { whyNoGpu } from '../../src/cli/devices/gpuAdvice.js';
import { machine } from '../../src/cli/devices/machine.js';
import { openDevice, type OpenDevice } from '../../src/cli/devices/openDevice.js';
import { type GpuFindings, probeGpu } from '../../src/cli/devices/probeGpu.js';
import { nodeStarters } from '../../src/cli/fit/threadStarters.js';
import { nuts, type PreparedMethod } from '../../src/inference/index.js';
import { deviceToOpen } from '../../src/cli/fit/devicePeriods.js';
import type { Config } from '../../src/data/config.js';
import { InputError } from '../../src/data/inputError.js';
import { nodeTensorflow } from '../../src/kernels/adapters/nodeTensorflow.js';
import { cpuDevice } from '../../src/kernels/cpu/cpuDevice.js';
import { DeviceLostError, DeviceMemoryError, NoAdapterError } from '../../src/kernels/webgpu/errors.js';
import { defineModel } from '../../src/models/model.js';
import { normal } from '../../src/models/distributions/index.js';
import { real } from '../../src/models/parameters.js';
import { findings, restoreMachine, withGpu } from './fakeGpu.js';
import { hierax } from './hierax.js';
import { jsonOf } from './runFiles.js';
import { salesConfig, salesFolders } from './salesFolder.js';

afterEach(restoreMachine);

const newCase = salesFolders();
const notInstalled = Object.assign(
  new Error("Cannot find package '@tensorflow/tfjs-node-gpu' and '@tensorflow/tfjs-node'"),
  {
    code: 'ERR_MODULE_NOT_FOUND',
  },
);
const nothing: GpuFindings = { version: '0.6.2', adapters: [], complaints: [], failure: undefined };
const software: GpuFindings = { ...findings, adapters: [{ ...findings.adapters[0], isSoftware: true }] };

describe('a device asked for by name', () => {
  it('that is not there: exit 2, one line with what is missing and how to get it, nothing written', async () => {
    const { config, out } = newCase();
    const cases: [Partial<GpuFindings>, RegExp][] = [
      [
        { version: undefined },
        /^hierax: device webgpu: the optional package webgpu is not installed; npm install webgpu; /,
      ],
      [
        { failure: 'asking the GPU drivers ended with SIGSEGV' },
        /^hierax: device webgpu: asking .* SIGSEGV; update the/,
      ],
      [
        { complaints: ["Warning: Couldn't load Vulkan: libvulkan.so.1: cannot open shared object file"] },
        /the Vulkan loader is missing; install the Vulkan loader \(Debian, Ubuntu: apt install libvulkan1; /,
      ],
      [
        { complaints: ['Warning: vkCreateInstance: Found no drivers!'] },
        /Vulkan has no driver of a GPU; install the GPU's Vulkan driver with its ICD file/,
      ],
      [{}, /^hierax: device webgpu: Vulkan offers no GPU adapter; install the GPU's Vulkan driver/],
    ];
    for (const [found, expected] of cases) {
      withGpu({}, { ...nothing, ...found });
      const { code, stdout, stderr } = await hierax('fit', config, '--device', 'webgpu');
      if (process.platform === 'linux') expect(stderr).toMatch(expected);
      expect(stderr).toMatch(/^[^\n]*; hierax doctor shows what was found\n$/);
      expect([code, stdout]).toEqual([2, '']);
      expect(() => jsonOf(out, 'run.json')).toThrow('ENOENT');
    }
  });

  it('asks for what fits the platform', () => {
    expect(whyNoGpu(nothing, 'darwin').what).toBe('no GPU adapter offers Metal');
    expect(whyNoGpu(nothing, 'win32').what).toBe('no GPU adapter offers D3D12');
  });

  it('that vanishes between look and opening, or is lost, is told apart', async () => {
    withGpu({
      onOpen: () => {
        throw new NoAdapterError('no GPU adapter was found');
      },
    });
    await expect(openDevice('webgpu', { precision: undefined })).rejects.toThrow(InputError);
    const lost = () => {
      throw new DeviceLostError('the GPU was lost');
    };
    withGpu({ onOpen: lost });
    await expect(openDevice('webgpu', { precision: undefined })).rejects.toThrow(DeviceLostError);
  });

  it('computes in its own precision: double is refused on a GPU', async () => {
    const { config } = newCase();
    withGpu();
    const { code, stderr } = await hierax('fit', config, '--device', 'webgpu', '--precision', 'double');
    expect([code, stderr]).toEqual([
      2,
      'hierax: device webgpu computes in single precision with compensated sums; leave out precision: double, or use --device cpu\n',
    ]);
  });

  it('may be software, which the announcement says', async () => {
    const { config, out } = newCase();
    withGpu({}, software);
    const { code, stderr } = await hierax('fit', config, '--device', 'webgpu');
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/ on webgpu Acme 9000 \(software on the processor: slow\), single precision, /);
    expect(stderr).toMatch(
      /memory: about \d+ MB \(of .* free\), on webgpu Acme 9000 [\d.]+ MB \(data .*, program .*, traj/,
    );
    expect(jsonOf(out, 'run.json')).toMatchObject({ device: 'webgpu', adapter: 'Acme 9000' });
  });
});

describe('an eager device', () => {
  it('fits a model with a tfjs backend, operation by operation', async () => {
    const { config, out } = newCase(salesConfig.replace('warmup: 60\ndraws: 40', 'warmup: 4\ndraws: 2'));
    const { code, stderr } = await hierax('fit', config, '--device', 'eager:cpu');
    expect(code, stderr).toBe(0);
    expect(stderr).toContain(' on eager:cpu, single precision, all chains in one batch: 2 chains');
    expect(jsonOf(out, 'diagnostics.json')).toMatchObject({ device: 'eager:cpu', precision: 'single', adapter: null });
  });

  it('needs its backend: exit 2, and what to install', async () => {
    const { config } = newCase();
    const { code, stderr } = await hierax('fit', config, '--device', 'eager:abacus');
    expect([code, stderr]).toEqual([
      2,
      'hierax: device eager:abacus: @tensorflow/tfjs-backend-abacus is not installed; backends that run in Node: cpu, wasm\n',
    ]);
  });
});

describe('the device cuda', () => {
  const found = { packageName: '@tensorflow/tfjs-node-gpu', version: '2.9.1' };

  it('is TensorFlow; where that computes on the processor, the announcement says so', async () => {
    const openTensorflow = (isOnGpu: boolean) => () =>
      Promise.resolve({
        ...found,
        isOnGpu,
        device: { ...cpuDevice(), name: 'cuda' as const, precision: 'single' as const },
      });
    withGpu();
    machine.openTensorflow = openTensorflow(true);
    expect(await openDevice('cuda', { precision: undefined })).toMatchObject({
      adapter: 'TensorFlow 2.9.1 on the GPU',
      isSoftware: false,
    });
    machine.hasTensorflow = () => true;
    const tried = candidates({ precision: undefined } as Config, findings, nuts);
    expect(tried.map(({ label }) => label)).toEqual(['cpu', 'webgpu Acme 9000', 'cuda']);
    machine.openTensorflow = openTensorflow(false);
    await expect(tried[2].open()).rejects.toThrow('TensorFlow finds no GPU');
    const { config } = newCase();
    const { code, stderr } = await hierax('fit', config, '--device', 'cuda');
    expect(code, stderr).toBe(0);
    expect(stderr).toContain(' on cuda TensorFlow 2.9.1 on the processor (software on the processor: slow), single');
  });

  it('that is not installed: exit 2, with the package and the CUDA it wants', async () => {
    const { config } = newCase();
    machine.openTensorflow = () => nodeTensorflow(() => Promise.reject(notInstalled));
    const { code, stderr } = await hierax('fit', config, '--device', 'cuda');
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /^hierax: device cuda: [^\n]*npm install @tensorflow\/tfjs-node-gpu[^\n]*CUDA 11\.2[^\n]*\n$/,
    );
  });
});

describe('auto', () => {
  const config = { precision: undefined } as Config;
  const labels = (found: GpuFindings | undefined, wishes: Partial<Config> = {}) =>
    candidates({ ...config, ...wishes }, found, nuts).map(({ label }) => label);

  it('tries the processor and a real GPU, no software, and no GPU where doubles are asked for', () => {
    withGpu();
    expect(labels(findings)).toEqual(['cpu', 'webgpu Acme 9000']);
    expect(labels(software)).toEqual(['cpu']);
    expect(labels(nothing)).toEqual(['cpu']);
    expect(labels(undefined)).toEqual(['cpu']);
    expect(labels(findings, { precision: 'double' })).toEqual(['cpu']);
    expect(labels(findings, { precision: 'single' })).toEqual(['cpu', 'webgpu Acme 9000']);
  });

  /** A candidate whose gradient takes so long, or that fails; and what was disposed of. */
  function trialOf(
    label: string,
    outcome: number | Error,
    disposed: string[],
  ): Candidate & { readonly prepared: PreparedMethod } {
    const open = { dispose: () => disposed.push(label) } as unknown as OpenDevice;
    const timeStep = () => (typeof outcome === 'number' ? Promise.resolve(outcome) : Promise.reject(outcome));
    const prepared = { timeStep, dispose: () => Promise.resolve() } as unknown as PreparedMethod;
    return { label, open: () => Promise.resolve(open), prepared };
  }

  async function choose(...outcomes: readonly (readonly [string, number | Error])[]) {
    const disposed: string[] = [];
    const trials = outcomes.map(([label, outcome]) => trialOf(label, outcome, disposed));
    let next = 0;
    const compile = () => Promise.resolve(trials[next++].prepared);
    const { prepared, line } = await chooseDevice(trials, compile, [0], 4);
    return { taken: trials.find((trial) => trial.prepared === prepared)!.label, line, disposed };
  }

  it('takes the fastest, closes the others, and says so with all figures', async () => {
    expect(await choose(['cpu', 1.94], ['webgpu Acme', 4.23])).toEqual({
      taken: 'cpu',
      line: 'device: cpu (1.9 ms per gradient of 4 chains; webgpu Acme: 4.2 ms)',
      disposed: ['webgpu Acme'],
    });
    expect(await choose(['cpu', 1234.5], ['webgpu Acme', 0.0456])).toEqual({
      taken: 'webgpu Acme',
      line: 'device: webgpu Acme (0.046 ms per gradient of 4 chains; cpu: 1235 ms)',
      disposed: ['cpu'],
    });
    expect((await choose(['cpu', 2])).line).toBeUndefined();
  });

  it('does without a device that fails, and says why', async () => {
    const fault = new DeviceMemoryError('data: too large');
    expect(await choose(['cpu', 2], ['webgpu Acme', fault])).toEqual({
      taken: 'cpu',
      line: 'device: cpu (2.0 ms per gradient of 4 chains; webgpu Acme: data: too large)',
      disposed: ['webgpu Acme'],
    });
    await expect(choose(['cpu', 2], ['webgpu Acme', new TypeError('a bug')])).rejects.toThrow('a bug');
  });

  it('in a fit: a slow GPU is not used', async () => {
    const { config, out } = newCase();
    const asked = withGpu({ delay: 4 });
    const { code, stderr } = await hierax('fit', config);
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(
      /^device: cpu \([\de.-]+ ms per gradient of 2 chains; webgpu Acme 9000: [4-9]\.\d ms\)\n200 rows/,
    );
    expect(asked.evaluations).toBeGreaterThanOrEqual(4);
    expect([asked.openings, asked.disposals]).toEqual([1, 1]);
    expect(jsonOf(out, 'run.json')).toMatchObject({ device: 'cpu', configuration: { device: 'auto' } });
  });
});

describe('a resumed run', () => {
  it('stays on its last device, unless the command line or a changed file names another', () => {
    const open = (now: string, onCommandLine: string | undefined, begunWith: string, ...devices: string[]) =>
      deviceToOpen({ device: onCommandLine ?? now } as Config, onCommandLine as Config['device'] | undefined, {
        device: devices.at(-1),
        devices: devices.map((device) => ({ device })),
        configuration: { device: begunWith },
      });
    expect(open('auto', undefined, 'auto', 'webgpu')).toBe('webgpu');
    expect(open('auto', 'auto', 'auto', 'cpu')).toBe('cpu');
    expect(open('auto', 'cpu', 'auto', 'webgpu')).toBe('cpu');
    expect(open('webgpu', undefined, 'webgpu', 'webgpu', 'cpu')).toBe('cpu');
    expect(open('webgpu', 'webgpu', 'webgpu', 'webgpu', 'cpu')).toBe('webgpu');
    expect(open('cpu', undefined, 'webgpu', 'webgpu')).toBe('cpu');
    expect(deviceToOpen({ device: 'auto' } as Config, undefined, undefined)).toBe('auto');
  });
});

describe('the time of a gradient', () => {
  const model = defineModel({
    name: 'normals',
    data: { y: Float64Array.from({ length: 20_000 }, (_, i) => Math.sin(i)) },
    parameters: { mu: real() },
    logPrior: ({ mu }) => normal.logDensity(mu, 0, 1),
    logLikelihood: ({ mu }, { y }) => normal.logDensity(y, mu, 1),
  });

  it('of chains divided over threads is that of all of them together', async () => {
    const times: number[] = [];
    for (const chains of [64, 2]) {
      const compiled = await nuts.prepare(model, cpuDevice(), { chains, threads: 2 }, nodeStarters);
      expect(compiled.division).toBe('2 threads, which divide the chains');
      times.push(await compiled.timeStep([0.1]));
      await compiled.dispose();
    }
    const [many, two] = times;
    // 32 chains a thread against one, in vectors of two: 16 times the work.
    expect(many / two).toBeGreaterThan(3);
    expect(two).toBeGreaterThan(0.002);
    expect(two).toBeLessThan(50);
  });
});

describe('the look for GPUs', () => {
  it('happens in a process of its own, and finds what the drivers offer', async () => {
    const { version, adapters, failure } = await probeGpu();
    expect([version, failure]).toEqual([expect.stringMatching(/^\d+\.\d+\.\d+$/), undefined]);
    for (const { backend, deviceName, limits } of adapters) {
      expect(backend).toMatch(/^[a-z\d]+$/);
      expect(deviceName).not.toBe('');
      expect(limits.storageBuffers).toBeGreaterThanOrEqual(8);
      expect(limits.bindingBytes).toBeGreaterThanOrEqual(128 * 2 ** 20);
    }
  });
});
