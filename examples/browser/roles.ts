// What each column of a file is for: a first guess by its name, and the model's columns that follow from the choice.
import { InputError } from '../../src/data/inputError.js';
import type { ThreeLevelColumns } from '../../src/data/threeLevelData.js';

export const roleNames = {
  unused: 'not used',
  response: 'response',
  unit: 'unit',
  product: 'product',
  market: 'market',
  time: 'time',
  x: 'x: varies by row',
  z: 'z: varies by unit',
  w: 'w: varies by market',
} as const;

export type Role = keyof typeof roleNames;

/** Roles that one column alone can have. */
export const singleRoles: readonly Role[] = ['response', 'unit', 'product', 'market', 'time'];

/** Role by name of the column, in the order of the file. */
export type Roles = Readonly<Record<string, Role>>;

/** A column as the page shows it before anything has been read but the first rows. */
export interface ColumnPreview {
  readonly name: string;
  readonly kind: 'numbers' | 'text';
  /** Cells of the first rows. */
  readonly examples: readonly string[];
}

const hints: readonly (readonly [Role, RegExp, ColumnPreview['kind'] | undefined])[] = [
  ['time', /^(week|date|day|month|time|period|occasion)s?$/, undefined],
  ['market', /^(market|store|shop|city|region|outlet)(_?(id|code|no))?$/, undefined],
  ['product', /^(product|brand|item|sku|upc|article)(_?(id|code|no))?$/, undefined],
  ['unit', /^(unit|customer|household|panelist|respondent|person|user)(_?(id|code|no))?$/, undefined],
  ['response', /^(y|response)$|sales|logmove|volume|quantity|revenue|demand/, 'numbers'],
];

/** Roles that the names suggest; every other column is left unused, for the user to say whether it varies by row or by unit. */
export function guessRoles(columns: readonly ColumnPreview[]): Roles {
  const taken = new Set<Role>();
  return Object.fromEntries(
    columns.map(({ name, kind }): [string, Role] => {
      const hint = hints.find(
        ([role, pattern, wanted]) =>
          !taken.has(role) && (wanted ?? kind) === kind && pattern.test(name.trim().toLowerCase()),
      );
      const role = hint?.[0] ?? 'unused';
      taken.add(role);
      return [name, role];
    }),
  );
}

/** The model's columns. Throws InputError when there is no response, or no column that makes the units. */
export function modelColumns(roles: Roles, standardise: boolean): ThreeLevelColumns {
  const having = (role: Role): string[] => Object.keys(roles).filter((name) => roles[name] === role);
  const [response] = having('response');
  if (response === undefined)
    throw new InputError('no column is the response: choose the one column of numbers that the model is to explain');
  const [[unit], [product], [market], [time]] = (['unit', 'product', 'market', 'time'] as const).map(having);
  if (unit === undefined && product === undefined)
    throw new InputError('no column says which unit a row belongs to: choose a unit, or a product (and a market)');
  const w = having('w');
  if (market === undefined && w.length > 0)
    throw new InputError(`column '${w[0]}' is to vary by market, but no column is the market`, { column: w[0] });
  return { response, unit, product, market, time, x: having('x'), z: having('z'), w, standardise };
}
