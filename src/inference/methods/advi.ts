// ADVI as a method: an approximation by optimisation, structured where the model declares its structure.
import { cpuDevice } from '../../kernels/cpu/cpuDevice.js';
import type { Model } from '../../models/model.js';
import { advi as fitAdvi } from '../advi/advi.js';
import { hierarchyPattern } from '../advi/pattern.js';
import { positionBlocks } from '../compiledModel.js';
import { marginalOf, traceMarginal } from '../marginal/marginalDensity.js';
import { marginalRefusal } from '../marginal/refusal.js';
import { modelSettings } from '../modelSettings.js';
import type { ModelDensity } from '../portableDensity.js';
import { type Approximate, fitFinding, prepareApproximation, usualApproximation } from './approximation.js';
import type { Finding, Method } from './method.js';

export const advi: Method = {
  name: 'advi',
  title: 'ADVI',
  effort: 'gradients',
  statistics: ['logDensity'],
  draws: 'independent',
  usual: usualApproximation,
  refusal: () => undefined,
  prepare: async (model, device, sizes, starters) => {
    const scales = await marginalOfScales(model);
    const prepared = await prepareApproximation('advi', approximate(model, scales), model, device, sizes, starters);
    return {
      ...prepared,
      dispose: async () => {
        await prepared.dispose();
        await scales?.density.dispose();
      },
    };
  },
};

interface Scales {
  readonly density: ModelDensity;
  readonly indices: readonly number[];
}

/** The exact marginal density of the scales, on which the fit is judged; undefined for models that it does not suit. */
export async function marginalOfScales(model: Model): Promise<Scales | undefined> {
  if (marginalRefusal(model) !== undefined) return undefined;
  const { terms } = model.structure!;
  // All as logarithms: the scales of the model's own position.
  const marginal = marginalOf(
    model.structure!,
    terms[0].levels.map(() => 'log'),
  );
  const blocks = positionBlocks(model);
  const indices = marginal.blocks.flatMap(({ name, size }) => {
    const { offset } = blocks.find((block) => block.name === name)!;
    return Array.from({ length: size }, (_, i) => offset + i);
  });
  return { density: await traceMarginal(marginal).compile(cpuDevice(), 32), indices };
}

const approximate =
  (model: Model, marginal: Scales | undefined): Approximate =>
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
