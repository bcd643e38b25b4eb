// Public interface of inference, in the order of the flow: density, settings, start, kernels, run, snapshot.
export type { BatchedLogDensity } from './logDensity.js';
export type { SampleSettings } from './settings.js';
export type { MetricKind } from './phaseSpace/metric.js';
export type { InitialPositions } from './initialise.js';
export { InitialisationError } from './initialise.js';
export type { TransitionInfo } from './kernel.js';
export type { HmcOptions } from './hmc.js';
export type { Draw, Phase } from './chain.js';
export type { ChainResult, SampleListener, SampleOptions, SampleResult } from './sample.js';
export { sample, SamplingRun } from './sample.js';
export { compileDensity, compileQuantity, positionBlocks } from './compiledModel.js';
export type { Evaluator, ModelDensity, PositionBlock, Quantity } from './compiledModel.js';
export { modelSettings } from './modelSettings.js';
export { fit } from './fit.js';
export type { FitOptions, Posterior } from './fit.js';
export type { ChainCounts, ChainSnapshot, Snapshot } from './snapshot.js';
export { predictiveStream } from './random/streams.js';
