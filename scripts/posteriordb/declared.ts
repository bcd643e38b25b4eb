// Which model each posterior of posteriordb is, by its name there. One more is a model and a line here, or a file given to `--model`.
import type { FitOptions } from '../../src/inference/fit.js';
import type { Model } from '../../src/models/model.js';
import {
  type Diamonds,
  diamonds,
  diamondsDeclared,
  type EightSchools,
  eightSchoolsNoncentred,
  type Kidiq,
  kidiqInteraction,
  type Pilots,
  pilots,
  type Rats,
  rats,
} from './models.js';
import { type Radon, radonModel, type RadonName, radonShapes } from './radonModels.js';

/** Site and row-major element of a parameter. */
export type Element = readonly [site: string, element: number];

export interface DeclaredPosterior {
  readonly model: (data: unknown) => Model;
  /** The same posterior as a declared hierarchy, for the methods that need one. */
  readonly hierarchy?: (data: unknown) => Model;
  /** Parameters that the model calls otherwise; `b[2]` is element 1 of the site `b` by itself. */
  readonly elements?: Readonly<Record<string, Element>>;
  /** The posterior whose reference draws serve, where it has none of its own: the same posterior in another form. */
  readonly reference?: string;
  /** What the samplers need besides their defaults. */
  readonly settings?: FitOptions;
}

const dense = { metric: { kind: 'dense' } } as const;

/** Both of the collection's forms, centred and not, are one posterior. */
const radonPosteriors = (['radon_mn', 'radon_all'] as const).flatMap((data) =>
  (Object.keys(radonShapes) as RadonName[]).flatMap((name) =>
    (['centered', 'noncentered'] as const).map((form): [string, DeclaredPosterior] => {
      const centred = form === 'centered' ? (['one', 'floor_measure'] as const) : [];
      return [
        `${data}-radon_${name}_${form}`,
        { model: (given) => radonModel(name, given as Radon, centred), elements: radonShapes[name].sites },
      ];
    }),
  ),
);

export const declaredPosteriors: Readonly<Record<string, DeclaredPosterior>> = {
  'eight_schools-eight_schools_noncentered': { model: (data) => eightSchoolsNoncentred(data as EightSchools) },
  // The centred form is the same posterior, with a funnel that no step size suits.
  'eight_schools-eight_schools_centered': {
    model: (data) => eightSchoolsNoncentred(data as EightSchools),
    reference: 'eight_schools-eight_schools_noncentered',
  },
  // Raw predictors: coefficients correlate beyond 0.98, and a diagonal metric takes 16 times the gradients per draw.
  'kidiq-kidscore_interaction': { model: (data) => kidiqInteraction(data as Kidiq), settings: dense },
  'diamonds-diamonds': {
    model: (data) => diamonds(data as Diamonds),
    hierarchy: (data) => diamondsDeclared(data as Diamonds),
    elements: { Intercept: ['intercept', 0] },
    // Until the dense metric is learnt trees run into any limit, so a low one saves three quarters of the warm-up.
    settings: { ...dense, maxTreeDepth: 6 },
  },
  'rats_data-rats_model': { model: (data) => rats(data as Rats) },
  'pilots-pilots': { model: (data) => pilots(data as Pilots), settings: { targetAcceptance: 0.95 } },
  ...Object.fromEntries(radonPosteriors),
};

/** Where a parameter's draws are: by the model's own list, else `b[2]` or `m[1,2]` from 1 in a site of that name. */
export function elementOf(model: Model, parameter: string, elements: DeclaredPosterior['elements'] = {}): Element {
  if (Object.hasOwn(elements, parameter)) return elements[parameter];
  const [, name, indices] = /^(\w+)(?:\[([\d,]+)\])?$/.exec(parameter) ?? [];
  const site = model.sites.find((own) => own.name === name);
  if (site === undefined) throw new RangeError(`${parameter}: model '${model.name}' has no such site`);
  const places = indices === undefined ? [] : indices.split(',').map((index) => Number(index) - 1);
  return [name, places.reduce((sum, place, axis) => sum * site.shape[axis] + place, 0)];
}
