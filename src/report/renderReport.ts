// One self-contained HTML page of a fit: figures as SVG, style inline, nothing fetched, readable without its script.
import { markup, raw } from './html.js';
import { sectionHtml } from './parts.js';
import type { ReportInput } from './reportInput.js';
import { SCRIPT } from './script.js';
import { costSection } from './sections/cost.js';
import { dataSection } from './sections/data.js';
import { energySection } from './sections/energy.js';
import { groupsSection } from './sections/groups.js';
import { mixingSection } from './sections/mixing.js';
import { modelSection } from './sections/model.js';
import { populationSection } from './sections/population.js';
import { predictiveSection } from './sections/predictive.js';
import { checksSection, lede, overview } from './sections/summary.js';
import { STYLE } from './style.js';

/** The browser itself refuses every request of the page, whatever text ends up in it. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

/**
 * The report of a fit as one HTML document; reads and writes no files.
 * Links lead to the files `hierax fit` writes in the same folder. All text of the input is escaped.
 * Throws when draws are given for a name that has no row in `parameters`.
 */
export function renderReport(input: ReportInput): string {
  const sections = [
    checksSection(input),
    modelSection(input),
    dataSection(input),
    populationSection(input),
    groupsSection(input),
    predictiveSection(input),
    mixingSection(input),
    energySection(input),
    costSection(input),
  ].filter((section) => section !== null);
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<title>${input.title}</title>
<style>${raw(STYLE)}</style>
</head>
<body>
<div class="page">
<nav class="toc" aria-label="Contents"><ol>${sections.map(({ id, title }) => markup`<li><a href="#${id}">${title}</a></li>`)}</ol></nav>
<main>
<h1>${input.title}</h1>
<p class="lede">${lede(input)}</p>
${overview(input)}
${sections.map(sectionHtml)}
</main>
</div>
<script>${raw(SCRIPT)}</script>
</body>
</html>
`.html;
}
