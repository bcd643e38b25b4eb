// The posterior predictive check: replicated data sets from draws spread over the chains, as densities and statistics.
import { kernelDensity, meanOf, quantile, sortAscending, varianceOf } from '../../diagnostics/index.js';
import { compileReplicator, predictiveStream, type Replicator } from '../../inference/index.js';
import type { Device } from '../../kernels/device.js';
import type { Model } from '../../models/model.js';
import { atObservations } from '../../models/someObservations.js';
import type { ReportInput } from '../../report/index.js';

export type PredictiveCheck = NonNullable<ReportInput['predictive']>;

/** Replicated data sets in all; and points of the density's grid. */
const replications = 40;
const gridPoints = 128;

/** Observations that are replicated, at most. */
const mostObservations = 1_000_000;
/** The chain number of the stream that chooses them, which no sampler has. */
const choosingChain = 0x54_00_00_00;

type ObservedModel = Model & { readonly observed: NonNullable<Model['observed']> };

const statistics: readonly {
  readonly name: string;
  readonly of: (sorted: Float64Array, mean: number, sd: number) => number;
}[] = [
  { name: 'mean', of: (_, mean) => mean },
  { name: 'sd', of: (_, __, sd) => sd },
  { name: 'min', of: (sorted) => sorted[0] },
  { name: '5 % quantile', of: (sorted) => sorted[Math.floor(0.05 * (sorted.length - 1))] },
  { name: 'median', of: (sorted) => sorted[Math.floor(0.5 * (sorted.length - 1))] },
  { name: '95 % quantile', of: (sorted) => sorted[Math.floor(0.95 * (sorted.length - 1))] },
  { name: 'max', of: (sorted) => sorted[sorted.length - 1] },
];

interface Shape {
  readonly density: readonly number[];
  readonly figures: readonly number[];
}

/** Collects replications while draws arrive; what it has collected is plain data, for checkpoints. */
export class PredictiveCollector {
  private readonly grid: readonly number[];
  private readonly observed: Shape;
  private readonly output: Float64Array;
  private readonly every: number;

  private constructor(
    private readonly replicator: Replicator,
    private readonly response: string,
    y: ArrayLike<number>,
    private readonly allObservations: number,
    private readonly seed: number,
    chains: number,
    draws: number,
    readonly collected: Map<string, Shape>,
  ) {
    const sorted = Float64Array.from(y).sort();
    const reach = 0.1 * (sorted[sorted.length - 1] - sorted[0]);
    const lower = sorted[0] - reach;
    const width = (sorted[sorted.length - 1] + reach - lower) / (gridPoints - 1);
    this.grid = Array.from({ length: gridPoints }, (_, i) => lower + i * width);
    this.observed = this.shapeOf(sorted);
    this.output = new Float64Array(y.length);
    this.every = Math.max(1, Math.floor(draws / Math.ceil(replications / chains)));
  }

  /**
   * Undefined for a model that declares no replication.
   * @param device one that evaluates at once
   * @param collected replications collected before, by draw; later ones are added
   * @param most observations that are replicated: of more, so many are chosen at random
   */
  static async open(
    model: ObservedModel,
    device: Device,
    { seed, chains, draws }: { readonly seed: number; readonly chains: number; readonly draws: number },
    collected: Map<string, Shape>,
    most = mostObservations,
  ): Promise<PredictiveCollector | undefined> {
    if (model.replicate === undefined) return undefined;
    const all = model.observed.values.length;
    const isPart = all > most && model.byObservation !== undefined;
    const checked: Model = isPart ? atObservations(model, chooseRows(all, most, seed)) : model;
    const replicator = await compileReplicator(checked, device);
    const { name, values } = checked.observed!;
    return new PredictiveCollector(replicator, name, values, all, seed, chains, draws, collected);
  }

  dispose(): Promise<void> {
    return this.replicator.dispose();
  }

  /** Whether the data are to be replicated from a draw. */
  isDue(draw: number): boolean {
    return draw % this.every === this.every - 1;
  }

  /** Replicates the data from this draw if its turn has come. */
  offer(chain: number, draw: number, position: Float64Array): void {
    if (!this.isDue(draw)) return;
    this.replicator.replicate(position, predictiveStream(this.seed, chain, draw), this.output);
    this.collected.set(`${chain}:${draw}`, this.shapeOf(sortAscending(this.output)));
  }

  result(): PredictiveCheck {
    const { length } = this.output;
    // In the order of draws, whatever order the chains came in.
    const shapes = [...this.collected].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, shape]) => shape);
    return {
      response: this.response,
      grid: this.grid,
      observed: this.observed.density,
      replicated: shapes.map(({ density }) => density),
      ...(length < this.allObservations && { part: { observations: length, of: this.allObservations } }),
      statistics: statistics.map(({ name }, i) => {
        const values = Float64Array.from(shapes, ({ figures }) => figures[i]);
        const observed = this.observed.figures[i];
        return {
          name,
          observed,
          q5: quantile(values, 0.05),
          q50: quantile(values, 0.5),
          q95: quantile(values, 0.95),
          pValue: values.filter((value) => value >= observed).length / values.length,
        };
      }),
    };
  }

  /** Density on the common grid; beyond the reach of its own curve it is 0. */
  private densityOf(sorted: Float64Array): number[] {
    // A thinned sample is enough for a curve: the bandwidth is a rule of thumb.
    const step = Math.max(1, Math.floor(sorted.length / 5000));
    const sample = Float64Array.from({ length: Math.floor(sorted.length / step) }, (_, i) => sorted[i * step]);
    const curve = kernelDensity(sample, { points: 2 * gridPoints, bandwidth: 'silverman' });
    if (curve === null) return this.grid.map(() => 0);
    const { x, density } = curve;
    const width = (x[x.length - 1] - x[0]) / (x.length - 1);
    return this.grid.map((at) => {
      const place = (at - x[0]) / width;
      const left = Math.floor(place);
      if (left < 0 || left + 1 >= x.length) return 0;
      return density[left] + (place - left) * (density[left + 1] - density[left]);
    });
  }

  private shapeOf(sorted: Float64Array): Shape {
    const mean = meanOf(sorted);
    const sd = sorted.length < 2 ? 0 : Math.sqrt(varianceOf(sorted, 0, sorted.length, mean));
    return {
      density: this.densityOf(sorted),
      figures: statistics.map((statistic) => statistic.of(sorted, mean, sd)),
    };
  }
}

/** One row at random of each of `count` blocks of about the same length, in increasing order. */
function chooseRows(rows: number, count: number, seed: number): Int32Array {
  const stream = predictiveStream(seed, choosingChain, 0);
  const first = (block: number): number => Math.floor((rows * block) / count);
  return Int32Array.from({ length: count }, (_, block) => {
    const start = first(block);
    return start + Math.floor(stream.uniform() * (first(block + 1) - start));
  });
}
