// What a step of data preparation is: keys of the configuration, an SQL statement over the rows, and a row of the data report.
import type { z } from 'zod';
import type { DataRandom } from './random.js';
import type { LoadedRows, Workspace } from './workspace.js';

/** What a step may look at beside the rows. */
export interface StepContext {
  /** The other tables by name. */
  readonly tables: ReadonlyMap<string, LoadedRows>;
  readonly random: DataRandom;
  /** Which completed data set is wanted, from 1. */
  readonly imputation: number;
  /** The model's response: what is held out of it must not help to fill in predictors. */
  readonly response?: string;
}

/**
 * A kind of step. `kind` says what it does to the rows: `regroups` changes what a row is, `rowwise` looks at one row or its past, and
 * `statistics` takes figures from all rows, which come from the training rows alone where some are held out.
 */
export interface StepDefinition<Settings = unknown> {
  readonly name: string;
  readonly kind: 'regroups' | 'rowwise' | 'statistics';
  readonly schema: z.ZodType<Settings> & { readonly shape: object };
  /** How one is written, for messages. */
  readonly example: string;
  /** Changes the rows and says what was changed. Throws InputError through `rows.fault`. */
  readonly run: (rows: Workspace, settings: Settings, context: StepContext) => Promise<string[]>;
}

/** Gives the settings of a definition the type of its schema. */
export function defineStep<Settings>(definition: StepDefinition<Settings>): StepDefinition {
  return definition as StepDefinition;
}

/** A step as the configuration has it. */
export interface Step {
  readonly name: string;
  readonly settings: unknown;
}
