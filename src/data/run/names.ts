// Names of scalars: `site[dimension=level,…,coefficient]`, the names of summary.json, truth.json and every table.

import { siteSize } from './siteDescription.js';
import type { Coordinates, SiteDescription } from './siteDescription.js';

type NamedSite = Pick<SiteDescription, 'name' | 'shape' | 'dims' | 'coefficientDims'>;

/** One place between the brackets: `dimension=level`, or the bare level of a coefficient. */
export interface NamePart {
  readonly dimension?: string;
  readonly level: string;
}

/**
 * Names of all scalars of a site in storage (row-major) order, made one at a time.
 * A dimension of `coefficientDims` prints its level alone, any other `dimension=level`; one without levels prints its
 * index, counted from 0, alone. A site without dimensions is its own name.
 */
export function* scalarNames(site: NamedSite, coords: Coordinates): Generator<string> {
  const size = siteSize(site);
  const printed = printedLevels(site, coords);
  for (let element = 0; element < size; element++) yield joinName(site, printed, element);
}

/** A level or dimension as it stands in a name: in double quotes, inner ones doubled, where it holds `, = [ ] "` or nothing. */
export function quoteLevel(level: string): string {
  return level === '' || /[,=[\]"]/.test(level) ? `"${level.replaceAll('"', '""')}"` : level;
}

/**
 * Takes a name apart again.
 * @returns undefined when the text is not a name that `scalarNames` makes
 */
export function parseScalarName(
  text: string,
): { readonly site: string; readonly parts: readonly NamePart[] } | undefined {
  const [, site, inner] = /^([^[\]]+)(?:\[(.*)\])?$/s.exec(text) ?? [];
  if (site === undefined) return undefined;
  if (inner === undefined) return { site, parts: [] };
  const parts: NamePart[] = [];
  const token = '"(?:[^"]|"")*"|[^,=[\\]"]+';
  const part = new RegExp(`(?:(${token})=)?(${token})(,|$)`, 'sy');
  while (part.lastIndex < inner.length || parts.length === 0) {
    const found = part.exec(inner) as (string | undefined)[] | null;
    if (!found) return undefined;
    const [, dimension, level, end] = found;
    parts.push({ ...(dimension === undefined ? {} : { dimension: unquote(dimension) }), level: unquote(level!) });
    if (end === '') return { site, parts };
  }
  return undefined;
}

/** Per axis, how each of its levels is printed; undefined where the index is. */
function printedLevels(site: NamedSite, coords: Coordinates): (readonly string[] | undefined)[] {
  return site.dims.map((dim) => {
    const levels = coords[dim] as readonly string[] | undefined;
    const prefix = site.coefficientDims?.includes(dim) ? '' : `${quoteLevel(dim)}=`;
    return levels?.map((level) => prefix + quoteLevel(level));
  });
}

function joinName(site: NamedSite, printed: readonly (readonly string[] | undefined)[], element: number): string {
  if (site.shape.length === 0) return site.name;
  const parts = new Array<string>(site.shape.length);
  for (let axis = site.shape.length - 1, rest = element; axis >= 0; axis--) {
    const index = rest % site.shape[axis];
    rest = Math.floor(rest / site.shape[axis]);
    parts[axis] = printed[axis]?.[index] ?? String(index);
  }
  return `${site.name}[${parts.join(',')}]`;
}

function unquote(token: string): string {
  return token.startsWith('"') ? token.slice(1, -1).replaceAll('""', '"') : token;
}
