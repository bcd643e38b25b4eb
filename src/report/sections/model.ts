// The model in words and formulas, and every prior with where it came from.
import { formulaHtml, markup } from '../html.js';
import { FILES, fileLink, subheading } from '../parts.js';
import type { Section } from '../parts.js';
import { table } from '../table.js';
import type { ReportInput } from '../reportInput.js';

export function modelSection({ model }: ReportInput): Section {
  const formulas = model.formulas.map(
    ({ label, formula }) => markup`<dt>${label}</dt><dd>${formulaHtml(formula)}</dd>`,
  );
  const priors = model.priors.map(({ site, prior, source }) => [
    markup`<code>${site}</code>`,
    formulaHtml(prior),
    source === 'set' ? 'set in the configuration' : 'default',
  ]);
  return {
    id: 'model',
    title: 'Model and priors',
    body: markup`${model.words.map((sentence) => markup`<p>${sentence}</p>`)}
${formulas.length > 0 ? markup`<dl class="formula">${formulas}</dl>` : null}
${subheading('priors', 'Priors')}
${table(
  [
    { title: 'site', text: true },
    { title: 'prior', text: true },
    { title: 'source', text: true },
  ],
  priors.map(([site, prior, source]) => [{ shown: site }, { shown: prior }, { shown: source }]),
  { caption: 'Priors, on the scale of the data as the model sees them' },
)}
${model.notes.length > 0 ? markup`<ul>${model.notes.map((note) => markup`<li>${note}</li>`)}</ul>` : null}
<p class="small soft">The resolved configuration is in ${fileLink(FILES.run)}.</p>`,
  };
}
