// Group estimates for the report: each coefficient over products and markets, beside what the group's own rows say.
import type { ThreeLevelData } from '../../data/threeLevelData.js';
import type { Model, Site } from '../../models/model.js';
import type { ReportInput } from '../../report/index.js';
import { groupLeastSquares } from '../../models/threeLevel/leastSquares.js';
import type { PlacedSummary } from './summaries.js';

type Forest = ReportInput['forests'][number];

/** Groups of one coefficient that a report holds at most; more are thinned evenly. */
const groupLimit = 10_000;

/** One forest per coefficient of every group site whose draws were kept. */
export function buildForests(data: ThreeLevelData, model: Model, summaries: readonly PlacedSummary[]): Forest[] {
  return model.sites
    .filter(({ level }) => level === 'group')
    .flatMap((site) =>
      siteForests(
        data,
        model,
        site,
        summaries.filter((summary) => summary.site === site),
      ),
    );
}

function siteForests(data: ThreeLevelData, model: Model, site: Site, summaries: readonly PlacedSummary[]): Forest[] {
  if (summaries.length === 0) return [];
  const groups = site.shape[0];
  const width = summaries.length / groups;
  const labels = model.coords[site.dims[0]];
  const isMarket = site.name === 'gamma';
  const rowStart = isMarket ? marketRows(data) : data.units.rowStart;
  const unpooled = groupLeastSquares(data, rowStart);
  const coefficients = ['Intercept', ...data.x.map(({ name }) => name)];
  const step = Math.ceil(groups / groupLimit);
  // With unit covariates a market has several numbers per coefficient: the report shows the constant's.
  const perCoefficient = width / coefficients.length;
  return coefficients.map((coefficient, c): Forest => {
    const shown = Array.from({ length: Math.floor((groups - 1) / step) + 1 }, (_, i) => i * step);
    const entries = shown.map((group) => {
      const { mean, q5, q95 } = summaries[group * width + c * perCoefficient];
      const own = unpooled(group, c);
      return { label: labels[group], mean, q5, q95, unpooled: own };
    });
    const overall = entries.reduce((sum, { mean }) => sum + mean / entries.length, 0);
    return {
      title: `${coefficient} by ${isMarket ? site.dims[0] : data.units.dimensions.join(' × ')}`,
      coefficient,
      groups: entries,
      populationMean: Number.isFinite(overall) ? overall : null,
    };
  });
}

/** First row of each market, since rows lie sorted by market and unit. */
function marketRows(data: ThreeLevelData): Int32Array {
  return data.markets!.unitStart.map((unit) => data.units.rowStart[unit]);
}
