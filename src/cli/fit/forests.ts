// Group estimates for the report: each coefficient over the groups of a level, beside what a group's own rows say.
import type { ForestLayout, PreparedModel } from '../../models/modelEntry.js';
import type { Model, Site } from '../../models/model.js';
import type { ReportInput } from '../../report/index.js';
import type { PlacedSummary } from './summaries.js';

type Forest = ReportInput['forests'][number];

/** Groups of one coefficient that a report holds at most; more are thinned evenly. */
const groupLimit = 10_000;

/** One forest per coefficient of every group site whose draws were kept, and of population sites that are shown like them. */
export function buildForests(
  prepared: Pick<PreparedModel, 'model' | 'forest'>,
  summaries: readonly PlacedSummary[],
): Forest[] {
  const { model } = prepared;
  return model.sites
    .filter(({ level, isSideBySide }) => level === 'group' || isSideBySide === true)
    .flatMap((site) => {
      const own = summaries.filter((summary) => summary.site === site);
      const layout = prepared.forest?.(site) ?? plainLayout(site, model);
      return own.length === 0 ? [] : siteForests(layout, site, model, own);
    });
}

/** A forest for each scalar of a group, named by its coordinates. */
function plainLayout({ name, dims }: Site, { coords }: Model): ForestLayout {
  const places = dims.slice(1).reduce<string[]>(
    (names, dim) => {
      const levels = coords[dim];
      return names.flatMap((before) => levels.map((level) => (before === '' ? level : `${before}, ${level}`)));
    },
    [''],
  );
  return {
    coefficients: places.map((place, i) => ({
      name: place === '' ? name : place,
      title: `${name}${place === '' ? '' : `, ${place},`} by ${dims[0]}`,
      place: i,
    })),
    unpooled: () => null,
  };
}

function siteForests(
  { coefficients, unpooled }: ForestLayout,
  site: Site,
  { coords }: Model,
  summaries: readonly PlacedSummary[],
): Forest[] {
  const groups = site.shape[0];
  const width = summaries.length / groups;
  const labels = coords[site.dims[0]];
  const step = Math.ceil(groups / groupLimit);
  const shown = Array.from({ length: Math.floor((groups - 1) / step) + 1 }, (_, i) => i * step);
  return coefficients.map(({ name, title, place }, c): Forest => {
    const entries = shown.map((group) => {
      const { mean, q5, q95 } = summaries[group * width + place];
      return { label: labels[group], mean, q5, q95, unpooled: unpooled(group, c) };
    });
    const overall = entries.reduce((sum, { mean }) => sum + mean / entries.length, 0);
    return { title, coefficient: name, groups: entries, populationMean: Number.isFinite(overall) ? overall : null };
  });
}
