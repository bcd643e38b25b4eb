// What a registered model tells the command line: its section of CONFIG.yaml, its data, what the report shows, how it is simulated.
import type { ModelSection, SectionRules } from '../data/configSchema.js';
import type { ColumnRequest } from '../data/readTable.js';
import type { Table } from '../data/table.js';
import type { DataSummary } from './dataSummary.js';
import type { Model, ModelDescription, Site } from './model.js';
import type { ModelSimulator } from './simulation.js';

/** A model of the registry: all that the commands know of it. `title` says in a few words what it is. */
export interface ModelEntry<Section extends ModelSection = ModelSection> extends SectionRules<Section> {
  readonly title: string;
  /** The columns to read. Throws InputError for columns in two roles. */
  columns(section: Section): ColumnRequest[];
  /**
   * Checks the table and declares the model. Throws InputError, beginning with the key where one is at fault (`model.priors.sigma: …`).
   * @param unfitted rows that lie among those of the table but are not fitted: what was done in them (treatments, media) is part of what other rows
   * come after. Nothing else of them counts, least of all their responses.
   */
  prepare(table: Table, section: Section, unfitted?: Table): PreparedModel;
  /** Undefined: there is nothing to simulate it with. */
  readonly simulator?: ModelSimulator;
}

/** A model bound to a table. */
export interface PreparedModel {
  readonly model: ObservedModel;
  /** The same model, with the same priors, for another response. */
  readonly rebuild: (y: Float64Array) => Model;
  /** All that the model sees of the data: two runs with the same saw the same numbers in the same order. */
  readonly data: unknown;
  readonly summary: DataSummary;
  /** What is legal but thin in the data. */
  readonly checks: readonly DataCheck[];
  /** How the report lays out a group site's coefficients; undefined: one forest per coefficient, without estimates of its own rows. */
  readonly forest?: (site: Site) => ForestLayout | undefined;
  /** Sites whose values are positive. */
  readonly positiveSites: readonly string[];
  /**
   * The fitted parameters before other rows of the same columns, to judge the fit by rows that it did not see. Throws InputError as `prepare`.
   */
  readonly onRows: (table: Table) => HeldOutModel;
}

/** A model whose parameters are those of a fit, and whose data are rows that the fit did not see. */
export interface HeldOutModel {
  /** Same parameters, in the same order; `predict`, `logLikelihood` and `replicate` are of the other rows. */
  readonly model: ObservedModel;
  /** What was done about groups, levels and weeks that the fit did not see; empty where there are none. */
  readonly notes: readonly string[];
}

/** A model of data that were observed, with a description for the report. */
export interface ObservedModel extends Model {
  readonly observed: { readonly name: string; readonly values: Float64Array };
  readonly description: ModelDescription;
}

export interface DataCheck {
  readonly name: string;
  readonly status: 'pass' | 'review';
  /** What was seen, and what to do. */
  readonly detail: string;
}

/** One forest for each of a group site's coefficients. */
export interface ForestLayout {
  readonly coefficients: readonly {
    readonly name: string;
    readonly title: string;
    /** Place of the coefficient among a group's scalars. */
    readonly place: number;
  }[];
  /** Estimate from a group's rows alone; null where they do not determine it. */
  readonly unpooled: (group: number, coefficient: number) => OwnEstimate | null;
}

export interface OwnEstimate {
  readonly estimate: number;
  readonly standardError: number;
}
