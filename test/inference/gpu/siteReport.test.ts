// Sites reported by the device against the host's from the same positions: kept values, running moments, bytes read, and resuming.
import { afterAll, describe, expect, it } from 'vitest';
import { decodeSnapshot, encodeSnapshot } from '../../../src/data/run/snapshotCodec.js';
import { momentsPlan, RunningMoments } from '../../../src/diagnostics/index.js';
import { compileDensity, compileQuantity, compileReport } from '../../../src/inference/compiledModel.js';
import { GpuPhaseSpaces } from '../../../src/inference/gpu/gpuPhaseSpaces.js';
import type { GpuSiteReport } from '../../../src/inference/gpu/gpuSiteReport.js';
import type { Draw, SampleSettings, SavedSums, Snapshot } from '../../../src/inference/index.js';
import { SamplingRun } from '../../../src/inference/index.js';
import type { CreatePhaseSpaces } from '../../../src/inference/phaseSpace/createPhaseSpaces.js';
import { cpuDevice } from '../../../src/kernels/cpu/cpuDevice.js';
import { literal } from '../../../src/kernels/ops/index.js';
import type { GpuContext } from '../../../src/kernels/webgpu/context.js';
import { webgpuDevice } from '../../../src/kernels/webgpu/webgpuDevice.js';
import { normal } from '../../../src/models/distributions/index.js';
import { defineModel } from '../../../src/models/model.js';
import { positive, real } from '../../../src/models/parameters.js';
import { testGpu } from '../../kernels/webgpu/testGpu.js';

const context = await testGpu();
/** Few workgroups to a dispatch. */
const narrow = await testGpu({ workgroups: 2 });
afterAll(() => {
  context?.dispose();
  narrow?.dispose();
});

const groups = 70;
const y = Float64Array.from({ length: groups }, (_, j) => Math.fround(2 + Math.sin(7 * j)));
/** `far` is 30 and varies by thousandths: sums of squares of the raw values would hold nothing of it in f32. */
const model = defineModel({
  name: 'groups',
  data: { y },
  parameters: { mu: real(), tau: positive(), eta: real(groups) },
  logPrior: ({ mu, tau, eta }) =>
    normal.logDensity(mu, 0, 5).add(normal.logDensity(tau)).add(normal.logDensity(eta).sum()),
  logLikelihood: ({ mu, tau, eta }, d) => normal.logDensity(d.y, eta.mul(tau).add(mu), 1),
  derived: {
    sites: { theta: [groups], far: [groups] },
    compute: ({ mu, tau, eta }) => {
      const theta = eta.mul(tau).add(mu);
      return { theta, far: theta.mul(literal(0.001)).add(literal(30)) };
    },
  },
});
/** Not in the order of the model, and not all. */
const kept = ['theta', 'mu'];
const summed = ['tau', 'far', 'eta'];
const keptSize = groups + 1;
const restSize = 1 + 2 * groups;

interface Run {
  /** `[chain][draw]`, after warm-up: the values that came back. */
  readonly values: readonly Float64Array[][];
  readonly positions: readonly Float64Array[][];
  readonly sums: SavedSums;
  readonly snapshot: Snapshot;
  readonly bytesRead: number;
  readonly draws: number;
}

interface RunOptions {
  readonly settings: SampleSettings & { readonly chains: number; readonly draws: number };
  readonly gpu?: GpuContext;
  readonly laneWidth?: 1 | 4;
  /** Draws that the report is told of; default: those of the settings. */
  readonly planned?: number;
  readonly wantsPositions?: boolean;
  readonly wantsReport?: boolean;
  /** Draws of all chains, warm-up included, after which the run stops. */
  readonly stopAfter?: number;
  readonly from?: Pick<Run, 'sums' | 'snapshot'>;
}

async function run({
  settings,
  gpu = context!,
  laneWidth = 1,
  planned,
  wantsPositions = false,
  wantsReport = true,
  stopAfter,
  from,
}: RunOptions): Promise<Run> {
  const { chains } = settings;
  const device = webgpuDevice(gpu, { laneWidth });
  const density = await compileDensity(model, device, chains);
  const plan = momentsPlan(planned ?? settings.draws);
  const report: GpuSiteReport = (await compileReport(model, device, density, chains, {
    kept,
    summed,
    plan,
    ...(from && { saved: from.sums }),
  }))!;
  const values: Float64Array[][] = Array.from({ length: chains }, () => []);
  const positions: Float64Array[][] = Array.from({ length: chains }, () => []);
  const stop = new AbortController();
  let draws = 0;
  const onDraw = ({ chain, phase, position, sites }: Draw): void => {
    if (++draws === stopAfter) stop.abort();
    if (phase === 'warmup') return;
    if (sites !== undefined) values[chain].push(sites.slice());
    if (position.length > 0) positions[chain].push(position.slice());
  };
  const listener = {
    onDraw,
    wantsDraw: () => wantsPositions,
    wantsSites: (_: number, phase: string) =>
      wantsReport && phase === 'sampling' ? ('values and sums' as const) : ('nothing' as const),
  };
  const before = gpu.counters.bytesRead;
  // Steps that are planned ahead follow the clock, and their scalars come back too: here there are none.
  const createPhaseSpaces: CreatePhaseSpaces = ({ resident }, given) => GpuPhaseSpaces.create(resident!, given, 1);
  const options = { signal: stop.signal, report, createPhaseSpaces, ...(from && { resume: from.snapshot }) };
  const { snapshot } = await new SamplingRun(density, settings, listener, options).run();
  const bytesRead = gpu.counters.bytesRead - before;
  const sums = (await report.sums())!;
  await report.dispose();
  await density.dispose();
  return { values, positions, sums, snapshot, bytesRead, draws };
}

const short = { chains: 3, warmup: 12, draws: 21, maxTreeDepth: 4, seed: 3 } as const;

/** All sites of a position in f64, by name. */
async function sitesOnHost(): Promise<(position: Float64Array) => Map<string, Float64Array>> {
  const evaluator = await compileQuantity(model, cpuDevice(), 'sites');
  const all = new Float64Array(evaluator.outputs.reduce((sum, { size }) => sum + size, 0));
  return (position) => {
    void evaluator.evaluate(position, all);
    let at = 0;
    return new Map(evaluator.outputs.map(({ name, size }) => [name, all.slice(at, (at += size))]));
  };
}

const joined = (sites: Map<string, Float64Array>, names: readonly string[]): Float64Array =>
  Float64Array.from(names.flatMap((name) => [...sites.get(name)!]));

function figures(settings: RunOptions['settings'], sums: SavedSums): RunningMoments {
  const { chains, draws } = settings;
  return RunningMoments.restore({ chains, dimension: restSize, drawsPerChain: draws }, sums);
}

const timeout = 300_000;

describe.skipIf(context === undefined)('sites reported by the device', () => {
  it.each([
    { method: 'nuts', laneWidth: 1 },
    { method: 'chees', laneWidth: 4 },
  ] as const)(
    'are those of the position: kept values, and running moments of the others, $method, $laneWidth lanes an invocation',
    async ({ method, laneWidth }) => {
      const settings = { ...short, method };
      const { values, positions, sums } = await run({ settings, laneWidth, wantsPositions: true });
      const host = await sitesOnHost();
      const moments = new RunningMoments({ chains: 3, dimension: restSize, drawsPerChain: settings.draws });
      positions.forEach((chain, c) => {
        expect(chain).toHaveLength(settings.draws);
        chain.forEach((position, draw) => {
          const sites = host(position);
          joined(sites, kept).forEach((value, i) =>
            expect(Math.abs(values[c][draw][i] - value) / Math.max(1, Math.abs(value))).toBeLessThan(1e-6),
          );
          moments.push(c, joined(sites, summed));
        });
      });
      expect(sums.total).toBe(3 * settings.draws);
      const [expected, actual] = [moments.columns(), figures(settings, sums).columns()];
      for (let i = 0; i < restSize; i++) {
        // `far` is rounded to 2e-6 of 30, its standard deviation is near 1e-3.
        const isFar = i > 0 && i <= groups;
        const [ofMean, ofSpread] = isFar ? [3e-3, 6e-3] : [1e-5, 1e-4];
        expect(Math.abs(actual.mean[i] - expected.mean[i]) / expected.sd[i], `mean ${i}`).toBeLessThan(ofMean);
        for (const figure of ['sd', 'splitRhatMoments', 'essBatchMeans', 'mcseMean'] as const) {
          const error = Math.abs(actual[figure][i] / expected[figure][i] - 1);
          expect(error, `${figure} ${i}`).toBeLessThan(figure === 'essBatchMeans' ? 3 * ofSpread : ofSpread);
        }
      }
    },
    timeout,
  );

  it(
    'cost the kept values of a draw and nothing else to read back',
    async () => {
      const settings = { ...short, method: 'hmc', hmc: { integrationTime: 0.3 } } as const;
      const silent = await run({ settings, wantsReport: false });
      const told = await run({ settings });
      expect(told.draws).toBe(silent.draws);
      expect((told.bytesRead - silent.bytesRead) / (settings.chains * settings.draws)).toBe(4 * keptSize);
      expect(silent.sums.total).toBe(0);
    },
    timeout,
  );

  it(
    'go on from what was saved with the very bits of an unbroken run',
    async () => {
      const unbroken = await run({ settings: short });
      for (const stopAfter of [50, 71]) {
        const first = await run({ settings: short, stopAfter });
        const saved = decodeSnapshot(JSON.parse(JSON.stringify(encodeSnapshot(first.sums)))) as SavedSums;
        expect(saved.total).toBeGreaterThan(0);
        expect(saved.total).toBeLessThan(unbroken.sums.total);
        const second = await run({ settings: short, from: { sums: saved, snapshot: first.snapshot } });
        expect(first.values.map((chain, c) => [...chain, ...second.values[c]])).toEqual(unbroken.values);
        expect(second.sums).toEqual(unbroken.sums);
      }
    },
    timeout,
  );

  it(
    'are the same where a dispatch has few workgroups',
    async () => {
      const settings = { ...short, chains: 5, draws: 6 };
      const [expected, actual] = [await run({ settings }), await run({ settings, gpu: narrow! })];
      expect(actual.values).toEqual(expected.values);
      expect(actual.sums).toEqual(expected.sums);
    },
    timeout,
  );

  it('refuse more draws than were planned', async () => {
    const settings = { ...short, warmup: 0, stepSize: 0.1, draws: 6 };
    await expect(run({ settings, planned: 4 })).rejects.toThrow(/has reported its 4 planned draws already/);
  });
});
