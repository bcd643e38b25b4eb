// Gathers, scatters and segment sums of tfjs as program nodes.
import type * as tf from '@tensorflow/tfjs-core';
import type { ProgramBuilder } from '../../program/programBuilder.js';
import { type NodeId, sizeOf, stridesOf } from '../../program/tensorProgram.js';
import { UnsupportedOpError } from '../traceErrors.js';
import { axesOf, type TraceKernel, traceKernel, type TraceKernels } from '../traceKernel.js';

/** Gathers along any axis: the axis comes to the front, and the axes of the indices take its place. */
function gatherAlong(b: ProgramBuilder, x: NodeId, indices: NodeId, axis: number): NodeId {
  if (axis === 0) return b.gather(x, indices);
  const rank = b.shape(x).length;
  const others = Array.from({ length: rank }, (_, k) => k).filter((k) => k !== axis);
  const gathered = b.gather(b.transpose(x, [axis, ...others]), indices);
  const indexRank = b.shape(indices).length;
  const before = others.slice(0, axis).map((_, k) => indexRank + k);
  const after = others.slice(axis).map((_, k) => indexRank + axis + k);
  return b.transpose(gathered, [...before, ...Array.from({ length: indexRank }, (_, k) => k), ...after]);
}

/** Flat row numbers of multi-indices […, r] into the leading r extents. */
function flatIndices(b: ProgramBuilder, indices: NodeId, leading: readonly number[]): NodeId {
  const rank = b.shape(indices).length;
  return b.sum(b.mul(indices, b.constant(stridesOf(leading), [leading.length])), [rank - 1]);
}

export const indexingKernels: TraceKernels = new Map<string, TraceKernel>([
  [
    'GatherV2',
    traceKernel<tf.GatherV2Attrs>(({ builder, inputs: { x, indices }, attributes: { axis, batchDims } }) => {
      if (batchDims !== 0) throw new UnsupportedOpError('GatherV2', `batchDims ${batchDims}`);
      const [at] = axesOf(axis, x.shape.length);
      return { node: gatherAlong(builder, x.node, indices.node, at), dtype: x.dtype };
    }),
  ],
  [
    'GatherNd',
    ({ builder, inputs: { params, indices } }) => {
      const depth = indices.shape.at(-1)!;
      const leading = params.shape.slice(0, depth);
      const rows = builder.reshape(params.node, [sizeOf(leading), ...params.shape.slice(depth)]);
      return { node: builder.gather(rows, flatIndices(builder, indices.node, leading)), dtype: params.dtype };
    },
  ],
  [
    'ScatterNd',
    traceKernel<tf.ScatterNdAttrs>(({ builder, inputs: { indices, updates }, attributes: { shape } }) => {
      const depth = indices.shape.length > 0 ? indices.shape.at(-1)! : 1;
      const leading = shape.slice(0, depth);
      const flat = flatIndices(builder, indices.node, leading);
      const count = sizeOf(builder.shape(flat));
      const rows = builder.reshape(updates.node, [count, ...shape.slice(depth)]);
      const sums = builder.segmentSum(rows, builder.reshape(flat, [count]), sizeOf(leading));
      return { node: builder.reshape(sums, shape), dtype: updates.dtype };
    }),
  ],
  [
    'UnsortedSegmentSum',
    traceKernel<tf.UnsortedSegmentSumAttrs>(({ builder, inputs: { x, segmentIds }, attributes: { numSegments } }) => {
      const count = sizeOf(segmentIds.shape);
      const rows = builder.reshape(x.node, [count, ...x.shape.slice(segmentIds.shape.length)]);
      const ids = builder.reshape(segmentIds.node, [count]);
      return { node: builder.segmentSum(rows, ids, numSegments), dtype: x.dtype };
    }),
  ],
]);
