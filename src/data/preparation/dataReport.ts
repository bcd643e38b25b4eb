// The record of a preparation: what every table held, and what each step did to the rows and why.

export interface LoadedTable {
  readonly name: string;
  /** The file, database or query as the configuration has it. */
  readonly source: string;
  readonly rows: number;
  readonly columns: number;
}

export interface ReportedStep {
  /** Place among the steps, from 1; 0 for the split into training and held-out rows. */
  readonly step: number;
  readonly name: string;
  /** The table that the step belongs to: the rows that are fitted, or one that is made ready to be joined. */
  readonly table: string;
  readonly rowsIn: number;
  readonly rowsOut: number;
  /** What was changed and why, a sentence or more. */
  readonly changes: readonly string[];
}

export interface DataReport {
  readonly tables: readonly LoadedTable[];
  readonly steps: readonly ReportedStep[];
  readonly rows: number;
  /** Rows held out of the fit; null without a holdout. */
  readonly heldOut: number | null;
}

/** `12 rows`, `1 row`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** The preparation in a line, for the terminal. */
export function preparationLine({ tables, steps, rows, heldOut }: DataReport): string {
  const taken = steps.filter(({ step }) => step > 0).length;
  const from = tables.map((table) => `${table.source} (${counted(table.rows, 'row')})`).join(', ');
  const held = heldOut === null ? '' : `, ${heldOut} of them held out`;
  return `data: ${from}; ${counted(taken, 'step')}; ${counted(rows, 'row')}${held} (data_report.json)`;
}
