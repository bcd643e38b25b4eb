// Phase spaces of all chains in the memory of a GPU: lists of requests become one submission each, and only scalars come back.
import type { ResidentDensity } from '../logDensity.js';
import { PRIOR_DRAWS } from '../phaseSpace/estimateMetric.js';
import type { PhaseSpaces, PhaseSpacesSettings, SavedVectors } from '../phaseSpace/phaseSpaces.js';
import type { Request } from '../phaseSpace/requests.js';
import { isBatched } from '../phaseSpace/requests.js';
import { DenseBlocks } from './denseBlocks.js';
import { DeviceMemory } from './deviceMemory.js';
import { GpuPooled } from './gpuPooled.js';
import { Kernels } from './kernels.js';
import { EntryTable } from './entryTable.js';
import type { Layout } from './layout.js';
import { metricVectors, partialsOf, planLayout, positionVector, workgroupSize } from './layout.js';
import { Lookahead } from './lookahead.js';
import type { Plan } from './planBatch.js';
import { BatchPlanner } from './planBatch.js';
import type { BatchResults } from './runPlan.js';
import { PlanRunner } from './runPlan.js';
import { schedule } from './schedule.js';
import { turningProducts } from './wgsl/turningKernel.js';

type List = readonly Request[];
type Lists = readonly (List | undefined)[];

/** Numbers of leapfrog steps worth planning at once, best first, and the memory for vectors that decides among them. */
const lookaheads = [16, 8, 4, 1];
const comfortableBytes = 2 ** 30;

export class GpuPhaseSpaces implements PhaseSpaces {
  readonly dimension: number;
  readonly chains: number;
  readonly pooled: GpuPooled;
  readonly reportedValues: number | undefined;
  private readonly runner: PlanRunner;
  private readonly planner: BatchPlanner;
  private readonly answers: Float64Array[];
  /** `[chain][point slot]` */
  private readonly logDensities: Float64Array[];
  /** Positions in the moments, `[chain]`. */
  private readonly observed: Int32Array;
  private readonly blocks: DenseBlocks;
  private priorVariances: Float64Array | undefined;

  private constructor(
    private readonly density: ResidentDensity,
    private readonly layout: Layout,
    private readonly memory: DeviceMemory,
    kernels: Kernels,
    settings: PhaseSpacesSettings,
    private readonly planned: Lookahead | number,
  ) {
    const { dimension, chains } = layout;
    this.dimension = dimension;
    this.chains = chains;
    this.observed = new Int32Array(chains);
    this.runner = new PlanRunner(layout, memory, kernels, density, settings.report);
    this.reportedValues = settings.report?.size;
    const maxWorkgroups = density.program.context.limits.workgroups;
    this.planner = new BatchPlanner(layout, maxWorkgroups, this.observed, settings.report);
    this.answers = Array.from({ length: chains }, () => new Float64Array(16));
    this.logDensities = Array.from({ length: chains }, () => new Float64Array(layout.slots.points).fill(NaN));
    this.blocks = new DenseBlocks(chains, settings.denseIndices, settings.inverseMass);
    this.pooled = new GpuPooled({
      layout,
      kernels,
      runner: this.runner,
      maxWorkgroups,
      blocks: this.blocks,
      observed: this.observed,
      writePriorVariances: (variances) => this.writePriorVariances(variances),
      writeBlock: (chain) => this.writeBlock(chain),
    });
    for (let chain = 0; chain < chains; chain++) this.writeMetric(chain, settings.inverseMass);
  }

  /**
   * Allocates all memory and compiles the kernels. There is room to plan 16 steps ahead, or 8, 4 or 1 where vectors would take
   * more than 1 GiB or than a binding reaches; how many are planned follows their cost, unless the lookahead is given. Rejects
   * with DeviceMemoryError, DeviceLostError, ShaderCompileError; with RangeError for a low-rank metric, which has no kernels here.
   */
  static async create(
    density: ResidentDensity,
    settings: PhaseSpacesSettings,
    lookahead?: number,
  ): Promise<GpuPhaseSpaces> {
    if (settings.lowRank) {
      throw new RangeError('metric: lowRank needs its vectors on the host; on a GPU take diagonal, dense or block');
    }
    const { program, gradients, value } = density;
    const { context, lanes } = program;
    const { chains, denseIndices } = settings;
    const { report } = settings;
    const sites = { lanes: report?.program.lanes ?? 0, kept: report?.size ?? 0, rest: report?.rest ?? 0 };
    const sizes = { dimension: gradients.size, chains, lanes, denseIndices, words: value.words.size, sites };
    const { steps, layout } = roomiest(lookahead === undefined ? lookaheads : [lookahead], (steps) =>
      planLayout({ ...sizes, slots: settings.slots(steps) }, context.limits),
    );
    const memory = await DeviceMemory.create(layout, density, report?.bindings ?? new Map());
    try {
      const kernels = await Kernels.create(context, layout, memory);
      if (report !== undefined) await kernels.compile(['placePosition', 'gatherSites', 'addToSums']);
      return new GpuPhaseSpaces(density, layout, memory, kernels, settings, lookahead ?? new Lookahead(steps));
    } catch (error) {
      memory.dispose();
      throw error;
    }
  }

  get lookahead(): number {
    return typeof this.planned === 'number' ? this.planned : this.planned.steps;
  }

  get memoryBytes(): number {
    return this.memory.bytes;
  }

  async answer(lists: Lists): Promise<readonly Float64Array[]> {
    for (let chain = 0; chain < this.chains; chain++) {
      const length = lists[chain]?.length ?? 0;
      if (length > this.answers[chain].length) this.answers[chain] = new Float64Array(2 * length);
    }
    // A new metric depends on what has been read back, so the rest of a list that adapts one is a batch of its own.
    const most = this.mostRequests(lists);
    const done = lists.map(() => 0);
    for (let rest: Lists = lists; rest.some((list) => list !== undefined && list.length > 0);) {
      const heads = rest.map((list) => {
        const adapts = list?.findIndex(({ kind }) => kind === 'adapt') ?? -1;
        return list?.slice(0, adapts < 0 ? most : Math.min(most, adapts + 1));
      });
      await this.answerHeads(heads, done);
      rest = rest.map((list, chain) => list?.slice(heads[chain]!.length));
      heads.forEach((head, chain) => (done[chain] += head?.length ?? 0));
    }
    return this.answers;
  }

  logDensityAt(chain: number, point: number): number {
    return this.logDensities[chain][point];
  }

  async save(chain: number, point: number): Promise<SavedVectors> {
    const { inverseMass, mean, squares } = metricVectors;
    const vectors = [positionVector(this.layout, point), inverseMass, mean, squares];
    const rows = vectors.map((vector) => ({ chain, vector }));
    const [position, masses, means, sums] = await this.runner.readVectors(rows);
    const { blockInverseMass, products } = this.blocks.save(chain, masses, means, sums);
    const moments = { count: this.observed[chain], mean: means, squares: sums, products };
    return { position, inverseMass: masses, blockInverseMass, moments };
  }

  restore(chain: number, point: number, saved: SavedVectors): void {
    const { moments } = saved;
    this.runner.writeVector(chain, positionVector(this.layout, point), saved.position);
    this.blocks.restore(chain, saved);
    this.writeMetric(chain, saved.inverseMass);
    this.runner.writeVector(chain, metricVectors.mean, moments.mean);
    this.runner.writeVector(chain, metricVectors.squares, moments.squares);
    this.observed[chain] = moments.count;
  }

  async inverseMassDiagonal(chain: number): Promise<Float64Array> {
    const [diagonal] = await this.runner.readVectors([{ chain, vector: metricVectors.inverseMass }]);
    const ofBlock = this.blocks.diagonal(chain);
    for (const [row, variance] of ofBlock.entries()) diagonal[this.layout.order[row]] = variance;
    return diagonal;
  }

  dispose(): void {
    this.memory.dispose();
  }

  /** Requests of each list that one batch has room for: bindings reach the partial sums of its scalars, and its words. */
  private mostRequests(lists: Lists): number {
    const { layout } = this;
    const { bindingBytes, workgroups } = this.density.program.context.limits;
    const active = lists.reduce((count, list) => count + Number(list !== undefined), 0);
    const scalars = Math.min(bindingBytes / (8 * partialsOf(layout)), workgroups * workgroupSize);
    const rounds = bindingBytes / (4 * layout.words * layout.lanes);
    return Math.max(1, Math.floor(Math.min(scalars / (turningProducts * active), rounds)));
  }

  private async answerHeads(lists: Lists, firstAnswer: readonly number[]): Promise<void> {
    const plan = this.planner.plan(lists, schedule(lists));
    const begin = performance.now();
    const results = await this.runner.run(plan);
    if (typeof this.planned !== 'number') this.planned.observe(plan.rounds, performance.now() - begin);
    this.takeCopies(results);
    lists.forEach((list, chain) => {
      if (list !== undefined) this.answerList(chain, list, plan, results, firstAnswer[chain]);
    });
    await this.adapt(lists, firstAnswer);
  }

  /** Vectors that were asked for, and the dense blocks of the positions that were observed. */
  private takeCopies({ copies }: BatchResults): void {
    for (const { copy, values } of copies) {
      if (copy.kind === 'copySites') {
        const size = this.layout.sites.kept;
        copy.targets.forEach((target, i) => target.set(values.subarray(i * size, (i + 1) * size)));
      } else if (copy.target !== undefined) this.runner.inProgramOrder(values, copy.target);
      else this.blocks.observe(copy.chain, values);
    }
  }

  private answerList(chain: number, list: List, plan: Plan, { scalars, logDensities }: BatchResults, at: number): void {
    const [answers, own, scalarOf] = [this.answers[chain], this.logDensities[chain], plan.scalarOf[chain]!];
    let round = 0;
    list.forEach((request, index) => {
      const scalar = scalarOf[index];
      if (isBatched(request)) {
        const point = request.kind === 'evaluate' ? request.point : request.to.point;
        own[point] = logDensities[round++][chain];
      }
      answers[at + index] = this.answerOf(chain, request, scalars, scalar);
    });
  }

  private answerOf(chain: number, request: Request, scalars: Float64Array, scalar: number): number {
    const logDensities = this.logDensities[chain];
    switch (request.kind) {
      case 'evaluate':
        return logDensities[request.point];
      case 'leapfrog':
        return totalEnergy(scalars[scalar] / 2, logDensities[request.to.point]);
      case 'refresh':
        return totalEnergy(scalars[scalar] / 2, logDensities[request.at.point]);
      case 'turning':
        return Math.min(...scalars.subarray(scalar, scalar + turningProducts));
      case 'adapt':
        return Number(this.observed[chain] >= 2 && scalars[scalar] === 0);
      case 'write':
      case 'read':
      case 'report':
      case 'observe':
        return 0;
      default:
        throw new Error(request satisfies never);
    }
  }

  /** Sets the metrics of the chains whose lists ended with `adapt` and allow an estimate, and clears the moments of all of them. */
  private async adapt(lists: Lists, firstAnswer: readonly number[]): Promise<void> {
    const groups = new Map<Float64Array, number[]>();
    lists.forEach((list, chain) => {
      const last = list?.at(-1);
      if (last?.kind !== 'adapt') return;
      groups.set(last.priorVariances, [...(groups.get(last.priorVariances) ?? []), chain]);
    });
    for (const [priorVariances, chains] of groups) {
      this.writePriorVariances(priorVariances);
      const entries = chains.map((chain) => {
        const isEstimated = this.answers[chain][firstAnswer[chain] + lists[chain]!.length - 1] === 1;
        const count = this.observed[chain];
        const weight = count / (count + PRIOR_DRAWS);
        if (isEstimated) this.blocks.estimate(chain, priorVariances);
        this.blocks.clearMoments(chain);
        this.writeBlock(chain);
        this.observed[chain] = 0;
        return [chain, EntryTable.bitsOf(isEstimated ? weight / (count - 1) : 0), EntryTable.bitsOf(1 - weight)];
      });
      await this.runner.run(this.planner.planAdaptation(entries));
    }
  }

  private writePriorVariances(priorVariances: Float64Array): void {
    if (this.priorVariances === priorVariances) return;
    const { context } = this.density.program;
    context.write(this.memory.buffer('priorVariances'), 0, Float32Array.from(priorVariances));
    this.priorVariances = priorVariances;
  }

  /** Puts a chain's diagonal inverse masses and its dense block onto the device. */
  private writeMetric(chain: number, inverseMass: Float64Array): void {
    const { order, blockSize } = this.layout;
    const diagonal = inverseMass.slice();
    for (const index of order.subarray(0, blockSize)) diagonal[index] = 0;
    this.runner.writeVector(chain, metricVectors.inverseMass, diagonal);
    this.writeBlock(chain);
  }

  private writeBlock(chain: number): void {
    const { blockSize } = this.layout;
    if (blockSize === 0) return;
    const { context } = this.density.program;
    context.write(this.memory.buffer('blockMatrices'), 8 * chain * blockSize ** 2, this.blocks.matrices(chain));
  }
}

/** The layout of the first lookahead that is comfortable, else of the last that fits. Throws what planning the last one throws. */
function roomiest(
  lookaheads: readonly number[],
  plan: (steps: number) => Layout,
): { readonly steps: number; readonly layout: Layout } {
  const [steps, ...fewer] = lookaheads;
  try {
    const layout = plan(steps);
    if (layout.bytes <= comfortableBytes || fewer.length === 0) return { steps, layout };
  } catch (error) {
    if (fewer.length === 0) throw error;
  }
  return roomiest(fewer, plan);
}

/** Kinetic energy minus log density; not a number counts as +∞. */
function totalEnergy(kinetic: number, logDensity: number): number {
  const energy = kinetic - logDensity;
  return Number.isNaN(energy) ? Infinity : energy;
}
