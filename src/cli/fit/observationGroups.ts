// Groups with a number per draw and observation, stored when the configuration asks for them: log_likelihood, posterior_predictive.
import { DrawGroup } from '../../data/run/drawGroup.js';
import { compileQuantity, compileReplicator, predictiveStream } from '../../inference/index.js';
import { cpuDevice } from '../../kernels/cpu/cpuDevice.js';
import type { Device } from '../../kernels/device.js';
import type { Model } from '../../models/model.js';
import type { FitJob } from './job.js';

/** Writes the numbers of a draw, `[observations]`, into `target`. */
interface Filler {
  fill(position: Float64Array, chain: number, draw: number, target: Float64Array): void;
  dispose(): Promise<void>;
}

/** By the groups' names in InferenceData: what fills them. */
const fillers = {
  log_likelihood: async (model: Model, device: Device): Promise<Filler> => {
    const evaluator = await compileQuantity(model, device, 'logLikelihood');
    return {
      fill: (position, _, __, target) => {
        if (evaluator.evaluate(position, target) !== undefined) {
          throw new Error('quantities of observations need a device that evaluates at once');
        }
      },
      dispose: () => evaluator.dispose(),
    };
  },
  posterior_predictive: async (model: Model, device: Device, seed: number): Promise<Filler> => {
    const replicator = await compileReplicator(model, device);
    return {
      fill: (position, chain, draw, target) => {
        replicator.replicate(position, predictiveStream(seed, chain, draw), target);
      },
      dispose: () => replicator.dispose(),
    };
  },
};

export type ObservationGroup = keyof typeof fillers;

export const observationGroups = Object.keys(fillers) as readonly ObservationGroup[];

/** The writer of the groups that a job keeps; none of them costs anything unless it is asked for. */
export class ObservationWriter {
  private readonly values: Float64Array;

  private constructor(
    private readonly open: readonly { readonly filler: Filler; readonly group: DrawGroup }[],
    rows: number,
  ) {
    this.values = new Float64Array(open.length === 0 ? 0 : rows);
  }

  /** @param counts draws of each chain that a resumed run has behind it; undefined starts the groups anew */
  static async open(path: string, job: FitJob, counts: readonly number[] | undefined): Promise<ObservationWriter> {
    const { config, model, keptGroups } = job;
    const { name: response, values } = model.observed;
    const site = { name: response, shape: [values.length], dims: ['row'] };
    const layout = { chains: config.chains, draws: config.draws, sites: [site], coords: {} };
    const device = cpuDevice({ precision: config.precision });
    const open: { filler: Filler; group: DrawGroup }[] = [];
    for (const name of keptGroups) {
      const group =
        counts === undefined
          ? await DrawGroup.create(path, name, layout)
          : await DrawGroup.resume(path, name, layout, counts);
      open.push({ filler: await fillers[name](model, device, config.seed), group });
    }
    return new ObservationWriter(open, values.length);
  }

  /** Whether there is anything to write. */
  get isOpen(): boolean {
    return this.open.length > 0;
  }

  write(chain: number, draw: number, position: Float64Array): void {
    for (const { filler, group } of this.open) {
      filler.fill(position, chain, draw, this.values);
      group.append(chain, draw, this.values);
    }
  }

  flush(): void {
    for (const { group } of this.open) group.flush();
  }

  async dispose(): Promise<void> {
    for (const { filler } of this.open) await filler.dispose();
  }
}
