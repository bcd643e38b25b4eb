// Names of scalars: the printed form, the order, quoting, and that every name can be taken apart again.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseScalarName, quoteLevel, scalarNames } from '../../src/data/run/names.js';

describe('scalarNames', () => {
  it('prints groupings as dimension=level, coefficients bare, a scalar as its site', () => {
    const coords = { product: ['a', 'b'], market: ['north'], coefficient: ['Intercept', 'log price'] };
    const beta = {
      name: 'beta',
      shape: [2, 1, 2],
      dims: ['product', 'market', 'coefficient'],
      coefficientDims: ['coefficient'],
    };
    expect([...scalarNames(beta, coords)]).toEqual([
      'beta[product=a,market=north,Intercept]',
      'beta[product=a,market=north,log price]',
      'beta[product=b,market=north,Intercept]',
      'beta[product=b,market=north,log price]',
    ]);
    expect([...scalarNames({ name: 'sigma', shape: [], dims: [] }, coords)]).toEqual(['sigma']);
    expect([...scalarNames({ name: 'theta', shape: [3], dims: ['theta_dim'] }, {})]).toEqual([
      'theta[0]',
      'theta[1]',
      'theta[2]',
    ]);
  });

  it('quotes what would be read as punctuation, and only that', () => {
    expect(quoteLevel('Zürich 商店')).toBe('Zürich 商店');
    expect(quoteLevel('1.5 l, "still"')).toBe('"1.5 l, ""still"""');
    expect(['a=b', 'a[', ']', '', 'a b', "it's"].map(quoteLevel)).toEqual([
      '"a=b"',
      '"a["',
      '"]"',
      '""',
      'a b',
      "it's",
    ]);
  });

  it('makes names one at a time', () => {
    const names = scalarNames({ name: 'u', shape: [10 ** 9], dims: ['customer'] }, {});
    expect([names.next().value, names.next().value]).toEqual(['u[0]', 'u[1]']);
  });

  it('makes names that are distinct and can be taken apart', () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^[a,=[\]"\\ ]*$/));
    const property = fc.property(
      text.filter((dim) => dim !== 'coefficient'),
      fc.uniqueArray(text, { minLength: 1, maxLength: 4 }),
      fc.uniqueArray(text, { minLength: 1, maxLength: 3 }),
      (dim, levels, coefficients) => {
        const shape = [levels.length, coefficients.length];
        const site = { name: 'beta', shape, dims: [dim, 'coefficient'], coefficientDims: ['coefficient'] };
        const names = [...scalarNames(site, { [dim]: levels, coefficient: coefficients })];
        expect(new Set(names).size).toBe(levels.length * coefficients.length);
        const expected = levels.flatMap((level) =>
          coefficients.map((coefficient) => ({
            site: 'beta',
            parts: [{ dimension: dim, level }, { level: coefficient }],
          })),
        );
        expect(names.map(parseScalarName)).toEqual(expected);
      },
    );
    fc.assert(property, { seed: 20, numRuns: 500 });
  });

  it('refuses to take apart what is no name', () => {
    for (const text of ['', '[a]', 'beta[', 'beta[a', 'beta[]', 'beta[a,]', 'beta[a=b=c]', 'beta["a]', 'beta[a]b'])
      expect(parseScalarName(text), text).toBeUndefined();
  });
});
