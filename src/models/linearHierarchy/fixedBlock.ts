// The fixed block of a hierarchy in tensor ops: dense columns, and categories in sum-to-zero coding.
import * as tf from '@tensorflow/tfjs-core';
import { gatherRows } from '../../kernels/ops/index.js';
import type { ModelArray, Tensors } from '../model.js';
import { matrixOf } from './rowMajor.js';
import type { FixedBlock } from './structure.js';

/** Free coefficients: one for each dense column, then those of each category, its levels but the last. */
export function freeCoefficients({ dense, categories }: Pick<FixedBlock, 'dense' | 'categories'>): number {
  return dense.length + categories.reduce((sum, { levels }) => sum + levels - 1, 0);
}

/** Where a category's free coefficients begin. */
export function categoryOffset({ dense, categories }: Pick<FixedBlock, 'dense' | 'categories'>, index: number): number {
  return freeCoefficients({ dense, categories: categories.slice(0, index) });
}

/** Effects of all levels of a category, which sum to 0, `[levels]`. */
export function categoryEffects(
  block: Pick<FixedBlock, 'dense' | 'categories'>,
  index: number,
  theta: tf.Tensor,
): tf.Tensor {
  const free = theta.slice([categoryOffset(block, index)], [block.categories[index].levels - 1]);
  return tf.concat([free, free.sum().neg().reshape([1])], 0);
}

/** f'θ of every row, `[rows]`. */
export function fixedPredictor(block: FixedBlock, theta: tf.Tensor, d: Tensors): tf.Tensor {
  const parts: tf.Tensor[] = [];
  if (block.dense.length > 0) {
    const effects = theta.slice([0], [block.dense.length]);
    parts.push(d.dense.mul(effects.reshape([1, block.dense.length])).sum(1));
  }
  for (const [c, category] of block.categories.entries()) {
    const ofRow = gatherRows(categoryEffects(block, c, theta), d[`category_${c}`]);
    parts.push(category.multiplier === undefined ? ofRow : ofRow.mul(d[`multiplier_${c}`]));
  }
  return parts.reduce((sum, part) => sum.add(part));
}

export function fixedArrays({ dense, categories }: FixedBlock, rows: number): Record<string, ModelArray> {
  const arrays: Record<string, ModelArray> = {};
  if (dense.length > 0) arrays.dense = matrixOf(dense, rows);
  for (const [c, { levelOfRow, multiplier }] of categories.entries()) {
    arrays[`category_${c}`] = { shape: [rows], values: levelOfRow, dtype: 'int32' };
    if (multiplier !== undefined) arrays[`multiplier_${c}`] = { shape: [rows], values: multiplier };
  }
  return arrays;
}
