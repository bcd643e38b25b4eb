// ADVI as a method: an approximation by optimisation, structured where the model declares its structure.
import type { Model } from '../../models/model.js';
import { advi as fitAdvi } from '../advi/advi.js';
import { hierarchyPattern } from '../advi/pattern.js';
import { positionBlocks } from '../compiledModel.js';
import type { MarginalDensity } from '../importance/marginalFit.js';
import { modelSettings } from '../modelSettings.js';
import { type Approximate, fitFinding, prepareApproximation, usualApproximation } from './approximation.js';
import { judgedOnScales } from './marginalOfScales.js';
import type { Finding, Method } from './method.js';

export const advi: Method = {
  name: 'advi',
  title: 'ADVI',
  effort: 'gradients',
  statistics: ['logDensity'],
  draws: 'independent',
  usual: usualApproximation,
  refusal: () => undefined,
  prepare: (model, device, sizes, starters) =>
    judgedOnScales(model, (marginal) =>
      prepareApproximation('advi', approximate(model, marginal), model, device, sizes, starters),
    ),
};

const approximate =
  (model: Model, marginal: MarginalDensity | undefined): Approximate =>
  async (density, settings, listener, signal) => {
    const { initial, inverseMass } = modelSettings(model, settings);
    const { chains, draws, seed, advi: own } = settings;
    const { structure } = model;
    const pattern = structure && hierarchyPattern(structure, positionBlocks(model));
    const result = await fitAdvi(
      density,
      { ...own, ...(pattern && { pattern }), ...(marginal && { marginal }), chains, draws, seed, initial, inverseMass },
      listener,
      { signal },
    );
    const stop: Finding = {
      name: 'optimisation',
      status: result.isConverged ? 'pass' : 'fail',
      detail: `${result.isConverged ? 'converged' : 'not converged'} after ${result.iterations} iterations: ${result.why}`,
    };
    return { evaluations: result.evaluations, findings: [stop, fitFinding(result.verdict)] };
  };
