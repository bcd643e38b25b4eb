// Rows that a media-mix fit did not see, on the grid of all rows.
import { type MediaMixData, mediaMixOtherRows } from '../../data/mediaMixData.js';
import type { Table } from '../../data/table.js';
import type { HeldOutModel } from '../modelEntry.js';
import type { MediaMixModel } from './mediaMix.js';
import { columnsOf, type MediaMixSection } from './section.js';

/** @param known the fitted rows, and others whose media are known */
export function readerOfRows(
  known: readonly Table[],
  section: MediaMixSection,
  data: MediaMixData,
  model: MediaMixModel,
): (table: Table) => HeldOutModel {
  return (table) => {
    const other = mediaMixOtherRows(data, known, table, columnsOf(section));
    const weeks = other.weeks.names.length;
    const later = other.places.filter((place) => place % weeks >= data.weeks.names.length).length;
    const { timeVarying } = section;
    const varies = timeVarying.intercept !== undefined || timeVarying.effects !== undefined;
    const { names } = data.weeks;
    const note = `${later} held-out rows lie after ${names[names.length - 1]}, the last week of the fit: what varies in time goes on as its prior says, and where errors are normal what that leaves open is part of their spread.`;
    return { model: model.onRows(other), notes: later > 0 && varies ? [note] : [] };
  };
}
