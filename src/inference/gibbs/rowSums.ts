// One pass over the rows for a term: what others leave of the responses, summed as X'r of each group and Σ r².
import type * as tf from '@tensorflow/tfjs-core';
import { segmentSum } from '../../kernels/ops/index.js';
import type { Device } from '../../kernels/device.js';
import type { NamedTensors } from '../../kernels/trace/trace.js';
import type { LinearHierarchy } from '../../models/linearHierarchy/structure.js';
import type { ChainValues } from './chainValues.js';
import { type BoundProgram, compileProgram } from './program.js';
import { fittedByOthers, rowInputs, rowNames } from './rowTensors.js';

/** Names of the sums, in this program and as blocks of those that take them. */
export const sumNames = { shift: 'shift', total: 'total' } as const;

/** Whether what the rows say of a term's coefficients changes from sweep to sweep. */
export function needsRows({ terms, fixed, errors }: LinearHierarchy): boolean {
  return terms.length > 1 || fixed !== undefined || errors.df !== undefined;
}

/** Whether it does so by their responses alone, so that these sums say all of it. */
export function hasSums(structure: LinearHierarchy): boolean {
  return needsRows(structure) && structure.errors.df === undefined;
}

/** Blocks that hold the sums. */
export function sumBlocks(structure: LinearHierarchy, t: number): Record<string, readonly number[]> {
  const { levels, columns } = structure.terms[t];
  return hasSums(structure) ? { [sumNames.shift]: [levels[0].groups, columns.length], [sumNames.total]: [] } : {};
}

/** Hands a program what its rows depend on besides term `own`. */
export function setRowGivens(
  program: BoundProgram,
  lane: number,
  own: number,
  { terms, fixed, weights }: ChainValues,
  effects: readonly Float64Array[],
): void {
  for (const [t, { levels }] of terms.entries()) {
    if (t !== own) program.set(rowNames.term(t), lane, levels[0].coefficients);
  }
  if (program.has('dense_effects')) program.set('dense_effects', lane, fixed!.coefficients);
  for (const [c, values] of effects.entries()) program.set(rowNames.category(c), lane, values);
  if (program.has('weights')) program.set('weights', lane, weights!);
}

/** What takes the sums of a lane. */
type Taker = (lane: number, shift: Float64Array, total: number) => void;

/** Sums are made for lanes that wait for them, all in one pass, and not made again until they are used. */
export class RowSums {
  private readonly waiting = new Set<number>();
  private readonly fresh = new Set<number>();
  private readonly shift: Float64Array;

  private constructor(
    private readonly index: number,
    readonly program: BoundProgram,
    size: number,
    private readonly take: Taker,
  ) {
    this.shift = new Float64Array(size);
  }

  /** @param beside a program that goes through the same rows */
  static async create(
    structure: LinearHierarchy,
    t: number,
    device: Device,
    chains: number,
    take: Taker,
    beside?: BoundProgram,
  ): Promise<RowSums> {
    const { levels, columns } = structure.terms[t];
    const { groups } = levels[0];
    const inputs = rowInputs(structure, t);
    const fn = (p: NamedTensors, d: NamedTensors): Record<string, tf.Tensor> => {
      const residual = d.y.sub(fittedByOthers(inputs, p, d));
      return {
        [sumNames.shift]: segmentSum(d[rowNames.columns(t)].mul(residual.expandDims(1)), d[rowNames.group(t)], groups),
        [sumNames.total]: residual.square().sum(),
      };
    };
    const program = await compileProgram(device, chains, inputs.parameters, inputs.data, fn, {}, { beside });
    return new RowSums(t, program, groups * columns.length, take);
  }

  get memoryBytes(): number {
    return this.program.memoryBytes;
  }

  get dataBytes(): number {
    return this.program.dataBytes;
  }

  dispose(): Promise<void> {
    return this.program.dispose();
  }

  /** Has a lane wait, unless it holds sums that were kept for it. */
  prepare(lane: number, chain: ChainValues, effects: readonly Float64Array[]): void {
    if (this.fresh.delete(lane)) return;
    setRowGivens(this.program, lane, this.index, chain, effects);
    this.waiting.add(lane);
  }

  /** Keeps the sums that a lane has for its next `prepare`. */
  keep(lane: number): void {
    this.fresh.add(lane);
  }

  /** Goes through the rows, where any lane waits. */
  run(): void | Promise<void> {
    const { program, waiting, shift } = this;
    if (waiting.size === 0) return undefined;
    const finish = (): void => {
      for (const lane of waiting) {
        program.read(sumNames.shift, lane, shift);
        this.take(lane, shift, program.readScalar(sumNames.total, lane));
      }
      waiting.clear();
    };
    const running = program.run();
    return running === undefined ? finish() : running.then(finish);
  }
}
