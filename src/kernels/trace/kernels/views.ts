// Reshaping, slicing, joining and repeating: tfjs's views and copies as program nodes.
import * as tf from '@tensorflow/tfjs-core';
import type { ProgramBuilder } from '../../program/programBuilder.js';
import { type NodeId, sizeOf } from '../../program/tensorProgram.js';
import type { Operand } from '../recordingBackend.js';
import { axesOf, type Recorded, type TraceKernel, traceKernel, type TraceKernels } from '../traceKernel.js';

const identity: TraceKernel = ({ inputs: { x } }) => ({ node: x.node, dtype: x.dtype });

function reshapeTo(builder: ProgramBuilder, x: Operand, shape: readonly number[]): Recorded {
  const known = shape.filter((extent) => extent !== -1);
  const full = shape.map((extent) => (extent === -1 ? sizeOf(x.shape) / sizeOf(known) : extent));
  return { node: builder.reshape(x.node, full), dtype: x.dtype };
}

function transpose(builder: ProgramBuilder, x: Operand, perm: readonly number[] | null): Recorded {
  const permutation = perm ?? x.shape.map((_, axis) => x.shape.length - 1 - axis);
  return { node: builder.transpose(x.node, permutation), dtype: x.dtype };
}

function stridedSlice(builder: ProgramBuilder, x: Operand, attributes: tf.StridedSliceAttrs): Recorded {
  const { begin, end, strides, beginMask, endMask, ellipsisMask, newAxisMask, shrinkAxisMask } = attributes;
  const info = tf.slice_util.sliceInfo(
    [...x.shape],
    begin,
    end,
    strides,
    beginMask,
    endMask,
    ellipsisMask,
    newAxisMask,
    shrinkAxisMask,
  );
  const extents = tf.slice_util.computeOutShape(info.begin, info.end, info.strides).map((n) => Math.max(0, n));
  const picked = builder.slice(x.node, info.begin, extents, info.strides);
  return { node: builder.reshape(picked, info.finalShape), dtype: x.dtype };
}

/** Parts of `x` along an axis, of the given lengths. */
function parts(builder: ProgramBuilder, x: Operand, axis: number, lengths: readonly number[]): NodeId[] {
  let start = 0;
  return lengths.map((length) => {
    const begin = x.shape.map((_, k) => (k === axis ? start : 0));
    start += length;
    return builder.slice(
      x.node,
      begin,
      x.shape.map((extent, k) => (k === axis ? length : extent)),
    );
  });
}

function reverse(builder: ProgramBuilder, x: NodeId, axes: readonly number[]): NodeId {
  const shape = builder.shape(x);
  const flipped = (axis: number): boolean => axes.includes(axis) && shape[axis] > 1;
  return builder.slice(
    x,
    shape.map((extent, axis) => (flipped(axis) ? extent - 1 : 0)),
    shape,
    shape.map((_, axis) => (flipped(axis) ? -1 : 1)),
  );
}

/** Mirror images before and after, axis by axis; 'symmetric' repeats the edge, 'reflect' does not. */
function mirrorPad(builder: ProgramBuilder, x: Operand, attributes: tf.MirrorPadAttrs): Recorded {
  const skip = attributes.mode === 'reflect' ? 1 : 0;
  let node = x.node;
  for (const [axis, [before, after]] of attributes.paddings.entries()) {
    const shape = builder.shape(node);
    const piece = (start: number, length: number): NodeId => {
      const begin = shape.map((_, k) => (k === axis ? start : 0));
      const extents = shape.map((extent, k) => (k === axis ? length : extent));
      return reverse(builder, builder.slice(node, begin, extents), [axis]);
    };
    node = builder.concat([piece(skip, before), node, piece(shape[axis] - skip - after, after)], axis);
  }
  return { node, dtype: x.dtype };
}

function tile(builder: ProgramBuilder, x: Operand, reps: readonly number[]): Recorded {
  const shape = x.shape.map((extent, axis) => extent * reps[axis]);
  if (x.shape.every((extent, axis) => extent === 1 || reps[axis] === 1)) {
    return { node: builder.broadcast(x.node, shape), dtype: x.dtype };
  }
  const spread = builder.reshape(
    x.node,
    x.shape.flatMap((extent) => [1, extent]),
  );
  const repeated = builder.broadcast(
    spread,
    x.shape.flatMap((extent, axis) => [reps[axis], extent]),
  );
  return { node: builder.reshape(repeated, shape), dtype: x.dtype };
}

export const viewKernels: TraceKernels = new Map<string, TraceKernel>([
  ['Identity', identity],
  [
    'Reshape',
    traceKernel<tf.ReshapeAttrs>(({ builder, inputs: { x }, attributes }) => reshapeTo(builder, x, attributes.shape)),
  ],
  [
    'ExpandDims',
    traceKernel<tf.ExpandDimsAttrs>(({ builder, inputs: { input }, attributes: { dim } }) => {
      const at = dim < 0 ? input.shape.length + dim + 1 : dim;
      return reshapeTo(builder, input, [...input.shape.slice(0, at), 1, ...input.shape.slice(at)]);
    }),
  ],
  [
    'Transpose',
    traceKernel<tf.TransposeAttrs>(({ builder, inputs: { x }, attributes }) => transpose(builder, x, attributes.perm)),
  ],
  [
    'Slice',
    traceKernel<tf.SliceAttrs>(({ builder, inputs: { x }, attributes }) => {
      const [begin, size] = tf.slice_util.parseSliceParams(
        // parseSliceParams looks at shape and rank only.
        { shape: x.shape, rank: x.shape.length } as unknown as tf.TensorInfo,
        attributes.begin,
        attributes.size,
      );
      return { node: builder.slice(x.node, begin, size), dtype: x.dtype };
    }),
  ],
  [
    'StridedSlice',
    traceKernel<tf.StridedSliceAttrs>(({ builder, inputs: { x }, attributes }) => stridedSlice(builder, x, attributes)),
  ],
  [
    'Reverse',
    traceKernel<tf.ReverseAttrs>(({ builder, inputs: { x }, attributes: { dims } }) => ({
      node: reverse(builder, x.node, axesOf(dims, x.shape.length)),
      dtype: x.dtype,
    })),
  ],
  [
    'Concat',
    traceKernel<tf.ConcatAttrs>(({ builder, inputs, attributes: { axis } }) => {
      const operands = Object.values(inputs);
      const [at] = axesOf(axis, operands[0].shape.length);
      return {
        node: builder.concat(
          operands.map((x) => x.node),
          at,
        ),
        dtype: operands[0].dtype,
      };
    }),
  ],
  [
    'Pack',
    traceKernel<tf.PackAttrs>(({ builder, inputs, attributes: { axis } }) => {
      const operands = Object.values(inputs);
      const { shape, dtype } = operands[0];
      const [at] = axesOf(axis, shape.length + 1);
      const expanded = [...shape.slice(0, at), 1, ...shape.slice(at)];
      return {
        node: builder.concat(
          operands.map((x) => builder.reshape(x.node, expanded)),
          at,
        ),
        dtype,
      };
    }),
  ],
  [
    'Unpack',
    traceKernel<tf.UnpackAttrs>(({ builder, inputs: { value }, attributes: { axis } }) => {
      const [at] = axesOf(axis, value.shape.length);
      const rest = value.shape.filter((_, k) => k !== at);
      const ones = Array<number>(value.shape[at]).fill(1);
      return parts(builder, value, at, ones).map((part) => ({ node: builder.reshape(part, rest), dtype: value.dtype }));
    }),
  ],
  [
    'SplitV',
    traceKernel<tf.SplitVAttrs>(({ builder, inputs: { x }, attributes: { numOrSizeSplits, axis } }) => {
      const [at] = axesOf(axis, x.shape.length);
      const count = numOrSizeSplits;
      const lengths =
        typeof count === 'number'
          ? Array<number>(count).fill(x.shape[at] / count)
          : count.map((length) =>
              length === -1 ? x.shape[at] - count.filter((n) => n !== -1).reduce((a, b) => a + b, 0) : length,
            );
      return parts(builder, x, at, lengths).map((node) => ({ node, dtype: x.dtype }));
    }),
  ],
  [
    'PadV2',
    traceKernel<tf.PadV2Attrs>(({ builder, inputs: { x }, attributes: { paddings, constantValue } }) => ({
      node: builder.pad(
        x.node,
        paddings.map(([before]) => before),
        paddings.map(([, after]) => after),
        constantValue,
      ),
      dtype: x.dtype,
    })),
  ],
  [
    'MirrorPad',
    traceKernel<tf.MirrorPadAttrs>(({ builder, inputs: { x }, attributes }) => mirrorPad(builder, x, attributes)),
  ],
  ['Tile', traceKernel<tf.TileAttrs>(({ builder, inputs: { x }, attributes: { reps } }) => tile(builder, x, reps))],
]);
