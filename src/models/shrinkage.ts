// Shrinkage as models offer it: its keys in CONFIG.yaml, the horseshoe that they declare, and what that says of each coefficient.
import type { Tensor } from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { round } from './groupPriors.js';
import { globalScaleOf } from './linearHierarchy/horseshoe.js';
import type { Horseshoe } from './linearHierarchy/structure.js';
import type { Model, Tensors } from './model.js';

export const shrinkages = ['none', 'horseshoe', 'regularisedHorseshoe'] as const;
export type Shrinkage = (typeof shrinkages)[number];

const slab = z.strictObject({
  /** In units of the response, for a predictor of unit standard deviation. */
  scale: z.number().gt(0).optional(),
  df: z.number().gt(0).default(4),
});

/** Of a model's section. */
export const shrinkageSchema = {
  shrinkage: z.enum(shrinkages).default('none'),
  /** How many of the coefficients are expected to matter. */
  relevant: z.number().gt(0).optional(),
  slab: slab.default({ df: 4 }),
};
export const slabKeys = Object.keys(slab.shape);

interface ShrinkageSection {
  readonly shrinkage: Shrinkage;
  readonly relevant?: number | undefined;
  readonly slab: { readonly scale?: number | undefined; readonly df: number };
}

export interface ShrinkageOptions {
  readonly shrinkage?: Shrinkage;
  /** How many coefficients are expected to matter: the horseshoe's knob; default a tenth of them, at least one. */
  readonly relevant?: number;
  readonly slab?: { readonly scale?: number; readonly df: number };
  /** Rough standard errors of the coefficients where they are not to come from a look at the responses: see `errorsOf`. */
  readonly errorSds?: readonly number[];
}

/** The standard errors that a model's shrinkage was declared by: with them other responses have the very priors of the first. */
export function errorsOf({ structure }: Pick<Model, 'structure'>): Pick<ShrinkageOptions, 'errorSds'> {
  const prior = structure?.terms[0]?.population.prior;
  const errorSds = prior?.kind === 'normal' ? prior.horseshoe?.errorSds : undefined;
  return errorSds === undefined ? {} : { errorSds };
}

export function shrinkageOptions({ shrinkage, relevant, slab: own }: ShrinkageSection): ShrinkageOptions {
  return {
    shrinkage,
    slab: { df: own.df, ...(own.scale !== undefined && { scale: own.scale }) },
    ...(relevant !== undefined && { relevant }),
  };
}

/** Reports keys that do not suit each other. @param count of coefficients that may be shrunk; @param what they are called */
export function checkShrinkage(
  { shrinkage, relevant }: Pick<ShrinkageSection, 'shrinkage' | 'relevant'>,
  count: number,
  what: string,
  report: (message: string, key: 'relevant' | 'shrinkage') => void,
): void {
  if (shrinkage === 'none' && relevant !== undefined)
    report(' is for shrinkage: horseshoe or regularisedHorseshoe; add it, or leave relevant out', 'relevant');
  if (shrinkage !== 'none' && count < 2) report(` needs at least two ${what}, not ${count}`, 'shrinkage');
  if (relevant !== undefined && relevant >= count)
    report(` must be below the ${count} ${what}, not ${relevant}`, 'relevant');
}

export const isShrunk = ({ shrinkage }: ShrinkageOptions): boolean => (shrinkage ?? 'none') !== 'none';

export const relevantOf = ({ relevant }: ShrinkageOptions, count: number): number =>
  relevant ?? Math.max(1, Math.min(Math.round(count / 10), count - 1));

/** Multiple of the response's standard deviation. */
const defaultSlab = 2;

/**
 * The horseshoe of these places, its parameters called `local`, `tau` and `slab`.
 * @param errorSds rough standard errors that the data alone leave the coefficients, `[places]`
 * @param rows with them τ is relative to σ, for predictors of unit variance; without, to the geometric mean of the standard errors
 */
export function declareHorseshoe(
  options: ShrinkageOptions,
  {
    places,
    errorSds: rough,
    rows,
    responseSd,
    what,
  }: {
    readonly places: readonly number[];
    readonly errorSds: readonly number[];
    readonly rows?: number;
    readonly responseSd: number;
    readonly what: string;
  },
  describe: (site: string, prior: string) => void,
): Horseshoe {
  const count = places.length;
  const relevant = relevantOf(options, count);
  const errorSds = options.errorSds ?? rough;
  const typicalError = Math.exp(errorSds.reduce((sum, sd) => sum + Math.log(sd) / count, 0));
  const globalScale = globalScaleOf(relevant, count, rows ?? typicalError ** -2);
  const scale = options.slab?.scale ?? defaultSlab * responseSd;
  const df = options.slab?.df ?? 4;
  const isRegularised = options.shrinkage === 'regularisedHorseshoe';
  describe('local', 'halfCauchy(1)');
  describe(
    'tau',
    `halfCauchy(${round(globalScale)}${rows === undefined ? '' : ' sigma'}): ${round(relevant)} of ${count} ${what} expected to matter`,
  );
  if (isRegularised) describe('slab', `its square is inverseGamma(${round(df / 2)}, ${round((df / 2) * scale ** 2)})`);
  return {
    places,
    local: 'local',
    global: 'tau',
    globalScale,
    ...(rows !== undefined && { isRelative: true }),
    errorSds,
    ...(isRegularised && { slab: { name: 'slab', scale, df } }),
  };
}

/**
 * 1 − κ of every coefficient: κ = 1 / (1 + v²/e²), with v its prior standard deviation and e its standard error by the data alone, is how far it is pulled
 * to 0 where the data say of each by itself (Piironen and Vehtari 2017, equation 2.6).
 */
export function inclusionOf(priorSds: Tensor, errorSds: Tensor): Tensor {
  const signal = priorSds.div(errorSds).square();
  return signal.div(signal.add(1));
}

/** Sites of a horseshoe but for the inclusion of each coefficient. */
export const horseshoeSites = ({ slab }: Horseshoe): string[] => ['tau', ...(slab ? ['slab'] : []), 'relevant'];

/** What is reported under these sites. @param inclusion 1 − κ of the coefficients that are shrunk, see `inclusionOf` */
export function horseshoeReport({ slab }: Horseshoe, parameters: Tensors, inclusion: Tensor): Tensors {
  return { tau: parameters.tau, ...(slab && { slab: parameters.slab }), relevant: inclusion.sum() };
}

/** @param what is shrunk, in the plural */
export function horseshoeInWords({ slab }: Horseshoe, what: string): string {
  return `${what} are shrunk by a ${slab ? 'regularised ' : ''}horseshoe; inclusion says how far each is left alone, near 1 it matters, near 0 it is pulled to 0, and relevant is their sum.`;
}
