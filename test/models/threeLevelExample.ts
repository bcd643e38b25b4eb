// Small generated tables for the tests of the three-level model: any number of predictors, ragged units.
import type { Column } from '../../src/data/table.js';
import { factorFromLabels, tableOf } from '../../src/data/table.js';
import { threeLevelData, type ThreeLevelData } from '../../src/data/threeLevelData.js';
import { randomNumbers } from './random.js';

export interface ExampleShape {
  readonly markets: number | null;
  readonly products: number;
  readonly x?: number;
  readonly z?: number;
  readonly w?: number;
  readonly standardise?: boolean;
  /** Rows of unit u; default between 1 and 5. */
  readonly rowsOf?: (unit: number) => number;
  /** Which products a market sells; default all. */
  readonly sells?: (product: number, market: number) => boolean;
  /** Keeps x1 at one value in these units, so that they cannot tell its coefficient from their constant. */
  readonly isConstantX?: (unit: number) => boolean;
  /** Standard deviation of the units' constants; default 0. */
  readonly spread?: number;
  readonly seed?: string;
}

/** Predictors in the data's units, by name: entries by row of the table. */
export interface Example {
  readonly data: ThreeLevelData;
  readonly column: (name: string) => Float64Array;
}

const namesOf = (letter: string, count = 0): string[] => Array.from({ length: count }, (_, i) => `${letter}${i + 1}`);

export function threeLevelExample(shape: ExampleShape): Example {
  const random = randomNumbers(shape.seed ?? 'example');
  const names = { x: namesOf('x', shape.x), z: namesOf('z', shape.z), w: namesOf('w', shape.w) };
  const [products, markets]: [string[], string[]] = [[], []];
  const numbers = new Map([...names.x, ...names.z, ...names.w, 'y'].map((name): [string, number[]] => [name, []]));
  let unit = 0;
  for (let market = 0; market < (shape.markets ?? 1); market++) {
    const w = names.w.map(() => 3 + 2 * random.normal());
    for (let product = 0; product < shape.products; product++) {
      if (shape.sells && !shape.sells(product, market)) continue;
      const z = names.z.map(() => -1 + 0.5 * random.normal());
      const fixed = names.x.map(() => 10 + 4 * random.normal());
      const own = (shape.spread ?? 0) * random.normal();
      const rows = shape.rowsOf?.(unit) ?? 1 + Math.floor(5 * random.uniform());
      for (let row = 0; row < rows; row++) {
        products.push(`p${product + 10}`);
        markets.push(`m${market + 10}`);
        for (const [i, name] of names.x.entries()) {
          const isFixed = i === 0 && shape.isConstantX?.(unit);
          numbers.get(name)!.push(isFixed ? fixed[i] : 10 + 4 * random.normal());
        }
        for (const [i, name] of names.z.entries()) numbers.get(name)!.push(z[i]);
        for (const [i, name] of names.w.entries()) numbers.get(name)!.push(w[i]);
        numbers.get('y')!.push(20 + own + 3 * random.normal());
      }
      unit++;
    }
  }
  const columns: Column[] = [...numbers].map(([name, values]) => ({
    kind: 'number',
    name,
    values: Float64Array.from(values),
  }));
  columns.push(factorFromLabels('product', products));
  if (shape.markets !== null) columns.push(factorFromLabels('market', markets));
  const data = threeLevelData(tableOf('example', columns), {
    response: 'y',
    product: 'product',
    ...(shape.markets !== null && { market: 'market' }),
    ...names,
    standardise: shape.standardise ?? true,
  });
  return { data, column: (name) => Float64Array.from(numbers.get(name)!) };
}
