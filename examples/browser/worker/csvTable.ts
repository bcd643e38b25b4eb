// From a CSV file to the table that a model reads: numbers and labels checked, every fault with column, row, line and value.
import type { CsvHeader } from '../../../src/data/csvHeader.js';
import { InputError } from '../../../src/data/inputError.js';
import { suggestion } from '../../../src/data/nearestName.js';
import type { ColumnRequest } from '../../../src/data/readTable.js';
import { type Column, factorColumn, type Table, tableOf } from '../../../src/data/table.js';
import { csvRecords } from './csvText.js';

/** Texts that stand for a missing value, as for `hierax fit`. */
export const isMissing = (text: string): boolean => text === '' || text === 'NA' || text === 'NULL';

const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const notFinite = /^[+-]?(nan|inf(inity)?)$/i;

/** The number that a text is; undefined when it is none. */
export function numberOf(text: string): number | undefined {
  const trimmed = text.trim();
  if (decimal.test(trimmed)) return Number(trimmed);
  return notFinite.test(trimmed) ? NaN : undefined;
}

/**
 * Reads the columns of a request. Throws InputError (one line: file, column, row, line, value, what would be right) when the
 * file has no rows, lacks a column, misses values, or holds text among numbers or numbers that are not finite.
 */
export async function readCsv(
  file: File,
  header: CsvHeader,
  requests: readonly ColumnRequest[],
  onProgress: (share: number) => void = () => undefined,
): Promise<Table> {
  for (const { name } of requests) {
    if (header.names.includes(name)) continue;
    const hint = suggestion(name, header.names, 'its columns');
    throw new InputError(`${file.name}: has no column '${name}'; ${hint}`, { file: file.name, column: name });
  }
  const readers = requests.map(({ name, kind }) => {
    const reader = kind === 'number' ? new NumberReader(name, file.name) : new LabelReader(name, file.name);
    return { reader, place: header.names.indexOf(name) };
  });
  let row = 0;
  for await (const { rows, lines, bytesRead } of csvRecords(file, header)) {
    for (const [i, fields] of rows.entries()) {
      row++;
      for (const { reader, place } of readers) reader.take(fields[place], row, lines[i]);
    }
    onProgress(bytesRead / file.size);
  }
  if (row === 0)
    throw new InputError(`${file.name}: has a header but no rows; a model needs data`, { file: file.name });
  return tableOf(
    file.name,
    readers.map(({ reader }) => reader.finish()),
  );
}

/** A cell at fault: the first of its kind, and how many there are. */
interface Fault {
  readonly row: number;
  readonly line: number;
  readonly text: string;
  count: number;
}

function note(known: Fault | undefined, row: number, line: number, text: string): Fault {
  if (known === undefined) return { row, line, text, count: 1 };
  known.count++;
  return known;
}

function faultError(file: string, column: string, { row, line, text }: Fault, what: string): InputError {
  const message = `${file}: column '${column}', row ${row} (line ${line}): ${what}`;
  return new InputError(message, { file, line, column, row, value: text });
}

function missingError(file: string, column: string, fault: Fault): InputError {
  const held = fault.count === 1 ? '1 missing value' : `${fault.count} missing values, this is the first`;
  return faultError(file, column, fault, `${held}; fill them in, or leave these rows out of the file`);
}

/** Labels by row, coded as they come. */
class LabelReader {
  private readonly codeOf = new Map<string, number>();
  private readonly codes = new Growing(Int32Array);
  private missing: Fault | undefined;

  constructor(
    private readonly name: string,
    private readonly file: string,
  ) {}

  take(text: string, row: number, line: number): void {
    if (isMissing(text)) {
      this.missing = note(this.missing, row, line, text);
      return;
    }
    let code = this.codeOf.get(text);
    if (code === undefined) {
      code = this.codeOf.size;
      this.codeOf.set(text, code);
    }
    this.codes.push(code);
  }

  finish(): Column {
    if (this.missing !== undefined) throw missingError(this.file, this.name, this.missing);
    return factorColumn(this.name, this.codes.values(), [...this.codeOf.keys()]);
  }
}

/** Numbers by row. A column of text alone comes back as labels, for the model's own checks to speak about. */
class NumberReader {
  private readonly numbers = new Growing(Float64Array);
  /** Kept until the first number. */
  private labels: LabelReader | undefined;
  private text: Fault | undefined;
  private infinite: Fault | undefined;
  private missing: Fault | undefined;

  constructor(
    private readonly name: string,
    private readonly file: string,
  ) {
    this.labels = new LabelReader(name, file);
  }

  take(text: string, row: number, line: number): void {
    if (isMissing(text)) {
      this.missing = note(this.missing, row, line, text);
      return;
    }
    const value = numberOf(text);
    if (value === undefined) {
      this.text = note(this.text, row, line, text);
      this.labels?.take(text, row, line);
      return;
    }
    this.labels = undefined;
    if (!Number.isFinite(value)) this.infinite = note(this.infinite, row, line, text);
    this.numbers.push(value);
  }

  finish(): Column {
    const { name, file, labels, text, infinite, missing } = this;
    if (text !== undefined && labels === undefined) {
      const what = `'${text.text}' is not a number; write a number, or nothing where it is missing`;
      throw faultError(file, name, text, what);
    }
    if (infinite !== undefined) {
      const more = infinite.count > 1 ? ` (${infinite.count} such values in this column)` : '';
      const what = `${infinite.text} is not a finite number${more}; mend or leave out these rows`;
      throw faultError(file, name, infinite, what);
    }
    if (missing !== undefined) throw missingError(file, name, missing);
    if (labels !== undefined) return labels.finish();
    return { kind: 'number', name, values: this.numbers.values() };
  }
}

/** A typed array that grows by doubling. */
class Growing<T extends Float64Array | Int32Array> {
  private array: T;
  private length = 0;

  constructor(private readonly type: new (length: number) => T) {
    this.array = new type(1024);
  }

  push(value: number): void {
    if (this.length === this.array.length) {
      const larger = new this.type(2 * this.length);
      larger.set(this.array);
      this.array = larger;
    }
    this.array[this.length++] = value;
  }

  values(): T {
    return this.array.slice(0, this.length) as T;
  }
}
