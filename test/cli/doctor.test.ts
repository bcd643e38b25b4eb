// `hierax doctor`: finds what works, says what does not and how to mend it, and its exit code follows the cpu device.
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import yargs from 'yargs';
import { doctorCommand } from '../../src/cli/commands/doctor.js';
import { checkCpuDevice } from '../../src/cli/doctor/cpuCheck.js';
import { cudaFinding, eagerFinding, gpuFindings } from '../../src/cli/doctor/deviceFindings.js';
import type { DoctorReport } from '../../src/cli/doctor/doctorReport.js';
import { doctorReport, formatDoctorReport, machineProbes } from '../../src/cli/doctor/doctorReport.js';
import type { Finding } from '../../src/cli/doctor/finding.js';
import { hasSharedMemory, hasSimd, isAtLeast, requiredNode, tryWriting } from '../../src/cli/doctor/environment.js';
import { interpret } from '../../src/kernels/program/interpreter.js';
import { findings } from './fakeGpu.js';
import { inputError, temporaryFolder } from '../data/inputFiles.js';

const { folder, write } = temporaryFolder();
const noGpu = { ...findings, adapters: [] };

afterEach(() => {
  vi.restoreAllMocks();
  vi.doUnmock('../../src/cli/doctor/cpuCheck.js');
  process.exitCode = undefined;
});

async function doctor(...options: string[]): Promise<string> {
  const printed: string[] = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => printed.push(String(text)) > 0);
  await yargs(['doctor', ...options])
    .command(doctorCommand)
    .strict()
    .fail(false)
    .parseAsync();
  return printed.join('');
}

const finding = ({ findings }: DoctorReport, name: string): Finding => findings.find((item) => item.name === name)!;

describe('the cpu device', () => {
  it('works on one thread and on two, and agrees with the interpreter', async () => {
    const { isWorking, trials, faults } = await checkCpuDevice(2);
    expect(faults).toEqual([]);
    expect(isWorking).toBe(true);
    expect(trials.map(({ threads }) => threads)).toEqual([1, 2]);
    for (const { largestDifference, compileMilliseconds, millisecondsPerMillionRowChains } of trials) {
      expect(largestDifference).toBeLessThan(1e-11);
      expect(compileMilliseconds).toBeGreaterThan(0);
      // Between memory speed and an interpreter's.
      expect(millisecondsPerMillionRowChains).toBeGreaterThan(0.001);
      expect(millisecondsPerMillionRowChains).toBeLessThan(500);
    }
  });

  it('does not pass when one gradient is off in the eighth digit, or not a number', async () => {
    for (const [spoil, told] of [
      [(x: number) => x * (1 + 1e-8), 'on 1 thread: differs from the interpreter by 1.0e-8'],
      [() => NaN, 'on 1 thread: differs from the interpreter by Infinity'],
    ] as const) {
      const { isWorking, trials, faults } = await checkCpuDevice(1, (program, inputs) => {
        const outputs = interpret(program, inputs);
        const gradient = outputs.get('gradient logSigma')!;
        gradient[0] = spoil(gradient[0]);
        return outputs;
      });
      expect({ isWorking, trials, faults }).toEqual({ isWorking: false, trials: [], faults: [told] });
    }
  });
});

describe('doctor', () => {
  it('prints a line for each thing it tried, and leaves nothing behind', async () => {
    const out = join(folder, 'not', 'yet');
    const printed = await doctor('--out', out);
    const lines = printed.split('\n');
    expect(lines[0]).toMatch(/^hierax \d+\.\d+\.\d+/);
    expect(lines.at(-2)).toBe('The cpu device works; nothing is missing.');
    expect(printed).toMatch(/ok +Node +\d+\.\d+\.\d+ \(20\.19 or later is needed\)/);
    expect(printed).toMatch(/ok +machine +.* cores?, \d+\.\d GiB memory/);
    expect(printed).toMatch(/ok +cpu device +\d+\.\d\d ms per million rows and chain on 1 thread; /);
    expect(printed).toMatch(/ok +tfjs-core +4\.\d+\.\d+/);
    expect(printed).toMatch(/ok +DuckDB +v1\.\d+\.\d+/);
    expect(printed).toContain(`${folder} can be written to`);
    expect(printed).toMatch(/(ok|-) +webgpu +\S/);
    expect(printed).toMatch(/(ok|-|failed) +cuda +\S/);
    expect(printed).toMatch(/ok +eager +tfjs backends: cpu, wasm /);
    expect(readdirSync(folder)).toEqual([]);
    expect(process.exitCode).toBeUndefined();
  });

  it('prints the same as JSON', async () => {
    const report = JSON.parse(await doctor('--json', '--out', folder)) as DoctorReport;
    expect(report.isUsable).toBe(true);
    expect(report.findings.map(({ name }) => name)).toEqual(
      (
        await doctorReport({
          ...machineProbes(folder),
          cpu: () => Promise.resolve(report.cpu),
          gpu: () => Promise.resolve(report.gpu),
        })
      ).findings.map(({ name }) => name),
    );
    expect(report.gpu.version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(report.cpu.trials[0].threads).toBe(1);
  });

  it('says what failed and how to mend it', async () => {
    const file = write('a-file', '');
    const report = await doctorReport({
      node: '18.20.1',
      simd: () => false,
      sharedMemory: () => {
        throw new RangeError('no shared memory\nat some line');
      },
      cpu: () => Promise.resolve({ isWorking: false, trials: [], faults: ['on 1 thread: SIMD unsupported'] }),
      gpu: () => Promise.resolve({ ...noGpu, failure: 'asking the GPU drivers ended with SIGSEGV' }),
      eager: () => Promise.resolve([]),
      tfjs: () => Promise.reject(new Error("Cannot find package '@tensorflow/tfjs-core'")),
      duckdb: () => Promise.reject(new Error('libduckdb.so: not found')),
      folders: [['output folder', join(file, 'below')]],
    });
    rmSync(file);
    expect(report.isUsable).toBe(false);
    const failed = report.findings.filter(({ status }) => status === 'failed');
    const names = ['Node', 'SIMD', 'shared memory', 'cpu device', 'tfjs-core', 'DuckDB', 'output folder', 'webgpu'];
    expect(failed.map(({ name }) => name)).toEqual(names);
    expect(failed.every(({ remedy }) => remedy !== undefined)).toBe(true);
    expect(finding(report, 'Node').detail).toBe('18.20.1 is older than 20.19');
    expect(finding(report, 'shared memory').detail).toBe('no shared memory');
    expect(finding(report, 'cpu device').detail).toBe('on 1 thread: SIMD unsupported');
    expect(finding(report, 'output folder').detail).toContain('ENOTDIR');
    const text = formatDoctorReport(report);
    expect(text).toContain(`to mend it: make ${join(file, 'below')} writable or choose another folder`);
    expect(text).toContain(`nothing can be fitted here; failed: ${names.join(', ')}.`);
  });

  it('takes a device whose further threads fail for usable, and says so', async () => {
    const trial = {
      threads: 1,
      compileMilliseconds: 9.6,
      largestDifference: 2e-14,
      millisecondsPerMillionRowChains: 0.8,
    };
    const partial = { isWorking: true, trials: [trial], faults: ['on 8 threads: a thread could not be started'] };
    const report = await doctorReport({ ...machineProbes(folder), cpu: () => Promise.resolve(partial) });
    expect(report.isUsable).toBe(true);
    expect(finding(report, 'cpu device')).toMatchObject({
      status: 'failed',
      detail:
        '0.80 ms per million rows and chain on 1 thread; agrees with the interpreter to 2e-14; compiled in 10 ms; ' +
        'on 8 threads: a thread could not be started',
    });
    expect(finding(report, 'cpu device').remedy).toContain('--threads 1');
    expect(formatDoctorReport(report)).toContain('The cpu device works; failed: cpu device.');
  });

  it('exits with 1 when the cpu device does not work', async () => {
    vi.resetModules();
    vi.doMock('../../src/cli/doctor/cpuCheck.js', () => ({
      checkCpuDevice: () => Promise.resolve({ isWorking: false, trials: [], faults: ['broken'] }),
    }));
    const printed = await doctor('--out', folder);
    expect(process.exitCode).toBe(1);
    expect(printed).toContain('The cpu device does not work');
  });

  it('refuses an output folder that is none', async () => {
    const error = await inputError(() => doctor('--out', 'a', '--out', 'b'));
    expect(error.message).toBe('--out must name one folder, like --out runs');
  });
});

describe('devices beside the processor', () => {
  it('are listed with the limits that matter', () => {
    const [adapter, ...more] = gpuFindings(findings, 'linux');
    expect(more).toEqual([]);
    expect(adapter).toEqual({
      name: 'webgpu',
      status: 'ok',
      detail:
        'Acme 9000 (acme, vulkan, driver acme driver 1.0); 2.0 GiB in one array, 2.0 GiB in one buffer, 10 arrays a kernel, ' +
        'workgroups of 256 with 32 KiB',
    });
  });

  it('that are software are named so, and the way to a real GPU is told', () => {
    const software = { ...findings, adapters: [{ ...findings.adapters[0], isSoftware: true }] };
    const [adapter, missing] = gpuFindings(software, 'linux');
    expect(adapter.detail).toMatch(/; software on the processor: used when asked for by name, for tests$/);
    expect(missing).toMatchObject({ status: 'absent', detail: 'no real GPU' });
    expect(missing.remedy).toMatch(/^install the GPU's Vulkan driver/);
  });

  it('that are missing come with what to install', () => {
    const [loader] = gpuFindings(
      { ...noGpu, complaints: ["Warning: Couldn't load Vulkan: libvulkan.so.1: x"] },
      'linux',
    );
    expect(loader).toMatchObject({ status: 'absent', detail: 'the Vulkan loader is missing' });
    expect(loader.remedy).toMatch(/libvulkan1.*vulkan-loader.*; without a GPU, SwiftShader runs WebGPU in software/);
    expect(gpuFindings({ ...noGpu, version: undefined }, 'linux')).toEqual([
      {
        name: 'webgpu',
        status: 'absent',
        detail: 'the optional package webgpu is not installed',
        remedy: 'npm install webgpu',
      },
    ]);
  });

  it('are tried: what fails is told, and what to do', () => {
    const trial = { compileMilliseconds: 42.3, largestDifference: 3e-7, millisecondsPerMillionRowChains: 0.123 };
    const check = { isWorking: true, trial, faults: [] };
    expect(gpuFindings({ ...findings, check }, 'linux')[0].detail).toMatch(
      /32 KiB; 0\.12 ms per million rows and chain; agrees with the interpreter to 3e-7, sums keep .*; compiled in 42 ms$/,
    );
    const broken = { isWorking: false, trial: undefined, faults: ['kernel rows, line 3: unknown'] };
    expect(gpuFindings({ ...findings, check: broken }, 'linux')[0]).toMatchObject({
      status: 'failed',
      detail: expect.stringMatching(/; kernel rows, line 3: unknown$/) as string,
      remedy: 'update the GPU driver; until then use --device cpu',
    });
  });

  it('of TensorFlow are there, or come with what it takes', () => {
    const cuda = (state: 'onGpu' | 'onProcessor' | 'failed' | 'missing', detail: string) =>
      cudaFinding({ ...findings, tensorflow: { state, detail } });
    expect(cuda('onGpu', 'tfjs-node-gpu with TensorFlow 2.9.1')).toMatchObject({ status: 'ok' });
    expect(cuda('onProcessor', 'tfjs-node with TensorFlow 2.9.1').detail).toMatch(/2\.9\.1, which finds no GPU$/);
    expect(cuda('missing', 'TensorFlow is not installed: npm install it')).toEqual({
      name: 'cuda',
      status: 'absent',
      detail: 'TensorFlow is not installed',
      remedy: 'npm install it',
    });
    expect(cuda('failed', 'it does not load: CUDA 11.2')).toMatchObject({ status: 'failed', remedy: 'CUDA 11.2' });
    const crashed = { ...noGpu, failure: 'asking the GPU drivers ended with SIGSEGV' };
    expect(cudaFinding(crashed).detail).toBe('not tried: asking the GPU drivers ended with SIGSEGV');
  });

  it('of tfjs need a backend', async () => {
    expect(await eagerFinding(() => Promise.resolve([]))).toMatchObject({
      status: 'absent',
      remedy: 'npm install @tensorflow/tfjs-backend-cpu @tensorflow/tfjs-backend-wasm',
    });
  });
});

describe('the environment', () => {
  it('compares versions part by part', () => {
    const later = ['20.19', '20.19.0', '20.20.1', '22.1.0', '100.0.0'];
    const earlier = ['20.18.9', '20.2.0', '18.20.0', '9.99.9', '20'];
    expect(later.map((version) => isAtLeast(version, '20.19'))).toEqual(later.map(() => true));
    expect(earlier.map((version) => isAtLeast(version, '20.19'))).toEqual(earlier.map(() => false));
    expect(requiredNode()).toBe('20.19');
  });

  it('has SIMD and shared memory, without which these tests could not run', () => {
    expect([hasSimd(), hasSharedMemory()]).toEqual([true, true]);
  });

  it('tries a folder, or the nearest that exists', () => {
    const own = join(folder, 'own');
    mkdirSync(own);
    expect(tryWriting(own)).toBe(own);
    expect(tryWriting(join(own, 'a', 'b'))).toBe(own);
    expect(readdirSync(own)).toEqual([]);
    rmSync(own, { recursive: true });
  });
});
