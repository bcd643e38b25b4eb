// Fits on WebGPU through the whole command (SwiftShader in tests): a device destroyed in the middle, and one that is too small.
import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { machine } from '../../src/cli/devices/machine.js';
import { DrawSink } from '../../src/cli/fit/drawSink.js';
import { checkpoints } from '../../src/cli/fit/sampleOnDevice.js';
import { rowsOf, withDuckDB } from '../../src/data/duckdb.js';
import { openPosterior } from '../../src/data/run/posteriorReader.js';
import { GpuSiteReport } from '../../src/inference/gpu/gpuSiteReport.js';
import { nodeGpu } from '../../src/kernels/adapters/nodeGpu.js';
import { GpuContext } from '../../src/kernels/webgpu/context.js';
import { DeviceMemoryError } from '../../src/kernels/webgpu/errors.js';
import { testGpu } from '../kernels/webgpu/testGpu.js';
import { restoreMachine } from './fakeGpu.js';
import { hierax } from './hierax.js';
import { jsonOf, lastLine, results } from './runFiles.js';
import { salesConfig, salesFolders } from './salesFolder.js';

const gpu = await testGpu();
gpu?.dispose();

const files = salesFolders()(salesConfig.replace('warmup: 60\ndraws: 40', 'warmup: 16\ndraws: 10'));
const fit = (out: string, ...more: string[]) => hierax('fit', files.config, '--out', files.at(out), ...more);
/** The same fit, which keeps the population's draws and moments of the others. */
const fewer = (name: string) => {
  const config = files.at(`${name}.yaml`);
  writeFileSync(config, `${readFileSync(files.config, 'utf8')}keep: [sigma]\n`);
  return (out: string, ...more: string[]) => hierax('fit', config, '--out', files.at(out), ...more);
};
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

  it('sums the sites that are not kept on the device: the moments of all draws, and their very bits after a loss', async () => {
    const some = fewer('sum');
    expect((await some('summed', '--device', 'webgpu')).code).toBe(0);
    const means = async (out: string): Promise<[unknown, unknown, unknown][]> => {
      const rows = await withDuckDB((connection) => rowsOf(connection, `FROM read_parquet('${out}/summary.parquet')`));
      return rows.map(({ name, mean, sd }) => [name, mean, sd]);
    };
    const [whole, summed] = [await means(files.at('unbroken')), await means(files.at('summed'))];
    // The same draws, whatever is kept of them.
    expect(summed.map(([name]) => name).sort()).toEqual(whole.map(([name]) => name).sort());
    const known = new Map(whole.map(([name, mean, sd]) => [name, { mean: Number(mean), sd: Number(sd) }]));
    for (const [name, mean, sd] of summed) {
      const expected = known.get(name)!;
      expect(Math.abs(Number(mean) - expected.mean) / expected.sd, String(name)).toBeLessThan(1e-4);
      expect(Math.abs(Number(sd) / expected.sd - 1), String(name)).toBeLessThan(1e-4);
    }
    destroyedAfter(46);
    const { code, stderr } = await some('summed-lost', '--device', 'webgpu', '--on-device-loss', 'retry');
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/going on on the same device/);
    expect(results(files.at('summed-lost'))).toEqual(results(files.at('summed')));
    const table = (out: string): string => readFileSync(`${files.at(out)}/summary.parquet`, 'base64');
    expect(table('summed-lost')).toBe(table('summed'));
  });

  it('whose sites a binding does not reach computes them on the processor, and says so', async () => {
    const create = vi.spyOn(GpuSiteReport, 'create');
    create.mockRejectedValueOnce(new DeviceMemoryError('moments of sites: 99 bytes, but a binding reaches 64'));
    const { code, stderr } = await fewer('host')('host-sites', '--device', 'webgpu');
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(
      /\nmoments of sites: [^\n]*: positions are read back, and their reported quantities computed/,
    );
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
