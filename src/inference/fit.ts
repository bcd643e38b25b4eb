// Fits a model in memory: the library's one call from a model to its draws.
import { sizeOf } from '../kernels/program/tensorProgram.js';
import type { Device } from '../kernels/device.js';
import { cpuDevice } from '../kernels/cpu/cpuDevice.js';
import type { Model, Site } from '../models/model.js';
import type { Draw } from './chain.js';
import { compileDensity, compileQuantity } from './compiledModel.js';
import type { TransitionInfo } from './kernel.js';
import { modelSettings } from './modelSettings.js';
import { type ChainResult, sample } from './sample.js';
import { defaultChains, type SampleSettings } from './settings.js';

export interface FitOptions extends SampleSettings {
  /** Default: the CPU on one thread. */
  readonly device?: Device;
  /** `rows`: sum the pointwise log likelihood even where the model knows a shorter way. */
  readonly likelihood?: 'rows' | 'shortest';
  readonly signal?: AbortSignal;
  /** Called after every transition. */
  readonly onDraw?: (draw: Draw) => void;
}

/** Draws of every reported site, with what the sampler tells about them. */
export interface Posterior {
  readonly model: Model;
  readonly chains: number;
  readonly draws: number;
  readonly sites: readonly Site[];
  /** Draws of one element of a site (row-major position), one array per chain. Throws RangeError for an unknown site or element. */
  element(site: string, position?: number): Float64Array[];
  /** `[chain][draw]` */
  readonly info: readonly (readonly TransitionInfo[])[];
  readonly chainResults: readonly ChainResult[];
}

/**
 * Draws from a model's posterior and keeps every draw of every site in memory (8 bytes each).
 * Throws InitialisationError when no start has a finite density, RangeError for settings out of range, and Error when
 * stopped by `signal`.
 */
export async function fit(model: Model, options: FitOptions = {}): Promise<Posterior> {
  const { device = cpuDevice(), likelihood, signal, onDraw, ...given } = options;
  const settings = modelSettings(model, given);
  const chains = settings.chains ?? defaultChains(settings.method);
  const draws = settings.draws ?? 1000;
  const density = await compileDensity(model, device, chains, likelihood);
  // In f64 from the draw's position, whatever the density was evaluated on.
  const quantities = await compileQuantity(model, cpuDevice(), 'sites');
  const width = quantities.outputs.reduce((sum, { size }) => sum + size, 0);
  const values = Array.from({ length: chains }, () => new Float64Array(draws * width));
  const info = Array.from({ length: chains }, (): TransitionInfo[] => []);
  try {
    const result = await sample(
      density,
      settings,
      {
        wantsDraw: (_, phase) => phase === 'sampling' || onDraw !== undefined,
        onDraw: (draw) => {
          onDraw?.(draw);
          if (draw.phase !== 'sampling') return;
          info[draw.chain].push({ ...draw.info });
          const target = values[draw.chain].subarray(draw.index * width, (draw.index + 1) * width);
          if (quantities.evaluate(draw.position, target) !== undefined) {
            throw new Error('fit needs a device that evaluates at once');
          }
        },
      },
      { signal },
    );
    if (!result.isComplete) throw new Error('the fit was stopped before its last draw');
    const offsets = new Map<string, number>();
    let offset = 0;
    for (const { name, size } of quantities.outputs) {
      offsets.set(name, offset);
      offset += size;
    }
    return {
      model,
      chains,
      draws,
      sites: model.sites,
      info,
      chainResults: result.chains.map((chain) => chain!),
      element: (site, position = 0) => {
        const found = model.sites.find(({ name }) => name === site);
        if (found === undefined || !(position >= 0 && position < sizeOf(found.shape))) {
          throw new RangeError(
            `no element ${position} of a site ${site}; sites: ${model.sites.map(({ name }) => name).join(', ')}`,
          );
        }
        const column = offsets.get(site)! + position;
        return values.map((chain) => Float64Array.from({ length: draws }, (_, draw) => chain[draw * width + column]));
      },
    };
  } finally {
    await density.dispose();
    await quantities.dispose();
  }
}
