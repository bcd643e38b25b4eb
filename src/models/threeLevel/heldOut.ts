// The three-level model before rows that it was not fitted to: units and markets by their names, predictors on the fit's scale.
import { countResponse } from '../../data/countResponse.js';
import { groupRows } from '../../data/grouping.js';
import { applyStandardisation, numbersOf, type Predictor } from '../../data/predictors.js';
import type { Table } from '../../data/table.js';
import type { ThreeLevelColumns, ThreeLevelData } from '../../data/threeLevelData.js';
import { type NewGroups, onHeldOutRows } from '../linearHierarchy/heldOutRows.js';
import type { HeldOutModel, ObservedModel } from '../modelEntry.js';

export function threeLevelOnRows(
  data: ThreeLevelData,
  model: ObservedModel,
  table: Table,
  section: ThreeLevelColumns,
): HeldOutModel {
  const y = numbersOf(table, section.response, 'response');
  const grouping = groupRows(table, section);
  const place = (names: readonly string[], known: readonly string[]): { of: Int32Array; added: number[] } => {
    const index = new Map(known.map((name, i) => [name, i]));
    const added: number[] = [];
    const of = Int32Array.from(names, (name, i) => index.get(name) ?? known.length + added.push(i) - 1);
    return { of, added };
  };
  const units = place(grouping.names, data.units.names);
  const unitOfRow = new Int32Array(table.rows);
  for (const [at, row] of grouping.originalRow.entries()) unitOfRow[row] = grouping.unitOfRow[at];
  const firstRow = grouping.rowStart.map((start) => grouping.originalRow[start]);
  const covariates = (predictors: readonly Predictor[], role: string, rows: readonly number[]): Float64Array => {
    const columns = predictors.map((own) => applyStandardisation(own, numbersOf(table, own.name, role)));
    return Float64Array.from(rows.flatMap((row) => [1, ...columns.map((values) => values[row])]));
  };
  const markets = data.markets && place(grouping.marketFactor!.levels, data.markets.names);
  const added: NewGroups[] = [
    {
      groups: units.added.length,
      parent: markets && Int32Array.from(units.added, (unit) => markets.of[grouping.market![unit]]),
      covariates: covariates(
        data.z,
        'model.z',
        units.added.map((unit) => firstRow[unit]),
      ),
    },
  ];
  if (markets) {
    const { codes } = grouping.marketFactor!;
    const rows = markets.added.map((market) => codes.indexOf(market));
    added.push({ groups: rows.length, parent: null, covariates: covariates(data.markets.w, 'model.w', rows) });
  }
  const group = unitOfRow.map((unit) => units.of[unit]);
  const counts = countResponse(table, section);
  const rows = onHeldOutRows(model.structure!, model, {
    y,
    terms: [
      {
        columns: [
          new Float64Array(y.length).fill(1),
          ...data.x.map((own) => applyStandardisation(own, numbersOf(table, own.name, 'model.x'))),
        ],
        group,
        added,
      },
    ],
    ...(counts?.trials && { trials: counts.trials }),
    ...(counts?.logExposure && { logExposure: counts.logExposure }),
  });
  return {
    model: { ...model, ...rows, observed: { name: data.responseName, values: y } },
    notes: notesOn(group, data, added),
  };
}

function notesOn(
  group: Int32Array,
  data: ThreeLevelData,
  [units, markets]: readonly (NewGroups | undefined)[],
): string[] {
  if (units === undefined || units.groups === 0) return [];
  const rows = group.filter((unit) => unit >= data.units.count).length;
  const among =
    markets === undefined || markets.groups === 0
      ? ''
      : `, ${markets.groups} of them in ${markets.groups === 1 ? 'a new market' : 'new markets'}`;
  return [
    `${rows} held-out rows belong to ${units.groups} units that the fit did not see${among}: predicted at the mean that their market and covariates give, with the spread of units about it where errors are normal.`,
  ];
}
