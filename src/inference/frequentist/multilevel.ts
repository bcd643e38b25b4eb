// Restricted maximum likelihood of a nest: the scales at which the likelihood, fixed effects integrated out under flat priors, is highest.
import { cpuDevice } from '../../kernels/cpu/cpuDevice.js';
import type { LinearHierarchy } from '../../models/linearHierarchy/structure.js';
import type { Model } from '../../models/model.js';
import { CoefficientDraws } from '../marginal/coefficientDraws.js';
import { type Marginal, marginalOf, setMap, traceMarginal } from '../marginal/marginalDensity.js';
import { findMode } from '../marginal/mode.js';
import { type NaturalScales, naturalScales } from '../marginal/scales.js';
import type { ModelDensity } from '../portableDensity.js';
import { withFlatPriors } from './flat.js';

export interface RemlEstimate {
  /** −2 log restricted likelihood, the fixed effects in the units of the model. */
  readonly criterion: number;
  readonly scales: NaturalScales;
}

/** A nest made ready for REML; `dispose` when it is no longer needed. */
export class Multilevel {
  private constructor(
    private readonly marginal: Marginal,
    private readonly likelihood: ModelDensity,
    readonly coefficients: CoefficientDraws,
    /** What the flat priors add to the logarithm of the likelihood. */
    private readonly logPriors: number,
  ) {}

  static async compile(model: Model, given: LinearHierarchy): Promise<Multilevel> {
    const { structure, sd, effects } = withFlatPriors(given);
    const marginal = marginalOf(structure);
    const likelihood = await traceMarginal(marginal, undefined, 'likelihood').compile(cpuDevice(), 2);
    const logPriors = -effects * (Math.log(sd) + 0.5 * Math.log(2 * Math.PI));
    return new Multilevel(marginal, likelihood, await CoefficientDraws.compile(marginal, model), logPriors);
  }

  /** Climbs to the estimate; draws of the coefficients are then made around it. Rejects with the signal's reason when it is aborted. */
  async estimate(start: Model['start'], signal?: AbortSignal): Promise<RemlEstimate> {
    const { marginal, likelihood } = this;
    const map = await findMode(marginal, start, likelihood, signal);
    setMap(likelihood, map);
    this.coefficients.setMap(map);
    likelihood.positions.fill(0);
    await likelihood.evaluate();
    const { term, priors, kinds, blocks } = marginal;
    return {
      criterion: -2 * (likelihood.logDensities[0] - this.logPriors),
      scales: naturalScales(term, priors, kinds, blocks, map.centre, map),
    };
  }

  /** Dimension of what `coefficients` take: scales around the estimate, in directions of unit variance. */
  get scaleDimension(): number {
    return this.marginal.dimension;
  }

  get memoryBytes(): number {
    return this.likelihood.memoryBytes + this.coefficients.memoryBytes;
  }

  async dispose(): Promise<void> {
    await this.likelihood.dispose();
    await this.coefficients.dispose();
  }
}
