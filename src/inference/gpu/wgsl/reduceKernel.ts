// Kernel that adds up the partial sums of every scalar of a batch, once at its end.
import { kernelSource } from './shared.js';

/** One workgroup per scalar, in a grid (x, y); the header's `first` is the number of scalars. */
export const reduceScalars = kernelSource(
  'reduce scalars',
  ['partials', 'scalars'],
  `
  let scalar = group.y * groups.x + group.x;
  if (scalar >= header.first) { return; }
  let count = header.partialCount;
  var sum = vec2f();
  for (var part = thread; part < count; part += THREADS) { sum = addPairs(sum, partials[scalar * count + part]); }
  let total = groupSum(sum, thread);
  if (thread == 0u) { scalars[scalar] = total; }`,
);
