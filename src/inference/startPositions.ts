// Where chains of HMC, NUTS and ChEES start: jittered, at draws of the prior or of Pathfinder's approximation, or at modes.
import type { Model } from '../models/model.js';
import { priorPosition } from './calibration/priorPosition.js';
import { InitialisationError, StartError } from './initialise.js';
import { type Evaluating, driveTogether, newPoint, type Point } from './optimise/evaluating.js';
import { lbfgs } from './optimise/lbfgs.js';
import { startPoint } from './optimise/startPoint.js';
import { isFiniteVector } from './optimise/vectors.js';
import { pathfinder, type PathfinderOptions } from './pathfinder/pathfinder.js';
import type { BatchedLogDensity } from './logDensity.js';
import { randomKey } from './random/streams.js';
import type { SampleSettings } from './settings.js';

/**
 * `jitter`: uniform around the model's own start; `prior`: a draw of the prior for each chain; `pathfinder`: distinct draws of multi-path Pathfinder, chosen by
 * weight (Zhang et al. 2022), and its variances as the first metric; `map`: the mode that L-BFGS climbs to from each chain's jittered start.
 */
export type Initialisation = 'jitter' | 'prior' | 'pathfinder' | 'map';

/** Of a path: draws of which the starts are chosen, and iterations. The density of a hierarchy may rise for ever, and what is past its bulk starts nobody. */
const ofPath = { drawsPerPath: 100, maxIterations: 200 } as const;
/** Draws of the prior that a chain tries. */
const priorAttempts = 20;
/** Largest slope at a mode, in units of 1 / rough standard deviation: beyond, the climb was cut off on its way. */
const flatEnough = 0.1;

type Start = Pick<SampleSettings, 'initial' | 'inverseMass'>;

/** What starts need to know of a run. */
interface StartTask extends Start {
  readonly model: Model;
  /** Any number of lanes; starts do not depend on it. */
  readonly density: BatchedLogDensity;
  readonly chains: number;
  readonly seed: number | string;
  readonly pathfinder?: PathfinderOptions;
  readonly signal?: AbortSignal;
}

/**
 * Exact starts of all chains, and a first metric where one is found with them. Rejects with StartError, and with the signal's reason.
 */
export async function startPositions(kind: Exclude<Initialisation, 'jitter'>, task: StartTask): Promise<Start> {
  switch (kind) {
    case 'prior':
      return { initial: { positions: await priorStarts(task) } };
    case 'pathfinder': {
      const { density, seed, signal, initial, inverseMass } = task;
      const settings = { ...ofPath, ...task.pathfinder, chains: 1, draws: 1, seed, initial, inverseMass };
      const { starts, variances } = await pathfinder(density, settings, {}, { signal });
      return { initial: { positions: starts(task.chains) }, inverseMass: variances };
    }
    case 'map':
      return { initial: { positions: await modes(task) } };
    default:
      throw new Error(kind satisfies never);
  }
}

async function priorStarts({ model, density, chains, seed, signal }: StartTask): Promise<Float64Array[]> {
  const starts: Float64Array[] = [];
  for (let chain = 0; chain < chains; chain++) {
    for (let attempt = 0; starts.length === chain; attempt++) {
      const position = await priorPosition(model, `${seed}, start of chain ${chain}, attempt ${attempt}`);
      const [point] = await driveTogether([evaluated(position)], density, signal);
      const isFinite = Number.isFinite(point.value);
      if (isFinite && isFiniteVector(point.gradient)) starts.push(position);
      else if (attempt + 1 === priorAttempts) {
        const notFinite = isFinite ? 'gradient' : 'log density';
        throw new InitialisationError(chain, priorAttempts, notFinite, undefined, undefined, undefined);
      }
    }
  }
  return starts;
}

function* evaluated(position: Float64Array): Evaluating<Point> {
  const point = newPoint(position.length);
  point.position.set(position);
  yield [point];
  return point;
}

async function modes({ density, chains, seed, initial, inverseMass, signal }: StartTask): Promise<Float64Array[]> {
  const key = randomKey(seed);
  const { dimension, resident } = density;
  const variances = Float64Array.from({ length: dimension }, (_, i) => inverseMass?.[i] ?? 1);
  // A GPU evaluates in f32.
  const rounding = resident === undefined ? 1e-14 : 1e-7;
  const climb = function* (chain: number): Evaluating<Float64Array> {
    const start = yield* startPoint(dimension, key, chain, initial);
    const { point } = yield* lbfgs(start.position, { variances, rounding });
    const steepest = point.gradient.reduce((most, g, i) => Math.max(most, Math.abs(g) * Math.sqrt(variances[i])), 0);
    if (steepest <= flatEnough) return point.position;
    throw new StartError(
      `initial position of chain ${chain}: the climb found no mode; the joint density of a hierarchy may have none, so choose initialisation: pathfinder or jitter`,
    );
  };
  return driveTogether(
    Array.from({ length: chains }, (_, chain) => climb(chain)),
    density,
    signal,
  );
}
