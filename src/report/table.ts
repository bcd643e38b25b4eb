// Tables: names left, numbers right, values outside their limits marked, sortable where asked.
import type { Flag } from './flags.js';
import { markup } from './html.js';
import type { Html } from './html.js';
import { flagMark } from './parts.js';

export interface Column {
  readonly title: string | Html;
  readonly text?: boolean;
}

export interface Cell {
  readonly shown: string | Html;
  /** Value to sort by. */
  readonly value?: number | null;
  /** Marks a value outside its limits. */
  readonly flag?: Flag | null;
}

function cellHtml(cell: Cell | string, column: Column, first: boolean): Html {
  const { shown, value, flag }: Cell = typeof cell === 'string' ? { shown: cell } : cell;
  const sortKey = value === undefined ? null : markup` data-value="${Number.isFinite(value) ? value : ''}"`;
  const kind = column.text ? markup` class="text"` : null;
  const mark = flag ? flagMark(flag) : null;
  return first
    ? markup`<th scope="row"${kind}${sortKey}>${shown}</th>`
    : markup`<td${kind}${sortKey}>${mark}${shown}</td>`;
}

/** Columns of numbers after a first column of names. */
export function namesAndNumbers(titles: readonly string[]): Column[] {
  return titles.map((title, index) => ({ title, text: index === 0 }));
}

/** Rows below which a table is kept on one sheet of paper. */
const SHORT = 30;

export interface TableOptions {
  readonly sortable?: boolean;
  readonly wide?: boolean;
  readonly caption?: string;
}

/** A table whose first column names the rows; it scrolls in its own box when it is wider than the page. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly (Cell | string)[])[],
  options: TableOptions = {},
): Html {
  const heads = columns.map(
    ({ title, text }) => markup`<th scope="col"${text ? markup` class="text"` : null}>${title}</th>`,
  );
  const body = rows.map(
    (row) => markup`<tr>${row.map((cell, index) => cellHtml(cell, columns[index], index === 0))}</tr>\n`,
  );
  const kind = options.wide ? markup` class="wide"` : null;
  return markup`<div class="scroll${rows.length < SHORT ? ' short' : ''}" tabindex="0" role="region" aria-label="${options.caption ?? 'table'}">
<table${kind}${options.sortable ? markup` data-sortable` : null}>
${options.caption ? markup`<caption>${options.caption}</caption>` : null}<thead><tr>${heads}</tr></thead>
<tbody>
${body}</tbody></table></div>`;
}
