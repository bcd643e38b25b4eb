// Kernel that adds up the partial sums of every scalar of a batch, once at its end.
import type { Layout } from '../layout.js';
import { type KernelSource, kernelSource, mainParameters } from './shared.js';

/** One workgroup per scalar, in a grid (x, y); the header's `first` is the number of scalars. */
export function reduceScalars(layout: Layout): KernelSource {
  return kernelSource(
    'reduce scalars',
    layout,
    ['partials', 'scalars'],
    `
@compute @workgroup_size(THREADS) fn main(${mainParameters}, @builtin(num_workgroups) groups: vec3u) {
  let scalar = group.y * groups.x + group.x;
  if (scalar >= header.first) { return; }
  var sum = vec2f();
  for (var part = thread; part < PARTIALS; part += THREADS) { sum = addPairs(sum, partials[scalar * PARTIALS + part]); }
  let total = groupSum(sum, thread);
  if (thread == 0u) { scalars[scalar] = total; }
}`,
  );
}
