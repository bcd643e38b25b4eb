// Template tag that escapes every value, so that no text of the user can become markup.

/** Markup that is known to be safe. */
export interface Html {
  readonly html: string;
}

type HtmlValue = string | number | Html | null | undefined | readonly HtmlValue[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text with the five characters that mean something in HTML replaced by entities. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character]);
}

/** Marks a string as markup; for strings made by this program only. */
export function raw(text: string): Html {
  return { html: text };
}

function toMarkup(value: HtmlValue): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'string') return escapeHtml(value);
  if (typeof value === 'number') return String(value);
  if ('html' in value) return value.html;
  return value.map(toMarkup).join('');
}

/** Markup from a template; strings are escaped, `Html` is inserted as it is, arrays are joined, null is nothing. */
export function markup(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return raw(strings.reduce((text, part, index) => text + toMarkup(values[index - 1]) + part));
}

/** A formula: everything escaped except bare `<sub> <sup> <i> <b>` and their closing tags. */
export function formulaHtml(formula: string): Html {
  return raw(escapeHtml(formula).replace(/&lt;(\/?(?:sub|sup|i|b))&gt;/g, '<$1>'));
}
