// The three-level model before rows that it was not fitted to: units and markets by their names, predictors on the fit's scale.
import { countResponse } from '../../data/countResponse.js';
import { applyStandardisation, numbersOf, type Predictor } from '../../data/predictors.js';
import type { Table } from '../../data/table.js';
import type { ThreeLevelColumns, ThreeLevelData } from '../../data/threeLevelData.js';
import { type NewGroups, onHeldOutRows } from '../linearHierarchy/heldOutRows.js';
import type { HeldOutModel, ObservedModel } from '../modelEntry.js';
import { placeRows } from './placeRows.js';

export function threeLevelOnRows(
  data: ThreeLevelData,
  model: ObservedModel,
  table: Table,
  section: ThreeLevelColumns,
): HeldOutModel {
  const y = numbersOf(table, section.response, 'response');
  const { unit, newUnits, marketOfNew, newMarkets, notes } = placeRows(data, table, section);
  const columnsOf = (predictors: readonly Predictor[], role: string): Float64Array[] =>
    predictors.map((own) => applyStandardisation(own, numbersOf(table, own.name, role)));
  const added = (rows: readonly number[], columns: readonly Float64Array[], parent: Int32Array | null): NewGroups => ({
    groups: rows.length,
    parent,
    covariates: Float64Array.from(rows.flatMap((row) => [1, ...columns.map((values) => values[row])])),
  });
  const levels = [added(newUnits, columnsOf(data.z, 'model.z'), marketOfNew)];
  if (data.markets !== null) levels.push(added(newMarkets, columnsOf(data.markets.w, 'model.w'), null));
  const columns = [new Float64Array(y.length).fill(1), ...columnsOf(data.x, 'model.x')];
  const counts = countResponse(table, section);
  const rows = onHeldOutRows(model.structure!, model, {
    y,
    terms: [{ columns, group: unit, added: levels }],
    ...(counts?.trials && { trials: counts.trials }),
    ...(counts?.logExposure && { logExposure: counts.logExposure }),
  });
  return { model: { ...model, ...rows, observed: { name: data.responseName, values: y } }, notes };
}
