// The library: declare a model of your own, fit it, look at the draws. In the order of the flow.
// Declares the methods of tensors (`x.add(y)`) to whoever imports the package; `import type {}` would not reach its types.
export type {} from '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js';
export { InputError } from './data/inputError.js';
export type { PriorSpec } from './data/prior.js';
export { parsePrior } from './data/prior.js';
export { threeLevelData, type ThreeLevelData } from './data/threeLevelData.js';
export { type MediaMixColumns, type MediaMixData, mediaMixData } from './data/mediaMixData.js';
export { tableOf } from './data/table.js';
export {
  defineModel,
  type ArrayInput,
  type Model,
  type ModelArray,
  type ModelDefinition,
  type ModelDescription,
  type ModelParameter,
  type Site,
  type StartingPoint,
} from './models/model.js';
export {
  choleskyCorrelation,
  type Constraint,
  interval,
  ordered,
  type ParameterSpec,
  positive,
  real,
  simplex,
  sumToZero,
} from './models/parameters.js';
export * from './models/distributions/index.js';
export { declaredModel } from './models/linearHierarchy/declaredModel.js';
export type {
  FixedBlock,
  GeneralisedHierarchy,
  HierarchyLevel,
  LevelCovariance,
  LinearHierarchy,
  NestedTerm,
} from './models/linearHierarchy/structure.js';
export { threeLevelModel, type ThreeLevelOptions } from './models/threeLevel/threeLevel.js';
export { type Adstock, adstock, adstockWeights, carryOver } from './models/mediaMix/adstock.js';
export { mediaMixModel } from './models/mediaMix/mediaMix.js';
export { type LiftTest, type MediaMixOptions } from './models/mediaMix/options.js';
export { saturate, type SaturationForm } from './models/mediaMix/saturation.js';
export * from './kernels/ops/index.js';
export { cpuDevice, type CpuDeviceOptions } from './kernels/cpu/cpuDevice.js';
export { BackendMissingError, eagerDevice } from './kernels/eager/eagerDevice.js';
export type { Device, Executable, ProgramBinding } from './kernels/device.js';
export * from './inference/index.js';
export * from './diagnostics/index.js';
