// The response of a hierarchy given its linear predictor: parameters, density, expectation and replications by family.
import { stack, type Tensor } from '@tensorflow/tfjs-core';
import type { CountResponse } from '../../data/countResponse.js';
import { literal } from '../../kernels/ops/index.js';
import {
  bernoulliLogit,
  binomialLogit,
  negativeBinomialLog,
  normal,
  poissonLog,
  studentT,
} from '../distributions/index.js';
import { drawBinomial, drawNegativeBinomial, drawPoisson } from '../distributions/counts.js';
import { bernoulliVariate, studentTVariate } from '../distributions/variates.js';
import type { DrawnReplication, ModelArray, Replication, Tensors } from '../model.js';
import { type ParameterSpec, positive } from '../parameters.js';
import { priorLogDensity } from '../priors.js';
import { type Errors, type Hierarchy, isLinear, type Likelihood, type PriorSpec, scaleOf } from './structure.js';

/** Functions of the linear predictor η, `[rows]`. */
export interface RowLikelihood {
  readonly parameters: Readonly<Record<string, ParameterSpec>>;
  readonly data: Readonly<Record<string, ModelArray>>;
  logPriors(parameters: Tensors): Tensor[];
  /** Of `data.y`, `[rows]`. */
  logDensity(eta: Tensor, parameters: Tensors, data: Tensors): Tensor;
  /** Derivative of the log density by η, `[rows]`; of responses through a link. */
  readonly slope?: (eta: Tensor, parameters: Tensors, data: Tensors) => Tensor;
  /** `[rows]`. */
  expectation(eta: Tensor, data: Tensors): Tensor;
  /** Of what the model's `replicate` is made: from standard normals, or of columns that each row is drawn by. */
  readonly replicate: ReplicationOfRows;
}

export type ReplicationOfRows =
  | ((eta: Tensor, parameters: Tensors, data: Tensors, noise: Tensor) => Tensor)
  | {
      /** Columns `[rows]` that a row's distribution depends on. */
      readonly columns: (eta: Tensor, parameters: Tensors, data: Tensors) => Tensor[];
      readonly draw: DrawnReplication['draw'];
    };

export function rowLikelihood(structure: Hierarchy): RowLikelihood {
  const scale = scaleOf(structure);
  return {
    parameters: scale === undefined ? {} : { [scale.name]: positive() },
    logPriors: (parameters) => (scale === undefined ? [] : [priorLogDensity(scale.prior, parameters[scale.name])]),
    ...(isLinear(structure) ? withErrors(structure.errors) : throughLink(structure.likelihood, structure.rows)),
  };
}

/** Replications of the rows. @param eta the linear predictor; @param scaled the parameters that rows are drawn by, where they are not the model's */
export function replicationOf(
  { replicate }: RowLikelihood,
  eta: (parameters: Tensors, data: Tensors) => Tensor,
  scaled: (parameters: Tensors, data: Tensors) => Tensors = (parameters) => parameters,
): Replication {
  if (typeof replicate === 'function')
    return (parameters, d, noise) => replicate(eta(parameters, d), scaled(parameters, d), d, noise);
  return {
    dependsOn: (parameters, d) => stack(replicate.columns(eta(parameters, d), scaled(parameters, d), d), 1),
    draw: replicate.draw,
  };
}

type OfRows = Omit<RowLikelihood, 'parameters' | 'logPriors'>;

function withErrors({ sigma, df }: Errors): OfRows {
  return {
    data: {},
    logDensity: (eta, parameters, { y }) =>
      df === undefined
        ? normal.logDensity(y, eta, parameters[sigma])
        : studentT.logDensity(y, df, eta, parameters[sigma]),
    expectation: (eta) => eta,
    replicate: (eta, parameters, _, noise) =>
      eta.add(parameters[sigma].mul(df === undefined ? noise : studentTVariate(literal(df), noise))),
  };
}

function throughLink(likelihood: Likelihood, rows: number): OfRows {
  switch (likelihood.kind) {
    case 'bernoulli':
      return {
        data: {},
        logDensity: (eta, _, { y }) => bernoulliLogit.logDensity(y, eta),
        slope: (eta, _, { y }) => y.sub(eta.sigmoid()),
        expectation: (eta) => eta.sigmoid(),
        replicate: (eta, _, __, noise) => bernoulliVariate(eta.sigmoid(), noise),
      };
    case 'binomial':
      return {
        data: { trials: { shape: [rows], values: likelihood.trials } },
        logDensity: (eta, _, { y, trials }) => binomialLogit.logDensity(y, trials, eta),
        slope: (eta, _, { y, trials }) => y.sub(eta.sigmoid().mul(trials)),
        expectation: (eta, { trials }) => eta.sigmoid().mul(trials),
        replicate: {
          columns: (eta, _, { trials }) => [trials, eta.sigmoid()],
          draw: ([trials, p], random) => drawBinomial(trials, p, random),
        },
      };
    case 'poisson':
    case 'negativeBinomial': {
      const { logExposure } = likelihood;
      const logMean = (eta: Tensor, data: Tensors): Tensor =>
        logExposure === undefined ? eta : eta.add(data.log_exposure);
      return {
        data: logExposure === undefined ? {} : { log_exposure: { shape: [rows], values: logExposure } },
        logDensity: (eta, parameters, data) =>
          likelihood.kind === 'poisson'
            ? poissonLog.logDensity(data.y, logMean(eta, data))
            : negativeBinomialLog.logDensity(data.y, logMean(eta, data), parameters[likelihood.dispersion]),
        slope: (eta, parameters, data) => {
          if (likelihood.kind === 'poisson') return data.y.sub(logMean(eta, data).exp());
          const phi = parameters[likelihood.dispersion];
          const share = logMean(eta, data).sub(phi.log()).sigmoid();
          return data.y.sub(data.y.add(phi).mul(share));
        },
        expectation: (eta, data) => logMean(eta, data).exp(),
        replicate:
          likelihood.kind === 'poisson'
            ? {
                columns: (eta, _, data) => [logMean(eta, data).exp()],
                draw: ([mean], random) => drawPoisson(mean, random),
              }
            : {
                columns: (eta, parameters, data) => [
                  logMean(eta, data).exp(),
                  parameters[likelihood.dispersion].broadcastTo(eta.shape),
                ],
                draw: ([mean, phi], random) => drawNegativeBinomial(mean, phi, random),
              },
      };
    }
    default:
      throw new Error((likelihood satisfies never as Likelihood).kind);
  }
}

/**
 * The likelihood of a count response.
 * @param dispersion name of the parameter φ; @param prior of φ, with negativeBinomial
 */
export function likelihoodOfCounts(
  { family, trials, logExposure }: CountResponse,
  dispersion: string,
  prior: PriorSpec | undefined,
): Likelihood {
  switch (family) {
    case 'bernoulli':
      return { kind: family };
    case 'binomial':
      return { kind: family, trials: trials! };
    case 'poisson':
      return { kind: family, logExposure };
    case 'negativeBinomial':
      return { kind: family, logExposure, dispersion, prior: prior! };
    default:
      throw new Error(family satisfies never);
  }
}
