// What the model was fitted to: source, sizes, columns with their ranges and how they were standardised.
import { formatCount, formatShort } from '../format.js';
import { markup } from '../html.js';
import type { Html } from '../html.js';
import { FILES, fileLink } from '../parts.js';
import type { Section } from '../parts.js';
import { table } from '../table.js';
import type { Cell } from '../table.js';
import type { ReportData, ReportInput } from '../reportInput.js';

type Column = ReportData['columns'][number];

function sizes({ source, rows, sizes: levels, rowsPerGroup }: ReportData): Html {
  const facts: (readonly [string, string])[] = [
    ['source', source],
    ['rows', formatCount(rows)],
    ...levels.map(({ name, count }) => [`${name}s`, formatCount(count)] as const),
  ];
  if (rowsPerGroup !== null) {
    const { group, min, q25, median, q75, max } = rowsPerGroup;
    facts.push([
      `rows per ${group}`,
      `median ${formatCount(median)}, half of the ${group}s between ${formatCount(q25)} and ${formatCount(q75)}, ` +
        `from ${formatCount(min)} to ${formatCount(max)}`,
    ]);
  }
  return markup`<dl class="facts">${facts.map(([name, value]) => markup`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;
}

function columnRow(column: Column): (Cell | string)[] {
  const figures = [column.mean, column.sd, column.min, column.max];
  return [
    { shown: markup`<span class="name">${column.name}</span>` },
    column.role,
    ...figures.map((value) => ({ shown: formatShort(value), value })),
    column.standardised,
  ];
}

/** Every step with the rows before and after it. */
function preparation({ tables, steps }: NonNullable<ReportData['preparation']>): Html {
  const columns = ['step', 'table', 'rows in', 'rows out', 'what was changed'].map((title) => ({
    title,
    text: !title.startsWith('rows'),
  }));
  const loaded = tables.map(({ name, source, rows, columns: width }) => [
    'read',
    name,
    '',
    { shown: formatCount(rows), value: rows },
    `${formatCount(width)} columns of ${source}`,
  ]);
  const taken = steps.map(({ step, name, table: of, rowsIn, rowsOut, changes }) => [
    step === 0 ? name : `${step} ${name}`,
    of,
    { shown: formatCount(rowsIn), value: rowsIn },
    { shown: formatCount(rowsOut), value: rowsOut },
    changes.join('; '),
  ]);
  return markup`${table(columns, [...loaded, ...taken], { wide: true, caption: 'How the rows were made' })}
<p class="small soft below">The same as data: ${fileLink(FILES.dataReport)}.</p>`;
}

export function dataSection({ data }: ReportInput): Section {
  const columns = ['column', 'role', 'mean', 'sd', 'min', 'max', 'standardised'].map((title) => ({
    title,
    text: ['column', 'role', 'standardised'].includes(title),
  }));
  return {
    id: 'data',
    title: 'Data',
    body: markup`${sizes(data)}
${data.preparation === undefined ? null : preparation(data.preparation)}
${table(columns, data.columns.map(columnRow), { sortable: true, wide: true, caption: 'Columns, before standardisation' })}
${data.notes.length > 0 ? markup`<ul>${data.notes.map((note) => markup`<li>${note}</li>`)}</ul>` : null}`,
  };
}
