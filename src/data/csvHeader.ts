// The header of a CSV file: its names and its delimiter, from the beginning of the text.
import { InputError } from './inputError.js';

export interface CsvHeader {
  readonly delimiter: string;
  readonly names: readonly string[];
}

/**
 * The header: its names, and as delimiter that of comma, semicolon, tab and bar which occurs most in it outside quotes.
 * Both are fixed before reading, because a guess over all rows takes a file with one short row for a file of one column.
 * Throws InputError when there is no text, or a name occurs twice.
 */
export function parseCsvHeader(text: string, shown: string): CsvHeader {
  const head = text.replace(/^\uFEFF/, '');
  if (head.trim() === '')
    throw new InputError(`${shown}: is empty; a header line and rows are needed`, { file: shown });
  if (head.includes('\0'))
    throw new InputError(`${shown}: is no text file (it holds zero bytes); a CSV file in UTF-8 is needed`, {
      file: shown,
    });
  const header = head.split(/\r?\n|\r/, 1)[0];
  const bare = header.replace(/"[^"]*"/g, '');
  const counts = [',', ';', '\t', '|'].map((delimiter) => ({ delimiter, count: bare.split(delimiter).length - 1 }));
  counts.sort((a, b) => b.count - a.count);
  const { delimiter } = counts[0];
  const names = splitHeader(header, delimiter).map((name, index) => name || `column${index + 1}`);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) {
    throw new InputError(`${shown}: line 1 names the column '${twice}' twice; every column needs its own name`, {
      file: shown,
      line: 1,
      column: twice,
    });
  }
  return { delimiter, names };
}

function splitHeader(header: string, delimiter: string): string[] {
  const names: string[] = [];
  let quoted = false;
  let start = 0;
  for (let at = 0; at <= header.length; at++) {
    if (header[at] === '"') quoted = !quoted;
    if (at < header.length && (quoted || header[at] !== delimiter)) continue;
    names.push(
      header
        .slice(start, at)
        .trim()
        .replace(/^"(.*)"$/, '$1')
        .replaceAll('""', '"'),
    );
    start = at + 1;
  }
  return names;
}
