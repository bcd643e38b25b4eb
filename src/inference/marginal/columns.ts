// Arrays of a program as lists of columns, and back: stacks of at most 32, the size that the compiler writes out.
import type { ProgramBuilder } from '../../kernels/program/programBuilder.js';
import type { NodeId } from '../../kernels/program/tensorProgram.js';

/** Columns of one array, at most. */
export const stackWidth = 32;

/** Arrays `[length][columns]` that hold the columns one after another. */
export function stack(builder: ProgramBuilder, columns: readonly NodeId[], length: number): NodeId[] {
  const stacks: NodeId[] = [];
  for (let first = 0; first < columns.length; first += stackWidth) {
    const own = columns.slice(first, first + stackWidth);
    stacks.push(
      builder.concat(
        own.map((column) => builder.reshape(builder.broadcast(column, [length]), [length, 1])),
        1,
      ),
    );
  }
  return stacks;
}

/** The columns of arrays `[length][columns]` one after another, each `[length]`. */
export function unstack(builder: ProgramBuilder, stacks: readonly NodeId[]): NodeId[] {
  return stacks.flatMap((array) => {
    const [length, columns] = builder.shape(array);
    return Array.from({ length: columns }, (_, column) =>
      builder.reshape(builder.slice(array, [0, column], [length, 1]), [length]),
    );
  });
}

/** Elements of vectors one after another, as scalars. */
export function scalars(builder: ProgramBuilder, vectors: readonly NodeId[]): NodeId[] {
  return vectors.flatMap((vector) =>
    Array.from({ length: builder.shape(vector)[0] }, (_, i) => builder.reshape(builder.slice(vector, [i], [1]), [])),
  );
}

/** Places of the lower triangle of a symmetric matrix, row by row. */
export function lowerTriangle(size: number): [number, number][] {
  return Array.from({ length: size }, (_, i) =>
    Array.from({ length: i + 1 }, (__, j): [number, number] => [i, j]),
  ).flat();
}

/** Place of (i, j) in `lowerTriangle`, whichever way round. */
export function triangleIndex(i: number, j: number): number {
  const [row, column] = i >= j ? [i, j] : [j, i];
  return (row * (row + 1)) / 2 + column;
}
