// Fits a model in memory: the library's one call from a model to its draws, whatever the method.
import { sizeOf } from '../kernels/program/tensorProgram.js';
import type { Device } from '../kernels/device.js';
import { cpuDevice } from '../kernels/cpu/cpuDevice.js';
import type { Model, Site } from '../models/model.js';
import type { Draw } from './chain.js';
import { compileQuantity } from './compiledModel.js';
import { chooseMethod, type MethodChoice } from './methods/chooseMethod.js';
import type { ChainEffort, DrawInfo, Finding, MethodName, MethodSettings, ThreadStarters } from './methods/method.js';

export interface FitOptions extends MethodSettings {
  /** Default `auto`: the method that suits the model best (see `chooseMethod`). */
  readonly method?: MethodName | 'auto';
  /** Default: the CPU, on the calling thread. */
  readonly device?: Device;
  /** Threads of the host for methods that divide their chains or their rows, and how to start them; default: one. */
  readonly threads?: { readonly count: number; readonly starters: ThreadStarters };
  readonly signal?: AbortSignal;
  /** Called after every transition. */
  readonly onDraw?: (draw: Draw<DrawInfo>) => void;
}

/** Draws of every reported site, with what the method tells about them. */
export interface Posterior {
  readonly model: Model;
  /** The method taken, and why. */
  readonly method: MethodChoice;
  readonly chains: number;
  readonly draws: number;
  readonly sites: readonly Site[];
  /** Draws of one element of a site (row-major position), one array per chain. Throws RangeError for an unknown site or element. */
  element(site: string, position?: number): Float64Array[];
  /** `[chain][draw]` */
  readonly info: readonly (readonly DrawInfo[])[];
  /** By chain: what it has cost. */
  readonly efforts: readonly ChainEffort[];
  /** What the method says of its own result, beyond what the draws show. */
  readonly findings: readonly Finding[];
}

/**
 * Draws from a model's posterior, or from the approximation that the method makes, and keeps every draw of every site in memory (8 bytes each).
 * Throws RangeError for settings out of range and for a method that the model does not suit, InitialisationError when no start has
 * a finite density, and Error when stopped by `signal`.
 */
export async function fit(model: Model, options: FitOptions = {}): Promise<Posterior> {
  const { device = cpuDevice(), threads, signal, onDraw, method: wanted = 'auto', ...given } = options;
  const choice = chooseMethod(model, wanted, device.name);
  const { usual } = choice.method;
  const settings = { ...given, ...defaults(given, usual) };
  const { chains, draws } = settings;
  const prepared = await choice.method.prepare(
    model,
    device,
    { chains, threads: threads?.count ?? 1 },
    threads?.starters,
  );
  // In f64 from the draw's position, whatever the method ran on.
  const quantities = await compileQuantity(model, cpuDevice(), 'sites');
  const width = quantities.outputs.reduce((sum, { size }) => sum + size, 0);
  const values = Array.from({ length: chains }, () => new Float64Array(draws * width));
  const info = Array.from({ length: chains }, (): DrawInfo[] => []);
  const take = (draw: Draw<DrawInfo>): void => {
    onDraw?.(draw);
    if (draw.phase !== 'sampling') return;
    info[draw.chain].push({ ...draw.info });
    const target = values[draw.chain].subarray(draw.index * width, (draw.index + 1) * width);
    if (quantities.evaluate(draw.position, target) !== undefined) {
      throw new Error('reported sites need a device that evaluates at once');
    }
  };
  try {
    const wantsDraw = (_: number, phase: Draw['phase']): boolean => phase === 'sampling' || onDraw !== undefined;
    const result = await prepared.run(settings, { onDraw: take, wantsDraw }, { signal });
    if (!result.isComplete) throw new Error('the fit was stopped before its last draw');
    const offsets = new Map<string, number>();
    let offset = 0;
    for (const { name, size } of quantities.outputs) {
      offsets.set(name, offset);
      offset += size;
    }
    return {
      model,
      method: choice,
      chains,
      draws,
      sites: model.sites,
      info,
      efforts: result.chains.map((chain) => chain!),
      findings: result.findings,
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
    await prepared.dispose();
    await quantities.dispose();
  }
}

function defaults(given: MethodSettings, usual: { chains: number; warmup: number; draws: number }) {
  return {
    chains: given.chains ?? usual.chains,
    warmup: given.warmup ?? usual.warmup,
    draws: given.draws ?? usual.draws,
  };
}
