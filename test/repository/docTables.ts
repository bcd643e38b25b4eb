// Tables of the documentation, for the tests that hold them to the program.
import { expect } from 'vitest';

/** Cells of the tables under a heading, as it is written, up to the next heading; header rows are left out. */
export function rowsUnder(markdown: string, heading: string): string[][] {
  const lines = markdown.split('\n');
  const start = lines.indexOf(heading) + 1;
  expect(start, heading).toBeGreaterThan(0);
  const length = lines.slice(start).findIndex((line) => line.startsWith('#'));
  return lines
    .slice(start, length < 0 ? undefined : start + length)
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

/** What stands between backticks, where all of a cell does. */
export const code = (cell: string): string => /^`([^`]*)`$/.exec(cell)?.[1] ?? cell;
