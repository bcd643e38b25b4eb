// Every tfjs kernel that can be traced, by name; docs/tensor-ops.md lists the same names.
import { registerTraceKernel, type TraceKernels } from '../traceKernel.js';
import { elementwiseKernels } from './elementwise.js';
import { generatorKernels } from './generators.js';
import { indexingKernels } from './indexing.js';
import { linearAlgebraKernels } from './linearAlgebra.js';
import { reductionKernels } from './reductions.js';
import { viewKernels } from './views.js';

export const traceKernels: TraceKernels = new Map([
  ...elementwiseKernels,
  ...viewKernels,
  ...reductionKernels,
  ...indexingKernels,
  ...linearAlgebraKernels,
  ...generatorKernels,
]);

let isRegistered = false;

/** Makes tfjs find the kernels; once is enough. */
export function registerTraceKernels(): void {
  if (isRegistered) return;
  for (const [name, kernel] of traceKernels) registerTraceKernel(name, kernel);
  isRegistered = true;
}
