// A batch of requests as what the device does: dispatches with their table of entries, evaluations, copies and writes, in order.
import type { Request } from '../phaseSpace/requests.js';
import { EntryTable } from './entryTable.js';
import type { GpuSiteReport } from './gpuSiteReport.js';
import type { KernelName } from './kernels.js';
import type { Layout } from './layout.js';
import { gradientVector, momentumVector, positionVector } from './layout.js';
import type { Placed, Schedule, Stage } from './schedule.js';
import { turningProducts } from './wgsl/turningKernel.js';

/** A vector of one chain, or its first numbers, read back behind what was read before. */
export interface Copy {
  readonly kind: 'copy';
  readonly chain: number;
  readonly vector: number;
  /** Numbers, from the first of the vector. */
  readonly length: number;
  /** Where the vector is wanted, in the program's order; undefined for a dense block's share of an observed position. */
  readonly target?: Float64Array;
}

/** What draws report: the kept values of all entries of a stage, read back behind what was read before. */
export interface SitesCopy {
  readonly kind: 'copySites';
  /** Numbers of all entries. */
  readonly length: number;
  readonly targets: readonly Float64Array[];
}

export type Step =
  | {
      readonly kind: 'dispatch';
      readonly kernel: KernelName;
      /** Where its entries begin, in words of the table. */
      readonly first: number;
      readonly entries: number;
      readonly round: number;
      /** What the second dimension of the grid counts. */
      readonly over: 'chunks' | 'block' | 'scalars' | 'kept' | 'rest';
    }
  | { readonly kind: 'evaluate' | 'evaluateSites' }
  | Copy
  | SitesCopy
  /** `values` `[dimension]` in the program's order. */
  | { readonly kind: 'write'; readonly chain: number; readonly vector: number; readonly values: Float64Array };

export interface Plan {
  readonly steps: readonly Step[];
  readonly table: EntryTable;
  /** Scalars to read back. */
  readonly scalars: number;
  readonly rounds: number;
  /** First scalar of each request, by chain and place in the list. */
  readonly scalarOf: readonly (Int32Array | undefined)[];
}

const none = 0xffffffff;

/** The last step of a plan with scalars: their partial sums are added up. */
export function reduction(scalars: number): Step[] {
  if (scalars === 0) return [];
  return [{ kind: 'dispatch', kernel: 'reduceScalars', first: scalars, entries: scalars, round: 0, over: 'scalars' }];
}

/** Counts of the moments' observations are kept up to date in `observed` (`[chain]`). */
export class BatchPlanner {
  private readonly table = new EntryTable();
  private steps: Step[] = [];
  private scalars = 0;

  constructor(
    private readonly layout: Layout,
    private readonly maxWorkgroups: number,
    private readonly observed: Int32Array,
    private readonly report?: GpuSiteReport,
  ) {}

  /** The plan is valid until the next one is made. */
  plan(lists: readonly (readonly Request[] | undefined)[], { stages, rounds }: Schedule): Plan {
    this.table.clear();
    this.steps = [];
    this.scalars = 0;
    const scalarOf = lists.map((list) => (list === undefined ? undefined : new Int32Array(list.length)));
    const newScalars = ({ chain, index }: Placed, count: number): number => {
      const first = this.scalars;
      scalarOf[chain]![index] = first;
      this.scalars += count;
      return first;
    };
    for (const stage of stages) this.addStage(stage, newScalars);
    const { steps, table, scalars } = this;
    steps.push(...reduction(scalars));
    return { steps, table, scalars, rounds, scalarOf };
  }

  /** A plan for the diagonal metrics of chains, from their moments; entries are those of the kernel. */
  planAdaptation(entries: readonly (readonly number[])[]): Plan {
    this.table.clear();
    this.steps = [];
    this.dispatch(entries, ['adaptDiagonal']);
    return { steps: this.steps, table: this.table, scalars: 0, rounds: 0, scalarOf: [] };
  }

  private addStage(stage: Stage, newScalars: (placed: Placed, count: number) => number): void {
    const { layout } = this;
    switch (stage.kind) {
      case 'round':
        return this.addRound(stage, newScalars);
      case 'refresh': {
        const entries = stage.requests.map((placed) => {
          const { chain, request } = placed;
          const momentum = momentumVector(layout, request.at.momentum);
          const { counter } = request.stream;
          if (counter === undefined) {
            const values = new Float64Array(layout.dimension);
            request.stream.fillNormal(values);
            this.steps.push({ kind: 'write', chain, vector: momentum, values });
          }
          const { keyLow = 0, keyHigh = 0, site = 0, step = 0, chain: stream = 0 } = counter ?? {};
          const isGiven = Number(counter === undefined);
          return [chain, keyLow, keyHigh, site, step, stream, momentum, isGiven, newScalars(placed, 1)];
        });
        this.dispatch(entries, ['refreshMomentum'], this.hasBlock ? ['blockMomentum', 'blockVelocity'] : []);
        return;
      }
      case 'turning': {
        const entries = stage.requests.map((placed) => {
          const { left, right, sum } = placed.request;
          const slots = [left.begin, left.end, left.sum, right.begin, right.end, right.sum, sum];
          const vectors = slots.map((slot) => momentumVector(layout, slot));
          return [placed.chain, ...vectors, newScalars(placed, turningProducts)];
        });
        this.dispatch(entries, ['turning']);
        return;
      }
      case 'observe': {
        const entries = stage.requests.map(({ chain, request }) => {
          const vector = positionVector(layout, request.point);
          if (this.hasBlock) this.steps.push({ kind: 'copy', chain, vector, length: layout.blockSize });
          return [chain, vector, ++this.observed[chain]];
        });
        this.dispatch(entries, ['observePosition']);
        return;
      }
      case 'adapt':
        this.dispatch(
          stage.requests.map((placed) => [placed.chain, newScalars(placed, 1)]),
          ['checkMoments'],
        );
        return;
      case 'report':
        return this.addReport(stage.requests);
      case 'write':
        for (const { chain, request } of stage.requests) {
          this.steps.push({
            kind: 'write',
            chain,
            vector: positionVector(layout, request.point),
            values: request.position,
          });
        }
        return;
      case 'read':
        for (const { chain, request } of stage.requests) {
          const { target } = request;
          const vectorOf = request.vector === 'position' ? positionVector : gradientVector;
          this.steps.push({
            kind: 'copy',
            chain,
            vector: vectorOf(layout, request.point),
            length: layout.dimension,
            target,
          });
        }
        return;
      default:
        throw new Error(stage satisfies never);
    }
  }

  /** The sites are evaluated for all chains; the positions of those that report are new. */
  private addReport(requests: readonly Placed<Extract<Request, { kind: 'report' }>>[]): void {
    const { layout, report, table, maxWorkgroups } = this;
    if (report === undefined) throw new Error('a report was asked for, but no sites were given to phase space');
    const positions = requests.map(({ chain, request }) => [chain, positionVector(layout, request.point)]);
    this.dispatch(positions, ['placePosition']);
    this.steps.push({ kind: 'evaluateSites' });
    if (report.size > 0) {
      const entries = requests.map(({ chain }, i) => [chain, i]);
      this.dispatchParts(table.add(entries, maxWorkgroups), 'gatherSites', 'kept');
      const targets = requests.map(({ request }) => request.target);
      this.steps.push({ kind: 'copySites', length: targets.length * report.size, targets });
    }
    if (report.rest === 0) return;
    const counted = requests.filter(({ request }) => request.isCounted).map(({ chain }) => report.nextDraw(chain));
    this.dispatchParts(table.add(counted, maxWorkgroups), 'addToSums', 'rest');
  }

  private addRound(
    { round, requests }: Extract<Stage, { kind: 'round' }>,
    newScalars: (placed: Placed, count: number) => number,
  ): void {
    const { layout, table } = this;
    const entries = requests.map((placed) => {
      const { chain, request } = placed;
      if (request.kind === 'evaluate') {
        const position = positionVector(layout, request.point);
        return [chain, position, none, none, position, gradientVector(layout, request.point), none, 0, none];
      }
      const { from, to, stepSize } = request;
      return [
        chain,
        positionVector(layout, from.point),
        gradientVector(layout, from.point),
        momentumVector(layout, from.momentum),
        positionVector(layout, to.point),
        gradientVector(layout, to.point),
        momentumVector(layout, to.momentum),
        EntryTable.bitsOf(stepSize),
        newScalars(placed, 1),
      ];
    });
    const parts = table.add(entries, this.maxWorkgroups);
    this.dispatchParts(parts, 'kickAndDrift', 'chunks', round);
    if (this.hasBlock) this.dispatchParts(parts, 'blockDrift', 'block', round);
    this.steps.push({ kind: 'evaluate' });
    this.dispatchParts(parts, 'secondKick', 'chunks', round);
    if (this.hasBlock) this.dispatchParts(parts, 'blockVelocity', 'block', round);
  }

  private get hasBlock(): boolean {
    return this.layout.blockSize > 0;
  }

  private dispatch(
    entries: readonly (readonly number[])[],
    kernels: readonly KernelName[],
    blockKernels: readonly KernelName[] = [],
  ): void {
    const parts = this.table.add(entries, this.maxWorkgroups);
    for (const kernel of kernels) this.dispatchParts(parts, kernel, 'chunks');
    for (const kernel of blockKernels) this.dispatchParts(parts, kernel, 'block');
  }

  private dispatchParts(
    parts: readonly { readonly first: number; readonly entries: number }[],
    kernel: KernelName,
    over: 'chunks' | 'block' | 'kept' | 'rest',
    round = 0,
  ): void {
    for (const part of parts) this.steps.push({ kind: 'dispatch', kernel, ...part, round, over });
  }
}
