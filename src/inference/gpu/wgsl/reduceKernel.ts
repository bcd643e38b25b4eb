// Kernel that adds up the partial sums of every scalar of a batch, once at its end.
import { type KernelSource, kernelSource } from './shared.js';

/** One thread per scalar, in order: nothing to wait for. The header's `first` is the number of scalars. */
export const reduceScalars = (): KernelSource =>
  kernelSource(
    'reduce scalars',
    ['partials', 'scalars'],
    `
  let scalar = group.x * THREADS + thread;
  if (scalar >= header.first) { return; }
  let count = header.partialCount;
  var sum = vec2f();
  for (var part = 0u; part < count; part++) { sum = addPairs(sum, partials[scalar * count + part]); }
  scalars[scalar] = sum;`,
  );
