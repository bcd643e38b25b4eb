// The frame of every page: contents, style, script and sections in one file that fetches nothing.
import type { Html } from './html.js';
import { markup, raw } from './html.js';
import type { Section } from './parts.js';
import { sectionHtml } from './parts.js';
import { SCRIPT } from './script.js';
import { STYLE } from './style.js';

/** The browser itself refuses every request of the page, whatever text ends up in it. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

export interface Page {
  readonly title: string;
  /** What the page says, in a sentence. */
  readonly lede: Html | string;
  /** What stands before the sections. */
  readonly overview?: Html;
  readonly sections: readonly Section[];
}

/** The page as one HTML document. All text is escaped. */
export function renderPage({ title, lede, overview, sections }: Page): string {
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<title>${title}</title>
<style>${raw(STYLE)}</style>
</head>
<body>
<div class="page">
<nav class="toc" aria-label="Contents"><ol>${sections.map(({ id, title }) => markup`<li><a href="#${id}">${title}</a></li>`)}</ol></nav>
<main>
<h1>${title}</h1>
<p class="lede">${lede}</p>
${overview ?? null}
${sections.map(sectionHtml)}
</main>
</div>
<script>${raw(SCRIPT)}</script>
</body>
</html>
`.html;
}
