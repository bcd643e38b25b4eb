// The exact marginal density of a model's scales, on which approximations are judged where the joint density has too many dimensions.
import { cpuDevice } from '../../kernels/cpu/cpuDevice.js';
import { linearStructure } from '../../models/linearHierarchy/structure.js';
import type { Model } from '../../models/model.js';
import { positionBlocks } from '../compiledModel.js';
import type { MarginalDensity } from '../importance/marginalFit.js';
import { marginalOf, traceMarginal } from '../marginal/marginalDensity.js';
import { marginalRefusal } from '../marginal/refusal.js';
import type { ModelDensity } from '../portableDensity.js';
import type { PreparedMethod } from './method.js';

interface MarginalOfScales extends MarginalDensity {
  readonly density: ModelDensity;
}

/** Undefined for models that it does not suit. */
export async function marginalOfScales(model: Model): Promise<MarginalOfScales | undefined> {
  if (marginalRefusal(model) !== undefined) return undefined;
  const { terms } = linearStructure(model)!;
  // All as logarithms: the scales of the model's own position.
  const marginal = marginalOf(
    linearStructure(model)!,
    terms[0].levels.map(() => 'log'),
  );
  const blocks = positionBlocks(model);
  const indices = marginal.blocks.flatMap(({ name, size }) => {
    const { offset } = blocks.find((block) => block.name === name)!;
    return Array.from({ length: size }, (_, i) => offset + i);
  });
  return { density: await traceMarginal(marginal).compile(cpuDevice(), 32), indices };
}

/** A method that is judged on the marginal density, which lasts as long as it does. */
export async function judgedOnScales(
  model: Model,
  prepare: (marginal: MarginalDensity | undefined) => Promise<PreparedMethod>,
): Promise<PreparedMethod> {
  const marginal = await marginalOfScales(model);
  const prepared = await prepare(marginal);
  return {
    ...prepared,
    dispose: async () => {
      await prepared.dispose();
      await marginal?.density.dispose();
    },
  };
}
