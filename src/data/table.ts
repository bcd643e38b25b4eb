// A table in memory: typed columns, numbers or factors with their levels kept as coordinates.

/** Numbers by row; a missing number is NaN and keeps its row. */
interface NumberColumn {
  readonly kind: 'number';
  readonly name: string;
  readonly values: Float64Array;
}

/** Labels by row: `levels[codes[row]]`; a missing label has code −1. Levels are in natural order and all occur. */
export interface FactorColumn {
  readonly kind: 'factor';
  readonly name: string;
  readonly codes: Int32Array;
  readonly levels: readonly string[];
}

export type Column = NumberColumn | FactorColumn;

/** What a reader hands on. Row `r` of every column is data row `r + 1` of the source. */
export interface Table {
  /** The file, database or query as the user wrote it, for messages. */
  readonly source: string;
  readonly rows: number;
  readonly columns: ReadonlyMap<string, Column>;
}

const integerLike = /^[+-]?\d{1,15}$/;

/** Order of the levels: integers first and by value, then text by code unit (ISO dates so come in time order). */
export function sortLevels(labels: Iterable<string>): string[] {
  const integers: { label: string; value: number }[] = [];
  const texts: string[] = [];
  for (const label of labels) {
    if (integerLike.test(label)) integers.push({ label, value: Number(label) });
    else texts.push(label);
  }
  integers.sort((a, b) => a.value - b.value || (a.label < b.label ? -1 : 1));
  texts.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return [...integers.map((entry) => entry.label), ...texts];
}

/** A factor from codes in any order of labels: levels are sorted and the codes (−1 stays) renumbered in place. */
export function factorColumn(name: string, codes: Int32Array, labels: readonly string[]): FactorColumn {
  const levels = sortLevels(labels);
  const rank = new Map(levels.map((level, index) => [level, index]));
  const renumbered = Int32Array.from(labels, (label) => rank.get(label)!);
  for (let row = 0; row < codes.length; row++) if (codes[row] >= 0) codes[row] = renumbered[codes[row]];
  return { kind: 'factor', name, codes, levels };
}

/** A factor from one label per row (null: missing). */
export function factorFromLabels(name: string, labels: readonly (string | null)[]): FactorColumn {
  const codeOf = new Map<string, number>();
  const codes = Int32Array.from(labels, (label) => {
    if (label === null) return -1;
    const known = codeOf.get(label);
    if (known !== undefined) return known;
    codeOf.set(label, codeOf.size);
    return codeOf.size - 1;
  });
  return factorColumn(name, codes, [...codeOf.keys()]);
}

/** A table from columns of one length; used by simulators and by callers that hold their data already. */
export function tableOf(source: string, columns: readonly Column[]): Table {
  const lengths = columns.map((column) => (column.kind === 'number' ? column.values.length : column.codes.length));
  if (new Set(lengths).size > 1) {
    const listed = columns.map((column, index) => `${column.name} ${lengths[index]}`).join(', ');
    throw new RangeError(`columns of a table must have one length: ${listed}`);
  }
  return { source, rows: lengths[0] ?? 0, columns: new Map(columns.map((column) => [column.name, column])) };
}
