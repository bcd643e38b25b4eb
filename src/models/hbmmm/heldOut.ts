// The HBMMM before rows that it was not fitted to: consumers and markets by their names, columns on the fit's scales.
import { countResponse } from '../../data/countResponse.js';
import { numbersOf } from '../../data/predictors.js';
import type { Table } from '../../data/table.js';
import type { ThreeLevelColumns, ThreeLevelData } from '../../data/threeLevelData.js';
import { type NewGroups, onHeldOutRows } from '../linearHierarchy/heldOutRows.js';
import type { HeldOutModel, ObservedModel } from '../modelEntry.js';
import { placeRows } from '../threeLevel/placeRows.js';
import type { HbmmmDesign } from './design.js';

export function hbmmmOnRows(
  data: ThreeLevelData,
  design: HbmmmDesign,
  model: ObservedModel,
  table: Table,
  columns: ThreeLevelColumns,
): HeldOutModel {
  const y = numbersOf(table, columns.response, 'response');
  const { unit, newUnits, marketOfNew, newMarkets, notes } = placeRows(data, table, columns, 'consumer');
  const scaled = ({ names, scales }: HbmmmDesign['channels'], means?: readonly number[]): Float64Array[] =>
    names.map((name, i) => numbersOf(table, name, 'model').map((value) => (value - (means?.[i] ?? 0)) / scales[i]));
  const traits = scaled(design.traits, design.traitMeans);
  const ofTraits = Float64Array.from(newUnits.flatMap((row) => [1, ...traits.map((values) => values[row])]));
  const { levels } = model.structure!.terms[0];
  const own = levels.filter(({ coefficients }) => coefficients.startsWith('consumer_')).length;
  const added = levels.map(({ groups }, l): NewGroups => {
    const count = l < own ? newUnits.length : newMarkets.length;
    // Levels of the same groups pass every mean on, group by group.
    const same = Int32Array.from({ length: count }, (_, g) => groups + g);
    const ones = new Float64Array(count).fill(1);
    if (l === own - 1) return { groups: count, parent: marketOfNew, covariates: ofTraits };
    return { groups: count, parent: l === levels.length - 1 ? null : same, covariates: ones };
  });
  const counts = countResponse(table, columns);
  const ones = new Float64Array(y.length).fill(1);
  const rows = onHeldOutRows(model.structure!, model, {
    y,
    terms: [
      { columns: [ones, ...scaled(design.channels), ...scaled(design.controls)], group: unit, added, ownLevels: own },
    ],
    ...(counts?.trials && { trials: counts.trials }),
    ...(counts?.logExposure && { logExposure: counts.logExposure }),
  });
  return { model: { ...model, ...rows, observed: { name: data.responseName, values: y } }, notes };
}
