// The draws of a fit in the worker's memory: the population's and, where they fit, the groups'; summarised at the end.
import { scalarNames } from '../../../src/data/run/names.js';
import { summariseNamed } from '../../../src/diagnostics/index.js';
import type { Draw, Evaluator } from '../../../src/inference/index.js';
import { stridesOf } from '../../../src/kernels/program/tensorProgram.js';
import type { Model, Site } from '../../../src/models/model.js';
import type { SummaryRow } from '../messages.js';

/** Draws of groups are kept up to this. */
const mostGroupBytes = 2 ** 29;

/** A reported scalar: its name, and its place among the outputs of the quantities. */
interface Scalar {
  readonly name: string;
  readonly place: number;
  readonly level: Site['level'];
}

/** Scalars of the model in the order of the summary; elements that are fixed by construction are left out. */
function scalarsOf(model: Model, quantities: Evaluator): Scalar[] {
  const offsets = new Map<string, number>();
  let offset = 0;
  for (const { name, size } of quantities.outputs) {
    offsets.set(name, offset);
    offset += size;
  }
  return model.sites.flatMap((site) =>
    [...scalarNames(site, model.coords)].flatMap((name, element) =>
      isFixed(site, element) ? [] : [{ name, place: offsets.get(site.name)! + element, level: site.level }],
    ),
  );
}

function isFixed(site: Site, element: number): boolean {
  if (site.isFixed === undefined) return false;
  const strides = stridesOf(site.shape);
  return site.isFixed(site.shape.map((extent, axis) => Math.floor(element / strides[axis]) % extent));
}

export class DrawStore {
  readonly population: readonly Scalar[];
  /** Values of the last draw that was taken, by place. */
  readonly values: Float64Array;
  /** Why groups are not kept; undefined when they are. */
  readonly note: string | undefined;
  private readonly kept: readonly Scalar[];
  /** `[chain]` of `[scalar][draw]` */
  private readonly draws: readonly Float64Array[];
  /** By chain. */
  private readonly counts: Int32Array;

  constructor(
    model: Model,
    private readonly quantities: Evaluator,
    chains: number,
    private readonly capacity: number,
  ) {
    const scalars = scalarsOf(model, quantities);
    this.population = scalars.filter(({ level }) => level === 'population');
    const groupBytes = (scalars.length - this.population.length) * chains * capacity * 8;
    const fits = groupBytes <= mostGroupBytes;
    this.kept = fits ? scalars : this.population;
    const megabytes = Math.ceil(groupBytes / 1e6);
    this.note = fits ? undefined : `coefficients of groups are left out: their draws would take ${megabytes} MB`;
    this.values = new Float64Array(quantities.outputs.reduce((sum, { size }) => sum + size, 0));
    this.draws = Array.from({ length: chains }, () => new Float64Array(this.kept.length * capacity));
    this.counts = new Int32Array(chains);
  }

  /** Evaluates the quantities at a draw, and keeps them when it is none of the warm-up. */
  take({ chain, phase, index, position }: Draw): void {
    if (this.quantities.evaluate(position, this.values) !== undefined) {
      throw new Error('quantities need a device that evaluates at once');
    }
    if (phase === 'warmup') return;
    const draws = this.draws[chain];
    for (let i = 0; i < this.kept.length; i++) draws[i * this.capacity + index] = this.values[this.kept[i].place];
    this.counts[chain] = index + 1;
  }

  /** Draws that every chain has made. */
  get drawsPerChain(): number {
    return Math.min(...this.counts);
  }

  /** Summaries of all kept scalars, of the draws that every chain has made. */
  summarise(
    truth: ReadonlyMap<string, number> | undefined,
    onProgress: (done: number, of: number) => void,
  ): SummaryRow[] {
    const draws = this.drawsPerChain;
    return this.kept.map(({ name, level }, i) => {
      if (i % 200 === 0) onProgress(i, this.kept.length);
      const chains = this.draws.map((values) => values.subarray(i * this.capacity, i * this.capacity + draws));
      const known = truth?.get(name);
      return { ...summariseNamed(name, chains), level, ...(known !== undefined && { truth: known }) };
    });
  }
}
