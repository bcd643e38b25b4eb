// The regression before rows that it was not fitted to: columns on the fit's scale, categories by their labels.
import { factorOf } from '../../data/grouping.js';
import { applyStandardisation, numbersOf } from '../../data/predictors.js';
import type { Table } from '../../data/table.js';
import { newLevelNotes, onHeldOutRows, placeLevels } from '../linearHierarchy/heldOutRows.js';
import type { FixedBlock } from '../linearHierarchy/structure.js';
import type { HeldOutModel, ObservedModel } from '../modelEntry.js';
import type { RegressionColumns, RegressionData } from './data.js';

export function regressionOnRows(
  data: RegressionData,
  model: ObservedModel,
  table: Table,
  section: RegressionColumns,
): HeldOutModel {
  const y = numbersOf(table, section.response, 'response');
  const dense = [
    new Float64Array(y.length).fill(1),
    ...data.x.map((predictor) => applyStandardisation(predictor, numbersOf(table, predictor.name, 'model.x'))),
  ];
  const notes: string[] = [];
  const categories: FixedBlock['categories'] = data.categories.map(({ name, levels }) => {
    const own = factorOf(table, name, 'model.categories');
    const levelOfRow = placeLevels(own, levels);
    notes.push(...newLevelNotes(name, own, levelOfRow));
    return { levels: levels.length, levelOfRow, multiplier: undefined };
  });
  const fixed = { dense, categories };
  const rows = onHeldOutRows(model.structure!, model, { y, responseMean: data.response.mean, terms: [], fixed });
  return { model: { ...model, ...rows, observed: { name: data.responseName, values: y } }, notes };
}
