// What the page shows of a file before a fit: its columns, a few cells of each, and whether they are numbers.
import type { CsvHeader } from '../../../src/data/csvHeader.js';
import { InputError } from '../../../src/data/inputError.js';
import type { ColumnPreview } from '../roles.js';
import { isMissing, numberOf } from './csvTable.js';
import { csvRecords } from './csvText.js';

/** Rows that are looked at, and cells that are shown. */
const looked = 200;
const shown = 3;

/** Throws InputError when there is no row, or one of the first rows does not fit the header. */
export async function previewColumns(file: File, header: CsvHeader): Promise<ColumnPreview[]> {
  const rows: (readonly string[])[] = [];
  for await (const records of csvRecords(file, header)) {
    rows.push(...records.rows);
    if (rows.length >= looked) break;
  }
  if (rows.length === 0)
    throw new InputError(`${file.name}: has a header but no rows; a model needs data`, { file: file.name });
  return header.names.map((name, place) => {
    const cells = rows.slice(0, looked).flatMap((row) => (isMissing(row[place]) ? [] : [row[place]]));
    const numbers = cells.filter((cell) => numberOf(cell) !== undefined).length;
    return {
      name,
      kind: numbers > cells.length / 2 ? 'numbers' : 'text',
      examples: [...new Set(cells)].slice(0, shown),
    };
  });
}
