// How one loop is laid out on workgroups, and what its kernel leaves for others to join.
import { type NodeId, type ReduceFunction, sizeOf } from '../../program/tensorProgram.js';
import type { GpuAnalysis } from './gpuAnalysis.js';
import type { Groups, KernelLoop } from './kernelLoops.js';
import type { LaneArray } from './wgslMemory.js';
import type { WgslProgram } from './wgslTarget.js';

/** A program whose loops are planned for a GPU. */
export type GpuProgramSource = WgslProgram & { readonly analysis: GpuAnalysis };

/** How a workgroup's invocations are laid out: `slots` × `lanes`, lane groups innermost. */
export interface WorkgroupShape {
  readonly size: number;
  /** Vectors of lanes beside one another in a workgroup; a power of two, as `slots` is. */
  readonly lanes: number;
  readonly slots: number;
}

/** Shares of workgroups that a further kernel adds up. */
export interface Combine {
  readonly node: NodeId;
  readonly fn: ReduceFunction;
  /** Elements of the root. */
  readonly size: number;
  readonly blocks: number;
  readonly partial: LaneArray;
  /** Low parts of pairs. */
  readonly partialLow: LaneArray | undefined;
}

/** Sums of the pieces of groups, `[piece][inner]`, that a further kernel adds up by group. */
export interface JoinPieces {
  readonly node: NodeId;
  readonly groups: Groups;
  readonly inner: number;
  readonly partial: LaneArray;
}

/** A loop on a grid of workgroups (`blocks` of them), or with one block as part of a larger kernel. */
export interface LoopPlan {
  readonly loop: KernelLoop;
  readonly shape: WorkgroupShape;
  readonly blocks: number;
  /** Short code counts for more than fast code. */
  readonly isShort: boolean;
}

export interface EmittedLoop {
  readonly lines: readonly string[];
  readonly combine: readonly Combine[];
  readonly join: readonly JoinPieces[];
}

/** Low parts of sums that are kept as pairs, by root. */
export type LowParts = ReadonlyMap<NodeId, LaneArray>;

/** Invocations that share a group: more for longer groups, so that each has several rows. */
export function teamSize({ meanRows }: Groups, { slots }: WorkgroupShape): number {
  let team = 1;
  while (team * 2 <= slots && team * 8 <= meanRows) team *= 2;
  return team;
}

/** Tiles of a loop: the third dimension of its grid. */
export function tilesOf({ loop }: LoopPlan, program: WgslProgram): number {
  if (loop.tile === undefined) return 1;
  const { shape } = program.program.nodes[loop.roots[0].node];
  const size = loop.roots[0].kind === 'reduce' ? sizeOf(shape) : sizeOf(shape.slice(1));
  return Math.ceil(size / loop.tile);
}
