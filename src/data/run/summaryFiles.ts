// The JSON files of a run: figures that are undefined become null, one parameter per line in summary.json.

/** One scalar of the posterior. NaN and undefined (a constant has no R̂) are written as null. */
export interface ScalarSummary {
  readonly name: string;
  readonly mean: number;
  readonly sd: number;
  /** Monte-Carlo standard error of the mean. */
  readonly mcseMean: number;
  readonly q5: number;
  readonly q50: number;
  readonly q95: number;
  readonly essBulk: number;
  readonly essTail: number;
  readonly rhat: number;
}

const FIGURES = ['mean', 'sd', 'mcseMean', 'q5', 'q50', 'q95', 'essBulk', 'essTail', 'rhat'] as const;

/** Text of `summary.json`: `{parameters: [{name, mean, sd, mcseMean, q5, q50, q95, essBulk, essTail, rhat}], …}`, and other records after them. */
export function formatSummary(
  parameters: Iterable<ScalarSummary>,
  more: Readonly<Record<string, unknown>> = {},
): string {
  const lines: string[] = [];
  for (const parameter of parameters) {
    const figures = FIGURES.map((figure) => [figure, parameter[figure]] as const);
    lines.push(toJson({ name: parameter.name, ...Object.fromEntries(figures) }));
  }
  const beside = Object.entries(more).map(([name, record]) => `,\n${JSON.stringify(name)}: ${toJson(record)}`);
  return `{"parameters": [\n${lines.join(',\n')}\n]${beside.join('')}}\n`;
}

/** The parameters of a parsed `summary.json`; null reads as NaN. */
export function parseSummary(summary: Readonly<Record<string, unknown>>): ScalarSummary[] {
  const parameters = summary['parameters'] as Record<string, string | number | null>[];
  return parameters.map((entry) => {
    const figures = FIGURES.map((figure) => [figure, entry[figure] ?? NaN]);
    return { name: entry['name'], ...Object.fromEntries(figures) } as ScalarSummary;
  });
}

/** JSON in which undefined and non-finite figures are null and typed arrays are arrays. */
export function toJson(value: unknown, indent?: number): string {
  const plain = (_key: string, item: unknown): unknown => {
    if (item === undefined) return null;
    if (item instanceof Float64Array || item instanceof Int32Array) return Array.from(item);
    return item;
  };
  return JSON.stringify(value, plain, indent);
}
