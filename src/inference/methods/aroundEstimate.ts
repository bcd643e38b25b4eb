// What least squares and REML have in common as methods: an estimate on one thread in doubles, and independent draws around it.
import { type IndependentDraws, runIndependent } from './approximation.js';
import type { MethodName, PreparedMethod } from './method.js';

export const aroundEstimate = (
  name: MethodName,
  dimension: number,
  memoryBytes: number,
  make: IndependentDraws,
  dispose: () => Promise<void>,
): PreparedMethod => ({
  dimension,
  threads: 1,
  memory: { hostBytes: memoryBytes, deviceBytes: 0, dataBytes: 0 },
  precision: 'double',
  division: 'draws around the estimate',
  // There is no step to time: an estimate takes as long as it takes.
  timeStep: () => Promise.resolve(0),
  run: (settings, listener, options) => runIndependent(name, make, settings, listener, options),
  dispose,
});
