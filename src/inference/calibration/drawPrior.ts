// A position drawn from the prior of a model that declares no hierarchy: a long chain of NUTS on the prior alone.
import { literal } from '../../kernels/ops/index.js';
import { cpuDevice } from '../../kernels/cpu/cpuDevice.js';
import type { Model } from '../../models/model.js';
import { compileDensity } from '../compiledModel.js';
import { modelSettings } from '../modelSettings.js';
import { sample } from '../sample.js';

/** Transitions that lead from where the data are to any place of the prior: the step size and the metric are learnt meanwhile. */
const transitions = { warmup: 1000, draws: 200 };

/** The last position of the chain, `[dimension]`. A seed gives one position; the priors must be proper. */
export async function drawPrior(model: Model, seed: string): Promise<Float64Array> {
  const prior = { ...model, logLikelihood: () => literal(0) };
  // By rows: a shorter way to the likelihood, where the model knows one, is to be passed over too.
  const density = await compileDensity(prior, cpuDevice(), 1, 'rows');
  const last = new Float64Array(density.dimension);
  try {
    const settings = modelSettings(model, {
      method: 'nuts' as const,
      chains: 1,
      ...transitions,
      targetAcceptance: 0.9,
      seed,
    });
    const wantsDraw = (_: number, phase: string, index: number): boolean =>
      phase === 'sampling' && index === transitions.draws - 1;
    await sample(density, settings, {
      wantsDraw,
      onDraw: ({ position }) => {
        if (position.length > 0) last.set(position);
      },
    });
    return last;
  } finally {
    await density.dispose();
  }
}
