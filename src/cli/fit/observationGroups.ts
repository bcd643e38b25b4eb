// Groups with a number per draw and observation, stored when the configuration asks for them: log_likelihood, posterior_predictive.
import { DrawGroup } from '../../data/run/drawGroup.js';
import { compileQuantity, type Evaluator, predictiveStream, type Quantity } from '../../inference/index.js';
import { cpuDevice } from '../../kernels/cpu/cpuDevice.js';
import type { FitJob } from './job.js';

/** Names of the groups in InferenceData, and what fills them. */
export const observationGroups = {
  log_likelihood: 'logLikelihood',
  posterior_predictive: 'replicate',
} as const satisfies Record<string, Quantity>;

export type ObservationGroup = keyof typeof observationGroups;

interface OpenGroup {
  readonly quantity: Quantity;
  readonly evaluator: Evaluator;
  readonly group: DrawGroup;
}

/** The writer of the groups that a job keeps; none of them costs anything unless it is asked for. */
export class ObservationWriter {
  private readonly values: Float64Array;
  private readonly noise: Float64Array;

  private constructor(
    private readonly open: readonly OpenGroup[],
    private readonly seed: number,
    rows: number,
  ) {
    this.values = new Float64Array(open.length === 0 ? 0 : rows);
    this.noise = new Float64Array(this.values.length);
  }

  /** @param counts draws of each chain that a resumed run has behind it; undefined starts the groups anew */
  static async open(path: string, job: FitJob, counts: readonly number[] | undefined): Promise<ObservationWriter> {
    const { config, model, keptGroups } = job;
    const { name: response, values } = model.observed;
    const site = { name: response, shape: [values.length], dims: ['row'] };
    const layout = { chains: config.chains, draws: config.draws, sites: [site], coords: {} };
    const open: OpenGroup[] = [];
    for (const name of keptGroups) {
      const quantity = observationGroups[name];
      const group =
        counts === undefined
          ? await DrawGroup.create(path, name, layout)
          : await DrawGroup.resume(path, name, layout, counts);
      const evaluator = await compileQuantity(model, cpuDevice({ precision: config.precision }), quantity);
      open.push({ quantity, evaluator, group });
    }
    return new ObservationWriter(open, config.seed, values.length);
  }

  /** Whether there is anything to write. */
  get isOpen(): boolean {
    return this.open.length > 0;
  }

  write(chain: number, draw: number, position: Float64Array): void {
    for (const { quantity, evaluator, group } of this.open) {
      let input = position;
      if (quantity === 'replicate') {
        predictiveStream(this.seed, chain, draw).fillNormal(this.noise);
        input = new Float64Array(position.length + this.noise.length);
        input.set(position);
        input.set(this.noise, position.length);
      }
      if (evaluator.evaluate(input, this.values) !== undefined) {
        throw new Error('quantities of observations need a device that evaluates at once');
      }
      group.append(chain, draw, this.values);
    }
  }

  flush(): void {
    for (const { group } of this.open) group.flush();
  }

  async dispose(): Promise<void> {
    for (const { evaluator } of this.open) await evaluator.dispose();
  }
}
