// The part of CONFIG.yaml's data section that prepares rows: tables, steps and the rows held out, checked key by key.
import { z } from 'zod';
import { describeIssue } from '../configIssue.js';
import { nearestName } from '../nearestName.js';
import { count, text } from '../schemaParts.js';
import { steps as definitions } from './registry.js';
import type { Step } from './step.js';

type Context = z.RefinementCtx;

/** Steps of the rows that are fitted, or of a table; faults are told with the step's number and name. */
const steps = z
  .array(z.unknown())
  .transform((written, context): Step[] => written.map((item, index) => parseStep(item, index, context)));

function parseStep(written: unknown, index: number, context: Context): Step {
  const known = Object.keys(definitions);
  const fail = (what: string, path: readonly PropertyKey[] = []): never => {
    context.addIssue({ code: 'custom', message: what, path: [index, ...path], params: { isWhole: true } });
    return z.NEVER;
  };
  const place = `step ${index + 1}`;
  if (typeof written !== 'object' || written === null || Array.isArray(written))
    return fail(`${place} must be a key that names the step, with its value, like ${definitions.filter.example}`);
  const keys = Object.keys(written);
  const named = keys.filter((key) => known.includes(key));
  if (named.length === 0) {
    const near = keys.map((key) => [key, nearestName(key, known)] as const).find(([, name]) => name !== null);
    const hint = near === undefined ? `steps: ${known.join(', ')}` : `did you mean '${near[1]}'?`;
    return fail(
      `${place} has the unknown key '${near?.[0] ?? keys[0] ?? ''}'; ${hint}`,
      keys.length > 0 ? [near?.[0] ?? keys[0]] : [],
    );
  }
  if (named.length > 1)
    return fail(`${place} names ${named.length} steps, ${named.join(' and ')}; give each an item of its own`);
  const [name] = named;
  const { schema, example } = definitions[name];
  const checked = schema.safeParse(written);
  if (checked.success) return { name, settings: checked.data };
  // A misspelt key says more than the one that is missing for it.
  const { issues } = checked.error;
  const first = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0];
  const lacks = first.path.length === 1 && !Object.hasOwn(written, first.path[0]) && first.code !== 'custom';
  if (lacks) return fail(`${place} (${name}): ${String(first.path[0])} is missing; written like ${example}`);
  const issue = describeIssue(first, written, { '': Object.keys(schema.shape) });
  return fail(`${place} (${name}): ${issue.message}; written like ${example}`, issue.path);
}

const source = { file: text.optional(), query: text.optional(), database: text.optional(), table: text.optional() };

const table = z.union([
  text.transform((file) => ({ file })),
  z.strictObject({ ...source, from: text.optional(), steps: steps.optional() }),
]);

/** A table of `data.tables`: a source, or another table with steps of its own. */
export type TableSource = {
  readonly [key in keyof typeof source]?: string | undefined;
} & { readonly from?: string | undefined; readonly steps?: readonly Step[] | undefined };

const holdout = z
  .strictObject({
    /** Of all rows, drawn at random. */
    share: z.number().gt(0).lt(1).optional(),
    time: text.optional(),
    /** Of the times that occur. */
    last: count.optional(),
    after: z.union([text, z.number()]).optional(),
    unit: text.optional(),
    /** One row of every unit with at least so many. */
    atLeast: z.int().min(2).optional(),
  })
  .superRefine(({ share, time, last, after, unit, atLeast }, context) => {
    const report = (message: string) => context.addIssue({ code: 'custom', message });
    const ways = [share, last, after, unit].filter((value) => value !== undefined).length;
    if (ways !== 1) report(' needs one of share, last, after (both with time) and unit, like {share: 0.2}');
    else if ((last ?? after) !== undefined && time === undefined) report(' needs the column of time: add time: week');
    else if (share !== undefined && time !== undefined) report(' has share and time; with time name last or after');
    else if (atLeast !== undefined && unit === undefined) report(' has atLeast without unit; add unit: customer');
  });

export type Holdout = z.output<typeof holdout>;
export const holdoutKeys = Object.keys(holdout.shape);
export const tableKeys = [...Object.keys(source), 'from', 'steps'];

/** What `data:` may hold beside a single source. */
export const preparationKeys = {
  tables: z.record(text, table).optional(),
  from: text.optional(),
  steps: steps.optional(),
  holdout: holdout.optional(),
};

/** What is to be done to a source before a model sees it. */
export interface Preparation {
  readonly tables?: Readonly<Record<string, TableSource>> | undefined;
  /** The table whose rows are fitted; default: the first. */
  readonly from?: string | undefined;
  readonly steps?: readonly Step[] | undefined;
  readonly holdout?: Holdout | undefined;
}
