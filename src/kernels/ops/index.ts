// Tensor operations that tfjs lacks or does badly, and tensor methods; importing this also completes tfjs's eager gradients.
import './chainedOps.js';
import './eagerGradients.js';

export { logSumExp, safeWhere } from './choose.js';
export { cumulativeProduct, cumulativeSum } from './cumulative.js';
export { gatherRows, segmentSum } from './groups.js';
export { literal } from './literal.js';
export { choleskySmall, logDetFromCholesky, triangularSolve } from './smallMatrices.js';
export { digamma, logGamma, normalCdf, normalLogCdf } from './specialFunctionOps.js';
