// The records of a CSV file, read piece by piece, with the line that each begins on.
import Papa from 'papaparse';
import { type CsvHeader, parseCsvHeader } from '../../../src/data/csvHeader.js';
import { InputError } from '../../../src/data/inputError.js';

/** Beginning of a file from which its header is read. */
const headBytes = 1 << 16;

/** A record longer than this is a quote that nobody closed. */
const mostRecordLength = 1 << 24;

/** Rows of the file that came together. */
export interface CsvRecords {
  /** One array of texts per row, as long as the header. */
  readonly rows: readonly (readonly string[])[];
  /** Line of each row, from 1; the header's is 1. */
  readonly lines: Int32Array;
  /** Bytes of the file that have been read. */
  readonly bytesRead: number;
}

/** Names of the columns. Throws InputError when the file is empty, is no text or names a column twice. */
export async function csvHeaderOf(file: File): Promise<CsvHeader> {
  return parseCsvHeader(await file.slice(0, headBytes).text(), file.name);
}

/**
 * All rows of a file in order. Empty lines are no rows when there is more than one column.
 * Throws InputError for a row that is shorter or longer than the header, and for quotes that do not close.
 */
export async function* csvRecords(file: File, { delimiter, names }: CsvHeader): AsyncGenerator<CsvRecords> {
  const parser = new Papa.Parser({ delimiter, newline: (await usesLineFeeds(file)) ? '\n' : '\r' });
  const decoder = new TextDecoder();
  const reader = file.stream().getReader();
  const lineBreaks = new LineCounter();
  let rest = '';
  let bytesRead = 0;
  let isHeader = true;
  for (let isLast = false; !isLast;) {
    const { done, value } = await reader.read();
    isLast = done;
    bytesRead += value?.byteLength ?? 0;
    rest += isLast ? decoder.decode() : decoder.decode(value, { stream: true });
    const { data, errors, meta } = parser.parse(rest, 0, !isLast) as Papa.ParseResult<string[]>;
    rest = isLast ? '' : rest.slice(meta.cursor);
    if (rest.length > mostRecordLength) throw quoteFault(file, lineBreaks.line);
    const rows: string[][] = [];
    const lines: number[] = [];
    for (const [index, fields] of data.entries()) {
      const line = lineBreaks.line;
      lineBreaks.pass(fields);
      const fault = errors.find(({ row }) => row === index);
      if (fault !== undefined) throw quoteFault(file, line);
      if (fields.length === 1 && fields[0].trim() === '' && (names.length > 1 || (isLast && index === data.length - 1)))
        continue;
      if (isHeader) {
        isHeader = false;
        continue;
      }
      if (fields.length !== names.length) {
        const held = `${fields.length} ${fields.length === 1 ? 'column' : 'columns'}`;
        throw lineFault(file, line, `has ${held}; the header has ${names.length}`);
      }
      fields[fields.length - 1] = fields[fields.length - 1].replace(/\r$/, '');
      rows.push(fields);
      lines.push(line);
    }
    yield { rows, lines: Int32Array.from(lines), bytesRead };
  }
}

/** Counts lines by the line breaks inside fields and one after each record. */
class LineCounter {
  line = 1;

  pass(fields: readonly string[]): void {
    this.line++;
    for (const field of fields) {
      for (let at = field.indexOf('\n'); at >= 0; at = field.indexOf('\n', at + 1)) this.line++;
    }
  }
}

async function usesLineFeeds(file: File): Promise<boolean> {
  const head = await file.slice(0, headBytes).text();
  return head.includes('\n') || !head.includes('\r');
}

function lineFault({ name }: File, line: number, what: string): InputError {
  return new InputError(`${name}: line ${line} ${what}`, { file: name, line });
}

const quoteFault = (file: File, line: number): InputError =>
  lineFault(file, line, 'has a quote that does not close, or text after one');
