// Pieces shared by the sections: links to the files beside the report, headings, status marks, folded parts.
import type { Flag } from './flags.js';
import { markup, raw } from './html.js';
import type { Html } from './html.js';
import type { CheckStatus } from '../diagnostics/index.js';

/** Files that `hierax fit` writes beside the report. */
export const FILES = {
  summary: 'summary.json',
  everything: 'summary.parquet',
  diagnostics: 'diagnostics.json',
  run: 'run.json',
  draws: 'posterior.zarr',
  dataReport: 'data_report.json',
} as const;

export function fileLink(name: (typeof FILES)[keyof typeof FILES]): Html {
  return markup`<a href="${name}"><code>${name}</code></a>`;
}

export interface Section {
  readonly id: string;
  readonly title: string;
  readonly body: Html;
}

export function sectionHtml({ id, title, body }: Section): Html {
  return markup`<section aria-labelledby="${id}">
    <h2 id="${id}"><a href="#${id}">${title}</a></h2>
    ${body}
  </section>`;
}

export function subheading(id: string, title: string): Html {
  return markup`<h3 id="${id}"><a href="#${id}">${title}</a></h3>`;
}

const SHAPES: Readonly<Record<CheckStatus, string>> = {
  pass: '<circle cx="8" cy="8" r="7.5" fill="currentColor"/><path d="M4.4 8.3l2.5 2.5 4.7-5.2" fill="none" stroke="#fff" stroke-width="1.8"/>',
  review:
    '<path d="M8 .8L15.7 14.7H.3Z" fill="currentColor"/><path d="M8 5.4v4.6M8 11.4v1.7" stroke="#fff" stroke-width="1.8"/>',
  fail: '<path d="M.8 .8h14.4v14.4H.8Z" fill="currentColor"/><path d="M4.6 4.6l6.8 6.8M11.4 4.6l-6.8 6.8" stroke="#fff" stroke-width="1.8"/>',
};

/** Circle, triangle or square in the colour of the status; the word stands beside it. */
export function statusMark(status: CheckStatus): Html {
  return raw(`<svg class="mark ${status}" viewBox="0 0 16 16" aria-hidden="true">${SHAPES[status]}</svg>`);
}

/** Mark of a figure outside its limit, with the limit in words. */
export function flagMark({ status, words }: Flag): Html {
  return markup`<span title="${words}">${statusMark(status)}<span class="unseen">${words}</span></span>`;
}

/** A folded part, opened on paper. */
export function folded(summary: string, body: Html): Html {
  return markup`<details><summary>${summary}</summary>${body}</details>`;
}
