// Reductions over chains on a GPU: two kernels over the vectors of all chains where they are, and one scalar or two of each chain come back.
import { PRIOR_DRAWS } from '../phaseSpace/estimateMetric.js';
import type { Moves, MoveStatistics, PooledOperations } from '../phaseSpace/pooled.js';
import type { DenseBlocks } from './denseBlocks.js';
import { EntryTable } from './entryTable.js';
import type { KernelName, Kernels } from './kernels.js';
import type { Layout } from './layout.js';
import { momentumVector, positionVector } from './layout.js';
import { type Plan, reduction, type Step } from './planBatch.js';
import type { PlanRunner } from './runPlan.js';

/** What the phase spaces that own the vectors share. */
export interface PooledParts {
  readonly layout: Layout;
  readonly kernels: Kernels;
  readonly runner: PlanRunner;
  readonly maxWorkgroups: number;
  readonly blocks: DenseBlocks;
  /** Positions in the moments, `[chain]`. */
  readonly observed: Int32Array;
  readonly writePriorVariances: (priorVariances: Float64Array) => void;
  /** Puts a chain's dense block onto the device. */
  readonly writeBlock: (chain: number) => void;
}

type Entries = readonly (readonly number[])[];

export class GpuPooled implements PooledOperations {
  constructor(private readonly parts: PooledParts) {}

  /** Rejects with ShaderCompileError and what the context reports, as `adapt` does. */
  async moveStatistics({ before, after, momenta, weights }: Moves): Promise<MoveStatistics> {
    const { layout, kernels, runner } = this.parts;
    const hasBlock = layout.blockSize > 0;
    await kernels.compile(['meansOfMoves', 'moveDistances', ...(hasBlock ? (['blockMoveDistances'] as const) : [])]);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const moved = [...weights.keys()].filter((chain) => weights[chain] > 0);
    const vectorsOf = (chain: number): [number, number] => [
      positionVector(layout, before[chain]),
      positionVector(layout, after[chain]),
    ];
    const plan = new PooledPlan(this.parts.maxWorkgroups);
    plan.overAll(
      'meansOfMoves',
      Array.from(weights, (weight, chain) => [...vectorsOf(chain), EntryTable.bitsOf(total > 0 ? weight / total : 0)]),
    );
    const entries = moved.map((chain, i) => [
      chain,
      ...vectorsOf(chain),
      momentumVector(layout, momenta[chain]),
      2 * i,
    ]);
    plan.overEach(
      [['moveDistances', 'chunks'], ...(hasBlock ? ([['blockMoveDistances', 'block']] as const) : [])],
      entries,
    );
    const { scalars } = await runner.run(plan.finish(2 * moved.length));
    const changes = new Float64Array(weights.length).fill(NaN);
    const slopes = new Float64Array(weights.length).fill(NaN);
    moved.forEach((chain, i) => {
      changes[chain] = scalars[2 * i];
      slopes[chain] = scalars[2 * i + 1];
    });
    return { changes, slopes };
  }

  async adapt(priorVariances: Float64Array): Promise<boolean> {
    const { kernels, runner, observed, blocks, maxWorkgroups } = this.parts;
    await kernels.compile(['poolMoments', 'spreadMetric']);
    let count = 0;
    const shares = Array.from(observed, (own) => {
      const share = own > 0 ? own / (count + own) : 0;
      const entry = [0, EntryTable.bitsOf(share), EntryTable.bitsOf(count * share)];
      count += own;
      return entry;
    });
    const pooling = new PooledPlan(maxWorkgroups);
    pooling.overAll('poolMoments', shares);
    const { scalars } = await runner.run(pooling.finish(1));
    const isEstimated = count >= 2 && scalars[0] === 0;
    const weight = count / (count + PRIOR_DRAWS);
    const [scale, share] = [isEstimated ? weight / (count - 1) : 0, 1 - weight].map((x) => EntryTable.bitsOf(x));
    this.parts.writePriorVariances(priorVariances);
    if (isEstimated) blocks.estimateTogether(priorVariances);
    for (const chain of observed.keys()) {
      blocks.clearMoments(chain);
      this.parts.writeBlock(chain);
    }
    const spreading = new PooledPlan(maxWorkgroups);
    spreading.overEach(
      [['spreadMetric', 'chunks']],
      Array.from(observed, (_, chain) => [chain, scale, share]),
    );
    await runner.run(spreading.finish(0));
    observed.fill(0);
    return isEstimated;
  }
}

/** Dispatches over tables of entries: of all chains in one, or of a workgroup for each. */
class PooledPlan {
  private readonly table = new EntryTable();
  private readonly steps: Step[] = [];

  constructor(private readonly maxWorkgroups: number) {}

  /** The kernel goes through the entries of all chains itself. */
  overAll(kernel: KernelName, entries: Entries): void {
    const [{ first }] = this.table.add(entries, Infinity);
    this.steps.push({ kind: 'dispatch', kernel, first, entries: 1, round: 0, over: 'chunks' });
  }

  overEach(kernels: readonly (readonly [KernelName, 'chunks' | 'block'])[], entries: Entries): void {
    const parts = this.table.add(entries, this.maxWorkgroups);
    for (const [kernel, over] of kernels) {
      for (const part of parts) this.steps.push({ kind: 'dispatch', kernel, ...part, round: 0, over });
    }
  }

  finish(scalars: number): Plan {
    const { table, steps } = this;
    return { steps: [...steps, ...reduction(scalars)], table, scalars, rounds: 0, scalarOf: [] };
  }
}
