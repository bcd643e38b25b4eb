// Names and axes of what is reported of many experiments; simulations name their true values by them.
import type { Coordinates } from '../../data/run/siteDescription.js';
import type { Site } from '../model.js';
import { attributeNames } from './campaignAttributes.js';
import type { EffectSet, ExperimentsData } from './data.js';
import { fixedSets } from './layout.js';
import { type Poolable, spreadName } from './poolable.js';

/** Components of the spread of effects (003, table 4). */
const components = ['unobserved', 'observed', 'week', 'campaign'] as const;
export type Component = (typeof components)[number];

/** All that the names of the sites depend on. */
export interface ExperimentShape {
  readonly customers: { readonly column: string; readonly names: readonly string[] } | null;
  readonly x: readonly string[];
  readonly moderators: readonly string[];
  readonly sets: readonly Pick<EffectSet, 'name' | 'kind' | 'levels' | 'attributes'>[];
  /** Those of the sets that are pooled. */
  readonly pooled: readonly Poolable[];
}

export interface ExperimentSites {
  readonly coords: Coordinates;
  readonly sites: readonly Site[];
  /** Components that the model has. */
  readonly kinds: readonly Component[];
}

/** More levels than these make a group site. */
const mostOfPopulation = 50;

export const shapeOf = (
  { customers, x, moderators, sets }: ExperimentsData,
  pooled: readonly Poolable[],
): ExperimentShape => ({
  customers,
  x: x.map(({ name }) => name),
  moderators: moderators.map(({ name }) => name),
  sets,
  pooled,
});

/** @param shrinkage names of the sites of a horseshoe but for inclusions; none without it */
export function experimentSites(shape: ExperimentShape, shrinkage: readonly string[] = []): ExperimentSites {
  const { customers, x, moderators, sets, pooled } = shape;
  const kinds = componentsOf(shape);
  const site = (name: string, ...dims: readonly [string, number][]): Site => ({
    name,
    level: dims.some(([, size]) => size > mostOfPopulation) ? 'group' : 'population',
    shape: dims.map(([, size]) => size),
    dims: dims.map(([dim]) => dim),
    coefficientDims: ['x', 'moderator', 'attribute', 'part', 'component', 'coefficient', 'coefficient_column'],
  });
  const columns: [string, number] = ['x', x.length];
  const modifiers: [string, number] = ['moderator', moderators.length];
  const own: [string, number] = ['coefficient', 1 + x.length];
  const component: [string, number] = ['component', kinds.length];
  const ofCustomers: [string, number] = [customers?.column ?? '', customers?.names.length ?? 0];
  const random = sets.flatMap(({ attributes }) => (attributes === undefined ? [] : [attributes]));
  const attributes = random.flatMap(attributeNames);
  const hasX = x.length > 0;
  const hasModerators = moderators.length > 0;
  const isOutsideLower = ([row, column]: readonly number[]): boolean => column >= row;
  const correlations = site('corr_u', own, ['coefficient_column', 1 + x.length]);
  const sites: Site[] = [
    site('effect'),
    site('average_effect'),
    ...(hasModerators ? [site('effect_slope', modifiers)] : []),
    site('intercept'),
    ...(hasX ? [site('beta', columns)] : []),
    ...(hasModerators ? [site('baseline_slope', modifiers)] : []),
    site('sigma'),
    ...(customers ? [site('sigma_u', own)] : []),
    ...(customers && hasX ? [{ ...correlations, isFixed: isOutsideLower }] : []),
    ...(kinds.length > 0 ? [site('spread', component)] : []),
    ...(kinds.length > 1 ? [site('share_of_spread', component)] : []),
    ...(random.length > 0
      ? [
          site('effect_attribute', ['attribute', attributes.length]),
          site('baseline_attribute', ['attribute', attributes.length]),
          site('sigma_campaign', ['part', 2]),
        ]
      : []),
    ...pooled.map((name) => site(spreadName(name), ['part', 2])),
    ...shrinkage.map((name) => site(name)),
    ...(shrinkage.length > 0 && hasModerators
      ? [site('inclusion_effect_slope', modifiers), site('inclusion_baseline_slope', modifiers)]
      : []),
    ...sets.map(({ name, levels }) => ({ ...site(`effect_${name}`, [name, levels.length]), isSideBySide: true })),
    ...sets.map(({ name, levels }) => site(`baseline_${name}`, [name, levels.length])),
    ...(shrinkage.length > 0
      ? ['effect', 'baseline'].flatMap((part) =>
          fixedSets(sets).map(({ name, levels }) => site(`inclusion_${part}_${name}`, [name, levels.length])),
        )
      : []),
    ...(customers ? [{ ...site('effect_of_customer', ofCustomers), level: 'group' as const }] : []),
    ...(customers && hasX ? [{ ...site('beta_of_customer', ofCustomers, columns), level: 'group' as const }] : []),
  ];
  const coefficients = ['effect', ...x];
  return {
    kinds,
    sites,
    coords: {
      ...(hasX && { x }),
      ...(hasModerators && { moderator: moderators }),
      ...(customers && {
        coefficient: coefficients,
        coefficient_column: coefficients,
        [customers.column]: customers.names,
      }),
      ...(random.length > 0 && { attribute: attributes }),
      ...(random.length + pooled.length > 0 && { part: ['effect', 'baseline'] }),
      component: kinds,
      ...Object.fromEntries(sets.map(({ name, levels }) => [name, levels])),
    },
  };
}

function componentsOf({ customers, moderators, sets }: ExperimentShape): Component[] {
  const has: Record<Component, boolean> = {
    unobserved: customers !== null,
    observed: moderators.length > 0 || sets.some(({ kind }) => kind === 'customer'),
    week: sets.some(({ kind }) => kind === 'week'),
    campaign: sets.some(({ kind }) => kind === 'campaign'),
  };
  return components.filter((name) => has[name]);
}
