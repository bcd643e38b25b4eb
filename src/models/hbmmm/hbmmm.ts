// The hierarchical Bayesian market mix model of consumers in markets, with personalised effects (MISSION §1).
import type { PriorSpec } from '../../data/prior.js';
import type { ThreeLevelData } from '../../data/threeLevelData.js';
import { scaleParameter } from '../groupPriors.js';
import { chooseCentring, leastWithFactors } from '../linearHierarchy/chooseCentring.js';
import { hierarchyModel } from '../linearHierarchy/hierarchyModel.js';
import type { Tensors } from '../model.js';
import type { ObservedModel } from '../modelEntry.js';
import type { ShrinkageOptions } from '../shrinkage.js';
import { blocksOf, type Declaration, declareHbmmm } from './declare.js';
import { describeHbmmm } from './describe.js';
import { hbmmmDesign } from './design.js';
import { hbmmmPilot, pilotPlaces, populationErrors } from './pilot.js';
import { hbmmmPriors } from './priors.js';
import { hbmmmCoordinates, hbmmmReport, hbmmmSiteList, type HbmmmTensors } from './report.js';
import { withShrinkage } from './shrinkage.js';
import type { HbmmmCovariances, Spread } from './spreads.js';
import { hbmmmStart } from './start.js';

export interface HbmmmOptions extends ShrinkageOptions {
  /** How many of the data's x are channels; the others are controls. */
  readonly channels: number;
  readonly standardise?: boolean | readonly string[];
  readonly covariance?: HbmmmCovariances;
  readonly parametrisation?: 'auto' | 'centred' | 'noncentred';
  readonly priors?: Readonly<Record<string, PriorSpec>>;
  /** Of a response that is not 0/1, successes or counts (`ThreeLevelData.counts`): default gaussian. */
  readonly errors?: 'gaussian' | 'studentT';
  /** Degrees of freedom of Student-t errors; default 4. */
  readonly df?: number;
}

/** Heavier tails than the normal's, with a finite variance. */
const usualDf = 4;

/**
 * y_ijt = α_ij + β_ij'X_ijt + γ_j'Z_jt + ε_ijt;  α_ij ~ N(μ_αj, σ_α²), β_ij = μ_βj + ΘW_i + η_i;  μ_αj ~ N(μ_α, τ_α²), μ_βj ~ N(μ_β, T_β),
 * γ_j ~ N(μ_γ, Σ_γ), W counted from its mean. Parameters: those that deviate of consumers' and markets' coefficients, the population's [μ_α; μ_β and Θ
 * of each channel; μ_γ], standard deviations, and Cholesky factors of correlations; see declare.ts. Throws InputError for priors that do not suit.
 * @param data units are consumers; x the channels and after them the controls, z the traits, neither standardised
 */
export function hbmmmModel(data: ThreeLevelData, options: HbmmmOptions): ObservedModel {
  const design = hbmmmDesign(data, options.channels, options.standardise ?? true);
  const { layout } = design;
  const covariance = options.covariance ?? { consumer: 'diagonal', market: 'diagonal', controls: 'diagonal' };
  const family = data.counts?.family ?? options.errors ?? 'gaussian';
  const declared = hbmmmPriors(options.priors ?? {}, design, covariance, data.response, family);
  const pilot = hbmmmPilot(data, design);
  const priors = withShrinkage(declared, options, populationErrors(data, design, pilot), data.response.sd);
  const wanted = options.parametrisation ?? 'auto';
  const marketShares = pilotPlaces(layout).map((at) => pilot.marketShare![at]);
  const declaration: Declaration = {
    data,
    design,
    priors,
    blocks: blocksOf(priors.spreads),
    centring: {
      consumer: chooseCentring(
        wanted,
        pilot.unitShare,
        layout.p,
        data.units.count,
        leastCentring(priors.spreads.consumer),
      ),
      market: chooseCentring(
        wanted,
        marketShares,
        layout.size,
        data.markets!.names.length,
        leastCentring(priors.spreads.market),
      ),
    },
    df: family === 'studentT' ? (options.df ?? usualDf) : undefined,
  };
  const scale = scaleParameter(family);
  const structure = declareHbmmm(declaration);
  const hierarchy = hierarchyModel(structure);
  const coefficients = (parameters: Tensors, d: Tensors): HbmmmTensors => {
    const { coefficients, populations } = hierarchy.evaluate(parameters, d);
    return { levels: coefficients[0], population: populations[0] };
  };
  return {
    name: 'hbmmm',
    parameters: hierarchy.parameters,
    data: hierarchy.data,
    byObservation: hierarchy.byObservation,
    coords: hbmmmCoordinates(declaration),
    sites: hbmmmSiteList(declaration, scale),
    logPrior: (parameters, d) => hierarchy.logPrior(parameters, d),
    logLikelihood: (parameters, d) => hierarchy.logLikelihood(parameters, d),
    totalLogLikelihood: hierarchy.totalLogLikelihood,
    report: (parameters, d) => hbmmmReport(declaration, structure, parameters, coefficients(parameters, d), d),
    predict: (parameters, d) => hierarchy.predict(parameters, d),
    replicate: hierarchy.replicate,
    observed: { name: data.responseName, values: data.y },
    start: hbmmmStart(declaration, pilot, scale),
    structure,
    description: describeHbmmm(declaration, family),
  };
}

function leastCentring(spreads: readonly Spread[]): (place: number) => number {
  const ofFactors = spreads.filter(({ prior }) => prior.kind === 'factors').flatMap(({ places }) => places);
  return (place) => (ofFactors.includes(place) ? leastWithFactors : 0);
}
