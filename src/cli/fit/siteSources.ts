// Where the values of reported sites come from: the processor, from a draw's position; or the device, which keeps positions and moments.
import { type MomentsSnapshot, momentsPlan, RunningMoments } from '../../diagnostics/index.js';
import type { Draw, DrawInfo, Evaluator, GpuSiteReport, PreparedMethod } from '../../inference/index.js';
import { compileQuantity } from '../../inference/index.js';
import type { Device } from '../../kernels/device.js';
import { sizeOf } from '../../kernels/program/tensorProgram.js';
import { DeviceMemoryError } from '../../kernels/webgpu/errors.js';
import type { Model, Site } from '../../models/model.js';

export interface SiteSource {
  /** The device's report, for the sampler; undefined where positions come to the processor. */
  readonly report: GpuSiteReport | undefined;
  /** Moments of the sites that are not stored; those of a device as of the last `save`. */
  readonly moments: RunningMoments | undefined;
  /** The stored values of a draw, valid until the next call; the others go into their moments where the draw counts. */
  take(draw: Draw<DrawInfo>, isCounted: boolean): Float64Array;
  /** The moments as a checkpoint holds them. */
  save(): MomentsSnapshot | undefined | Promise<MomentsSnapshot | undefined>;
  dispose(): Promise<void>;
}

/** Chains and stored draws of each, for the moments. */
interface DrawSizes {
  readonly chains: number;
  readonly draws: number;
}

/**
 * The device's own report where the method has one and its memory does, else the processor.
 * @param saved moments that the run goes on from
 * @param plain the processor, in doubles
 */
export async function openSites(
  model: Model,
  keptSites: readonly Site[],
  { chains, draws }: DrawSizes,
  saved: MomentsSnapshot | undefined,
  prepared: PreparedMethod,
  plain: Device,
  say: (line: string) => void,
): Promise<SiteSource> {
  const rest = model.sites.filter((site) => !keptSites.includes(site));
  const dimension = rest.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const options = { chains, dimension, drawsPerChain: draws };
  const [kept, summed] = [model.sites.filter((site) => keptSites.includes(site)), rest].map((sites) =>
    sites.map(({ name }) => name),
  );
  try {
    const report = await prepared.report?.({ kept, summed, plan: momentsPlan(draws), saved });
    if (report !== undefined) return new DeviceSites(report, options);
  } catch (error) {
    if (!(error instanceof DeviceMemoryError)) throw error;
    say(`${error.message}: positions are read back, and their reported quantities computed on the processor`);
  }
  const moments =
    dimension === 0
      ? undefined
      : saved === undefined
        ? new RunningMoments(options)
        : RunningMoments.restore(options, saved);
  return new HostSites(await compileQuantity(model, plain, 'sites'), kept, moments);
}

class HostSites implements SiteSource {
  readonly report = undefined;
  private readonly all: Float64Array;
  private readonly stored: Float64Array;
  private readonly rest: Float64Array;

  constructor(
    private readonly evaluator: Evaluator,
    private readonly kept: readonly string[],
    readonly moments: RunningMoments | undefined,
  ) {
    const size = (isStored: boolean): number =>
      evaluator.outputs.reduce((sum, { name, size }) => sum + (kept.includes(name) === isStored ? size : 0), 0);
    this.stored = new Float64Array(size(true));
    this.rest = new Float64Array(size(false));
    this.all = new Float64Array(this.stored.length + this.rest.length);
  }

  take({ chain, position }: Draw<DrawInfo>, isCounted: boolean): Float64Array {
    if (this.evaluator.evaluate(position, this.all) !== undefined) {
      throw new Error('reported sites need a device that evaluates at once');
    }
    let [at, stored, rest] = [0, 0, 0];
    for (const { name, size } of this.evaluator.outputs) {
      const values = this.all.subarray(at, (at += size));
      if (this.kept.includes(name)) {
        this.stored.set(values, stored);
        stored += size;
      } else {
        this.rest.set(values, rest);
        rest += size;
      }
    }
    if (isCounted) this.moments?.push(chain, this.rest);
    return this.stored;
  }

  save(): MomentsSnapshot | undefined {
    return this.moments?.snapshot();
  }

  dispose(): Promise<void> {
    return this.evaluator.dispose();
  }
}

/** The device has taken the draw into its moments when it hands it out. */
class DeviceSites implements SiteSource {
  moments: RunningMoments | undefined;

  constructor(
    readonly report: GpuSiteReport,
    private readonly options: { readonly chains: number; readonly dimension: number; readonly drawsPerChain: number },
  ) {}

  take({ sites }: Draw<DrawInfo>): Float64Array {
    return sites!;
  }

  async save(): Promise<MomentsSnapshot | undefined> {
    const saved = await this.report.sums();
    this.moments = saved && RunningMoments.restore(this.options, saved);
    return saved;
  }

  dispose(): Promise<void> {
    return this.report.dispose();
  }
}
