// Rows that a fit of units in markets did not see: which unit and market each belongs to, and which of these are new.
import { groupRows } from '../../data/grouping.js';
import type { Table } from '../../data/table.js';
import type { ThreeLevelColumns, ThreeLevelData } from '../../data/threeLevelData.js';

export interface PlacedRows {
  /** Unit of each row of the table: those of the fit by their place in it, new ones numbered after them. */
  readonly unit: Int32Array;
  /** A row of each new unit. */
  readonly newUnits: readonly number[];
  /** Market of each new unit, new markets numbered after those of the fit; null where there are none. */
  readonly marketOfNew: Int32Array | null;
  /** A row of each new market. */
  readonly newMarkets: readonly number[];
  readonly notes: readonly string[];
}

/** Throws InputError for labels that are missing, and units in two markets. @param unitWord what units are called in the note */
export function placeRows(
  data: ThreeLevelData,
  table: Table,
  columns: ThreeLevelColumns,
  unitWord = 'unit',
): PlacedRows {
  const grouping = groupRows(table, columns);
  const units = place(grouping.names, data.units.names);
  const unit = new Int32Array(table.rows);
  for (const [at, row] of grouping.originalRow.entries()) unit[row] = units.of[grouping.unitOfRow[at]];
  const { market, marketFactor } = grouping;
  const markets = data.markets === null ? undefined : place(marketFactor!.levels, data.markets.names);
  const rows = unit.filter((own) => own >= data.units.count).length;
  const among =
    markets === undefined || markets.added.length === 0
      ? ''
      : `, ${markets.added.length} of them in ${markets.added.length === 1 ? 'a new market' : 'new markets'}`;
  const note = `${rows} held-out rows belong to ${units.added.length} ${unitWord}s that the fit did not see${among}: predicted at the mean that their market and covariates give, with the spread of ${unitWord}s about it where errors are normal.`;
  return {
    unit,
    newUnits: units.added.map((own) => grouping.originalRow[grouping.rowStart[own]]),
    marketOfNew: markets === undefined ? null : Int32Array.from(units.added, (own) => markets.of[market![own]]),
    newMarkets: markets?.added.map((own) => marketFactor!.codes.indexOf(own)) ?? [],
    notes: units.added.length > 0 ? [note] : [],
  };
}

/** Places of names among those that are known, new ones after them; and which are new. */
function place(names: readonly string[], known: readonly string[]): { of: Int32Array; added: number[] } {
  const index = new Map(known.map((name, i) => [name, i]));
  const added: number[] = [];
  const of = Int32Array.from(names, (name, i) => index.get(name) ?? known.length + added.push(i) - 1);
  return { of, added };
}
