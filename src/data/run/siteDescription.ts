// What a stored quantity is called and how its axes are named: shared by writer, reader, names and summaries.

import { InputError } from '../inputError.js';

/** One quantity of a model: `shape` of a single draw, row-major, one name per axis. */
export interface SiteDescription {
  readonly name: string;
  /** Empty for a scalar. */
  readonly shape: readonly number[];
  /** Names of the axes, distinct within a site; two sites may share a dimension, which then has the same length in both. */
  readonly dims: readonly string[];
  /** Those of `dims` whose levels name coefficients: printed as the bare level, the others as `dimension=level`. */
  readonly coefficientDims?: readonly string[];
}

/** Levels of the named dimensions, in the order of the axis. A dimension without levels is counted from 0. */
export type Coordinates = Readonly<Record<string, readonly string[]>>;

/** Number of scalars in one draw of a site. */
export function siteSize(site: Pick<SiteDescription, 'shape'>): number {
  return site.shape.reduce((product, length) => product * length, 1);
}

/**
 * Refuses descriptions that cannot be stored as one group of named arrays.
 * @throws InputError when a dimension (a column's name, as a rule) cannot serve as a name beside the sites
 * @throws Error when the description contradicts itself
 */
export function checkSites(sites: readonly SiteDescription[], coords: Coordinates): void {
  const lengths = new Map<string, number>();
  const names = new Set<string>();
  for (const site of sites) {
    if (names.has(site.name)) throw new Error(`two sites are called ${site.name}`);
    names.add(site.name);
    checkName(site.name);
    if (site.dims.length !== site.shape.length || new Set(site.dims).size !== site.dims.length)
      throw new Error(`site ${site.name} needs one distinct dimension name per axis, has [${site.dims.join(', ')}]`);
    if (!site.shape.every((length) => Number.isInteger(length) && length > 0))
      throw new Error(`site ${site.name} has the impossible shape [${site.shape.join(', ')}]`);
    site.dims.forEach((dim, axis) => {
      const length = site.shape[axis];
      const known = lengths.get(dim) ?? coords[dim]?.length ?? length;
      if (known !== length) throw new Error(`dimension ${dim} has ${known} levels, in site ${site.name} ${length}`);
      lengths.set(dim, length);
    });
  }
  for (const dim of lengths.keys()) {
    checkName(dim);
    if (names.has(dim) || dim === 'chain' || dim === 'draw')
      throw new InputError(`the name '${dim}' of a grouping is taken in the results: rename the column`, {
        column: dim,
      });
  }
}

function checkName(name: string): void {
  if (name === '' || name === '.' || name === '..' || name.startsWith('__') || /[/\\\0]/.test(name))
    throw new InputError(`'${name}' cannot name a stored quantity: use a name without slashes`, { column: name });
}
