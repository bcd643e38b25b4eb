// Public interface of inference, in the order of the flow: density, settings, start, kernels, run, snapshot.
export type { BatchedLogDensity } from './logDensity.js';
export type { ChainRange, SampleSettings } from './settings.js';
export { defaultChains, defaultSuperchains } from './settings.js';
export type { MetricKind } from './phaseSpace/metric.js';
export { lowRankLimits } from './phaseSpace/metric.js';
export type { InitialPositions } from './initialise.js';
export { InitialisationError, StartError } from './initialise.js';
export type { Initialisation } from './startPositions.js';
export type { TransitionInfo } from './kernel.js';
export type { HmcOptions } from './hmc.js';
export type { CheesOptions } from './chees/chees.js';
export type { Draw, Phase } from './chain.js';
export type { ChainResult, SampleListener, SampleOptions, SampleResult } from './sample.js';
export { sample, SamplingRun } from './sample.js';
export { compileDensity, compileQuantity, compileReport, positionBlocks, traceDensity } from './compiledModel.js';
export type {
  Evaluator,
  ModelDensity,
  PositionBlock,
  Quantity,
  ReportedSites,
  TracedDensity,
} from './compiledModel.js';
export type { GpuSiteReport } from './gpu/gpuSiteReport.js';
export type { SavedSums, SitesWanted, SumsPlan } from './siteReport.js';
export type { PortableDensity } from './portableDensity.js';
export { compileReplicator, type Replicator } from './replicator.js';
export { modelSettings } from './modelSettings.js';
export * from './methods/index.js';
export { chooseMethod, type MethodChoice } from './methods/chooseMethod.js';
export { fit } from './fit.js';
export type { FitOptions, Posterior } from './fit.js';
export type { ChainCounts, ChainSnapshot, Snapshot } from './snapshot.js';
export { joinSnapshots } from './snapshot.js';
export { predictiveStream } from './random/streams.js';
export { priorRefusal } from './calibration/priorPosition.js';
export { calibrationRefusal, RANKED_DRAWS, simulateAndFit } from './calibration/calibrate.js';
export type { CalibrationTask, Simulation } from './calibration/calibrate.js';
export { GibbsRun } from './gibbs/run.js';
export type { GibbsListener, GibbsOptions, GibbsResult } from './gibbs/run.js';
export { gibbsRefusal } from './gibbs/settings.js';
export type { GibbsModel, GibbsScheme, GibbsSettings } from './gibbs/settings.js';
export type { GibbsChainSnapshot, GibbsSnapshot } from './gibbs/snapshot.js';
