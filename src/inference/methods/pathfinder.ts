// Pathfinder as a method: a quick approximation from the paths of an optimiser.
import type { Model } from '../../models/model.js';
import type { MarginalDensity } from '../importance/marginalFit.js';
import { modelSettings } from '../modelSettings.js';
import { pathfinder as findPaths } from '../pathfinder/pathfinder.js';
import { type Approximate, fitFinding, prepareApproximation, usualApproximation } from './approximation.js';
import { judgedOnScales } from './marginalOfScales.js';
import type { Method } from './method.js';

export const pathfinder: Method = {
  name: 'pathfinder',
  title: 'Pathfinder',
  effort: 'gradients',
  statistics: ['logDensity'],
  draws: 'independent',
  usual: usualApproximation,
  refusal: () => undefined,
  prepare: (model, device, sizes, starters) =>
    judgedOnScales(model, (marginal) =>
      prepareApproximation('pathfinder', approximate(model, marginal), model, device, sizes, starters),
    ),
};

const approximate =
  (model: Model, marginal: MarginalDensity | undefined): Approximate =>
  async (density, settings, listener, signal) => {
    const { initial, inverseMass } = modelSettings(model, settings);
    const { chains, draws, seed, pathfinder: own } = settings;
    const given = { ...own, ...(marginal && { marginal }), chains, draws, seed, initial, inverseMass };
    const { evaluations, verdict } = await findPaths(density, given, listener, { signal });
    return { evaluations, findings: [fitFinding(verdict)] };
  };
