// The summary table: as many digits as the Monte-Carlo error supports, figures outside their limits marked.
import { flagsOf } from '../flags.js';
import { formatCount, formatFixed, formatRhat, formatSignificant, supportedDecimals } from '../format.js';
import { markup } from '../html.js';
import type { Html } from '../html.js';
import { table } from '../table.js';
import type { Cell, Column } from '../table.js';
import type { ReportParameter, ReportLimits } from '../reportInput.js';

const COLUMNS: readonly Column[] = [
  { title: 'parameter', text: true },
  { title: 'mean' },
  { title: 'sd' },
  { title: 'MCSE' },
  { title: '5 %' },
  { title: 'median' },
  { title: '95 %' },
  { title: 'bulk ESS' },
  { title: 'tail ESS' },
  { title: 'R-hat' },
];

function row(parameter: ReportParameter, limits: ReportLimits): (Cell | string)[] {
  const decimals = supportedDecimals(parameter.mcseMean, parameter.sd);
  const flags = flagsOf(parameter, limits);
  const fixed = (value: number | null): Cell => ({ shown: formatFixed(value, decimals), value });
  return [
    { shown: markup`<span class="name">${parameter.name}</span>` },
    fixed(parameter.mean),
    { shown: formatSignificant(parameter.sd, 2), value: parameter.sd },
    { shown: formatSignificant(parameter.mcseMean, 2), value: parameter.mcseMean },
    fixed(parameter.q5),
    fixed(parameter.q50),
    fixed(parameter.q95),
    { shown: formatCount(parameter.essBulk), value: parameter.essBulk, flag: flags.essBulk },
    { shown: formatCount(parameter.essTail), value: parameter.essTail, flag: flags.essTail },
    { shown: formatRhat(parameter.rhat), value: parameter.rhat, flag: flags.rhat },
  ];
}

export function parameterTable(parameters: readonly ReportParameter[], limits: ReportLimits, caption: string): Html {
  const rows = parameters.map((parameter) => row(parameter, limits));
  return table(COLUMNS, rows, { sortable: true, wide: true, caption });
}
