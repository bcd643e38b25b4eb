// A device that fails: before the start, in the middle of a run, and when it is to be opened anew. Nothing that was saved is lost.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { checkpoints } from '../../src/cli/fit/sampleOnDevice.js';
import { DeviceMemoryError, NoAdapterError, ShaderCompileError } from '../../src/kernels/webgpu/errors.js';
import { lostAt, restoreMachine, withGpu } from './fakeGpu.js';
import { hierax } from './hierax.js';
import { jsonOf, lastLine, results } from './runFiles.js';
import { salesConfig, salesFolders } from './salesFolder.js';

const files = salesFolders()(salesConfig.replace('warmup: 60\ndraws: 40', 'warmup: 100\ndraws: 100'));
const fit = (out: string, ...more: string[]) => hierax('fit', files.config, '--out', files.at(out), ...more);
/** Well into the run, and near its end. */
const [middle, late] = [900, 1500];
/** Milliseconds of an evaluation, so that checkpoints (at turns of the event loop) come before the middle. */
const delay = 1;

interface RunRecord {
  readonly device: string;
  readonly adapter: string | null;
  readonly devices: readonly {
    readonly device: string;
    readonly from: readonly { readonly warmup: number; readonly sampling: number }[];
    readonly why: string;
  }[];
}

const { interval } = checkpoints;
let unbroken: Record<string, string>;

beforeAll(async () => {
  checkpoints.interval = 10;
  const asked = withGpu();
  const whole = await fit('unbroken', '--device', 'webgpu');
  expect(whole.code, whole.stderr).toBe(0);
  expect(asked.evaluations).toBeGreaterThan(late + 100);
  expect([asked.openings, asked.disposals]).toEqual([1, 1]);
  unbroken = results(files.at('unbroken'));
  return () => void (checkpoints.interval = interval);
});
afterEach(restoreMachine);

describe('a run on a GPU', () => {
  it('is announced with the adapter, and recorded', () => {
    const run = jsonOf<RunRecord>(files.at('unbroken'), 'run.json');
    expect(run).toMatchObject({ device: 'webgpu', adapter: 'Acme 9000', precision: 'single' });
    expect(run.devices).toMatchObject([{ device: 'webgpu', adapter: 'Acme 9000', why: 'device: webgpu' }]);
    expect(jsonOf(files.at('unbroken'), 'diagnostics.json')).toMatchObject({
      device: 'webgpu',
      adapter: 'Acme 9000',
      precision: 'single',
      deviceMemoryBytes: 4096,
    });
  });
});

describe('a GPU lost in the middle', () => {
  it('stops the run: exit 1, one line, and the commands in it continue it there or on the processor', async () => {
    for (const [name, device] of [
      ['stopped', undefined],
      ['stopped-cpu', 'cpu'],
    ] as const) {
      withGpu({ delay, onRun: lostAt(middle) });
      const lost = await fit(name, '--device', 'webgpu');
      expect(lost.code, lost.stderr).toBe(1);
      const again = `hierax fit ${files.config} --device webgpu --out ${files.at(name)} --resume`;
      expect(lastLine(lost.stderr)).toBe(
        `hierax: the GPU was lost: the driver was reset; the state is saved in ${files.at(name)}: continue with ${again}, ` +
          `or on the processor with ${again.replace(' --device webgpu', '').replace(' --out', ' --device cpu --out')}`,
      );
      withGpu();
      const resumed = await fit(name, '--resume', ...(device === undefined ? [] : ['--device', device]));
      expect(resumed.code, resumed.stderr).toBe(0);
      expect(results(files.at(name))).toEqual(unbroken);
      const { devices } = jsonOf<RunRecord>(files.at(name), 'run.json');
      expect(devices.map((period) => period.device)).toEqual(device === undefined ? ['webgpu'] : ['webgpu', 'cpu']);
    }
  });

  it('with --on-device-loss cpu: the run goes on by itself on the processor, and says so', async () => {
    withGpu({ delay, onRun: lostAt(middle) });
    const { code, stderr } = await fit('to-cpu', '--device', 'webgpu', '--on-device-loss', 'cpu');
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('\nthe GPU was lost: the driver was reset; going on on cpu from the last checkpoint\n');
    expect(results(files.at('to-cpu'))).toEqual(unbroken);
    const run = jsonOf<RunRecord>(files.at('to-cpu'), 'run.json');
    expect(run).toMatchObject({ device: 'cpu', adapter: null, precision: 'double' });
    expect(run.devices).toMatchObject([
      { device: 'webgpu', from: [{ warmup: 0 }, { warmup: 0 }] },
      { device: 'cpu', why: 'the GPU was lost: the driver was reset' },
    ]);
    expect(run.devices[1].from[0].warmup).toBeGreaterThan(0);
  });

  it('with --on-device-loss retry: the same device is opened anew, more than once', async () => {
    const asked = withGpu({ delay, onRun: lostAt(middle, late) });
    const { code, stderr } = await fit('retried', '--device', 'webgpu', '--on-device-loss', 'retry');
    expect(code, stderr).toBe(0);
    expect([asked.openings, asked.disposals]).toEqual([3, 3]);
    expect(stderr).toContain('going on on the same device, opened anew, from the last checkpoint');
    expect(results(files.at('retried'))).toEqual(unbroken);
    expect(jsonOf<RunRecord>(files.at('retried'), 'run.json').devices).toHaveLength(1);
  });

  it('before there is a checkpoint, the run starts again', async () => {
    withGpu({ onRun: lostAt(3) });
    const { code, stderr } = await fit('early', '--device', 'webgpu', '--on-device-loss', 'retry');
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('opened anew, from the start\n');
    expect(results(files.at('early'))).toEqual(unbroken);
  });

  it('an adapter that does not come back ends the run after some attempts, with its state saved', async () => {
    const asked = withGpu({
      delay,
      onRun: lostAt(middle),
      onOpen: (openings) => {
        if (openings > 1) throw new NoAdapterError('no GPU adapter was found');
      },
    });
    const { code, stderr } = await fit('vanished', '--device', 'webgpu', '--on-device-loss', 'retry');
    expect(code).toBe(1);
    expect(asked.openings).toBe(3);
    expect(lastLine(stderr)).toMatch(/^hierax: device webgpu: .*; the state is saved in .* --device cpu --out/);
    const resumed = await fit('vanished', '--device', 'cpu', '--resume');
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(results(files.at('vanished'))).toEqual(unbroken);
  });
});

describe('a GPU that cannot take the model', () => {
  const tooSmall = () => {
    throw new DeviceMemoryError('data: 4096 bytes, but a buffer of Acme 9000 holds at most 16');
  };

  it('has too little memory: refused with advice, exit 2, and no half run stays', async () => {
    withGpu({ onCompile: tooSmall });
    const { code, stderr } = await fit('small', '--device', 'webgpu');
    expect([code, stderr]).toEqual([
      2,
      'hierax: data: 4096 bytes, but a buffer of Acme 9000 holds at most 16; use fewer chains, another device (--device cpu), or a GPU with more memory\n',
    ]);
    expect(existsSync(files.at('small'))).toBe(false);
  });

  it('has too little memory when the sampler starts: the same', async () => {
    withGpu({ onRun: tooSmall });
    const { code, stderr } = await fit('small', '--device', 'webgpu');
    expect(code).toBe(2);
    expect(lastLine(stderr)).toMatch(/holds at most 16; use fewer chains, another device/);
    expect(existsSync(files.at('small'))).toBe(false);
  });

  it('runs out of memory in the middle: exit 1, and --on-device-loss cpu goes on', async () => {
    const onRun = (evaluation: number): void => {
      if (evaluation === middle) throw new DeviceMemoryError('the GPU is out of memory');
    };
    withGpu({ delay, onRun });
    const { code, stderr } = await fit('full', '--device', 'webgpu');
    expect(code).toBe(1);
    expect(lastLine(stderr)).toMatch(/^hierax: the GPU is out of memory; the state is saved in /);
    withGpu({ onRun: lostAt(20) });
    const resumed = await fit('full', '--device', 'webgpu', '--resume', '--on-device-loss', 'cpu');
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(results(files.at('full'))).toEqual(unbroken);
  });

  it('refuses a shader: exit 1, its WGSL is kept and named; --on-device-loss cpu computes on the processor', async () => {
    const onCompile = () => {
      throw new ShaderCompileError('kernel rows, line 7: unresolved value', 'fn main() {}');
    };
    withGpu({ onCompile });
    const { code, stderr } = await fit('refused', '--device', 'webgpu', '--on-device-loss', 'retry');
    expect(code).toBe(1);
    const shader = join(files.at('refused'), 'refused-shader.wgsl');
    expect(stderr).toMatch(/^hierax: kernel rows, line 7: unresolved value; its WGSL is in [^;]+; no state is saved/);
    expect(stderr).toContain(shader);
    expect(readFileSync(shader, 'utf8')).toBe('fn main() {}');
    withGpu({ onCompile });
    const onCpu = await fit('refused', '--device', 'webgpu', '--on-device-loss', 'cpu');
    expect(onCpu.code, onCpu.stderr).toBe(0);
    expect(results(files.at('refused'))).toEqual(unbroken);
  });
});
