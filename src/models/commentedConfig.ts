// Text of a configuration in which every line says what it means.

/** A line, and what it means; nothing to say: empty. */
export type CommentedLine = readonly [text: string, comment: string];

/** @param title of the whole, a sentence */
export function commentedConfig(title: string, lines: readonly CommentedLine[]): string {
  const width = Math.max(...lines.map(([text]) => text.length));
  const body = lines.map(([text, comment]) => (comment === '' ? text : `${text.padEnd(width)}  # ${comment}`));
  return [`# ${title}`, ...body, ''].join('\n');
}
