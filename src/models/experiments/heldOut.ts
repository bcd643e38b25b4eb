// Many experiments before rows that they were not fitted to: past treatments from the whole log, customers and levels by their names.
import { factorOf } from '../../data/grouping.js';
import { numbersOf } from '../../data/predictors.js';
import type { Table } from '../../data/table.js';
import { type HeldOutTerm, newLevelNotes, onHeldOutRows, placeLevels } from '../linearHierarchy/heldOutRows.js';
import type { HeldOutModel, ObservedModel } from '../modelEntry.js';
import type { ShrinkageOptions } from '../shrinkage.js';
import { attributesOfNew } from './campaignAttributes.js';
import type { EffectSet, ExperimentColumns, ExperimentsData } from './data.js';
import { campaignsOf, codingOf, layoutOf } from './layout.js';
import type { PoolingOptions } from './poolable.js';
import { logFeatures, setsOf, treatmentOf } from './logFeatures.js';

/**
 * Reads other rows. Columns are centred by the means of the fitted rows and cut where these were cut; treatments of fitted and of other rows alike
 * make up the history. A function of its own, so that the table lives no longer than what it returns.
 */
export function readerOfRows(
  fitted: Table,
  section: ExperimentColumns & Pick<ShrinkageOptions, 'shrinkage'> & PoolingOptions,
  data: ExperimentsData,
  model: ObservedModel,
): (table: Table) => HeldOutModel {
  return (table) => {
    const y = numbersOf(table, section.response, 'response');
    const [, features] = logFeatures(section, [fitted, table]);
    const centred = ({ name, mean }: { name: string; mean: number }, values: Float64Array) => ({
      name,
      mean,
      values: values.map((value) => value - mean),
    });
    const columns = (key: 'x' | 'moderators', names: readonly string[]) =>
      names.map((name, i) => centred(data[key][i], numbersOf(table, name, `model.${key}`)));
    const moderators = columns('moderators', section.moderators);
    if (features.share !== undefined) moderators.push(centred(data.moderators[moderators.length], features.share));
    const notes: string[] = [];
    const sets = setsOf(section, table, features).map((own, s): EffectSet => {
      const codes = placeLevels(own, data.sets[s].levels);
      if (data.sets[s].attributes === undefined) notes.push(...newLevelNotes(own.name, own, codes));
      return { ...data.sets[s], codes };
    });
    const w = treatmentOf(table, section.treatment).map((one) => 2 * one - 1);
    const rows = { ...data, rows: table.rows, w, x: columns('x', section.x), moderators, sets };
    const { own, dense, categories } = layoutOf(rows, codingOf(data, section));
    const terms: HeldOutTerm[] = [];
    if (data.customers !== null) {
      const { names } = data.customers;
      const customers = factorOf(table, section.customer!, 'model.customer');
      const { group, added } = placeGroups(placeLevels(customers, names), customers.codes, names.length);
      notes.push(...newGroupsNotes('customers', 'the mean of all customers', group, names.length, added.length));
      const covariates = new Float64Array(added.length).fill(1);
      terms.push({ columns: own, group, added: [{ groups: added.length, parent: null, covariates }] });
    }
    const campaigns = campaignsOf({ sets });
    if (campaigns !== undefined) {
      const { levels } = campaigns;
      const labels = factorOf(table, section.campaign!, 'model.campaign');
      const { group, added } = placeGroups(campaigns.codes, labels.codes, levels.length);
      const ofNew = { name: labels.name, levels: added.map((code) => labels.levels[code]) };
      const codes = group.map((own) => own - levels.length);
      const covariates = attributesOfNew(campaigns.attributes!, table, { ...ofNew, codes });
      notes.push(
        ...newGroupsNotes('campaigns', 'what their attributes give', group, levels.length, added.length),
        ...covariates.notes,
      );
      const columns = [w, new Float64Array(table.rows).fill(1)];
      terms.push({ columns, group, added: [{ groups: added.length, parent: null, covariates: covariates.values }] });
    }
    const fixed = { dense, categories };
    const held = onHeldOutRows(model.structure!, model, { y, responseMean: data.response.mean, terms, fixed });
    return { model: { ...model, ...held, observed: { name: data.responseName, values: y } }, notes };
  };
}

/** Group of each row, those that the fit did not see numbered after those that it saw; and the codes of these. */
function placeGroups(
  places: Int32Array,
  codes: Int32Array,
  known: number,
): { readonly group: Int32Array; readonly added: readonly number[] } {
  const numbers = new Map<number, number>();
  const group = places.map((place, row) => {
    if (place >= 0) return place;
    const own = numbers.get(codes[row]) ?? known + numbers.size;
    numbers.set(codes[row], own);
    return own;
  });
  return { group, added: [...numbers.keys()] };
}

function newGroupsNotes(word: string, mean: string, group: Int32Array, known: number, added: number): string[] {
  if (added === 0) return [];
  const rows = group.filter((own) => own >= known).length;
  return [
    `${rows} held-out rows belong to ${added} ${word} that the fit did not see: predicted at ${mean}, with the spread of ${word} about it.`,
  ];
}
