// The regression before rows that it was not fitted to: columns on the fit's scale, categories by their labels.
import type { Tensor } from '@tensorflow/tfjs-core';
import { factorOf } from '../../data/grouping.js';
import { applyStandardisation, numbersOf } from '../../data/predictors.js';
import type { Table } from '../../data/table.js';
import { onHeldOutRows } from '../linearHierarchy/heldOutRows.js';
import type { FixedBlock } from '../linearHierarchy/structure.js';
import type { Tensors } from '../model.js';
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
    const place = new Map(levels.map((level, index) => [level, index]));
    const levelOfRow = Int32Array.from(own.codes, (code) => place.get(own.levels[code]) ?? -1);
    const unseen = levelOfRow.filter((level) => level < 0).length;
    if (unseen > 0) notes.push(`${unseen} held-out rows have levels of ${name} that the fit did not see: effect 0.`);
    return { levels: levels.length, levelOfRow, multiplier: undefined };
  });
  // The model works with the response about its mean.
  const centred = y.map((value) => value - data.response.mean);
  const rows = onHeldOutRows(model.structure!, model, { y: centred, terms: [], fixed: { dense, categories } });
  const { predict, replicate } = rows;
  return {
    model: {
      ...model,
      ...rows,
      predict: (p, d) => predict!(p, d).add(data.response.mean),
      ...(typeof replicate === 'function' && {
        replicate: (p: Tensors, d: Tensors, noise: Tensor) => replicate(p, d, noise).add(data.response.mean),
      }),
      observed: { name: data.responseName, values: y },
    },
    notes,
  };
}
