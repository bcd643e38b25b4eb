// Which scalars get panels when there are too many for a page: the first of the model and the slowest to converge.
import { plural } from '../format.js';
import { markup } from '../html.js';
import type { Html } from '../html.js';
import { FILES, fileLink } from '../parts.js';
import type { ReportDraws, ReportInput, ReportParameter } from '../reportInput.js';

const MOST = 40;
const SLOWEST = 10;

export interface ShownDraws {
  /** In model order, each with its summary row. */
  readonly shown: readonly { readonly draws: ReportDraws; readonly summary: ReportParameter }[];
  readonly leftOut: number;
}

/** At most 40 scalars: the ten with the largest R-hat, and the first of the others, in model order. */
export function shownDraws({ draws, parameters }: ReportInput): ShownDraws {
  const summaries = new Map(parameters.map((parameter) => [parameter.name, parameter]));
  const all = draws.map((entry) => {
    const summary = summaries.get(entry.name);
    if (!summary) throw new Error(`draws of ${entry.name} have no row in the parameters of the report`);
    return { draws: entry, summary };
  });
  if (all.length <= MOST) return { shown: all, leftOut: 0 };
  const bySlowness = [...all].sort((a, b) => (b.summary.rhat ?? Infinity) - (a.summary.rhat ?? Infinity));
  const chosen = new Set(bySlowness.slice(0, SLOWEST));
  for (const entry of all) if (chosen.size < MOST) chosen.add(entry);
  return { shown: all.filter((entry) => chosen.has(entry)), leftOut: all.length - MOST };
}

/** Where the numbers of the panels are, and how many scalars have none. */
export function drawsNote({ shown, leftOut }: ShownDraws): Html {
  const note =
    leftOut === 0
      ? null
      : `Shown are ${shown.length} scalars: the ${SLOWEST} with the largest R-hat and the first of the others; ${plural(leftOut, 'scalar')} left out. `;
  return markup`<p class="small soft">${note}Every draw is in ${fileLink(FILES.draws)}, every summary in ${fileLink(FILES.everything)}.</p>`;
}
