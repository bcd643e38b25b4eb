// The page as a whole: sections, self-containment, accessible figures, escaping, size.
import { describe, expect, it } from 'vitest';
import { renderReport } from '../../src/report/index.js';
import type { ReportDraws, ReportInput, ReportParameter } from '../../src/report/reportInput.js';
import { exampleInput, forestOf } from './exampleInput.js';

const page = renderReport(exampleInput());

function matches(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map((match) => match[1]);
}

describe('structure', () => {
  it('has every section, in order, and a table of contents that leads to them', () => {
    const ids = matches(page, /<section aria-labelledby="([^"]+)"/g);
    expect(ids).toEqual(['checks', 'model', 'data', 'population', 'groups', 'predictive', 'mixing', 'energy', 'cost']);
    const contents = page.slice(page.indexOf('<nav'), page.indexOf('</nav>'));
    expect(matches(contents, /href="#([^"]+)"/g)).toEqual(ids);
    for (const target of matches(page, /href="#([^"]+)"/g)) expect(page).toContain(` id="${target}"`);
    expect(new Set(matches(page, / id="([^"]+)"/g)).size).toBe(matches(page, / id="([^"]+)"/g).length);
  });

  it('states subject, data, verdict and key figures before the first section', () => {
    const first = page.slice(page.indexOf('<main>'), page.indexOf('<section'));
    expect(first).toContain('<h1>Orange juice: log sales by store and brand</h1>');
    expect(first).toContain(
      '106,139 rows (913 units, 11 products, 83 markets), fitted by NUTS with 4 chains of 1,000 draws',
    );
    expect(first).toContain('Usable once you have looked at the points below');
    expect(first).toMatch(/<dt>divergences<\/dt><dd>0<\/dd>/);
    expect(first).toMatch(/<dt>peak memory<\/dt><dd>612 MB<\/dd>/);
  });

  it('leaves out sections that have nothing to show', () => {
    const bare = renderReport(
      exampleInput({ draws: [], forests: [], parameters: [], sampler: null, predictive: null, checks: [] }),
    );
    expect(matches(bare, /<section aria-labelledby="([^"]+)"/g)).toEqual([
      'checks',
      'model',
      'data',
      'population',
      'cost',
    ]);
    expect(bare).toContain('Not checked');
    expect(bare.slice(0, bare.indexOf('<script>'))).not.toMatch(/undefined|NaN|Infinity/);
  });

  it('is the same page for the same input', () => {
    expect(renderReport(exampleInput())).toBe(page);
  });
});

describe('self-containment', () => {
  it('refers to nothing but the files beside it', () => {
    expect(page).not.toMatch(/https?:|\/\/[a-z]/i);
    expect(page).not.toMatch(/<(?:link|img|iframe|object|embed|image|use)\b|@import|url\(|\bsrc=/);
    const files = new Set(matches(page, /href="([^#"][^"]*)"/g));
    expect([...files].sort()).toEqual([
      'diagnostics.json',
      'posterior.zarr',
      'run.json',
      'summary.json',
      'summary.parquet',
    ]);
    expect(page).toContain('default-src &#39;none&#39;');
  });
});

describe('figures', () => {
  const figures = matches(page, /<figure>([\s\S]*?)<\/figure>/g);

  it('are 17 densities, traces and rank plots, 3 forests, 1 scatter, 2 predictive, 1 energy', () => {
    expect(figures).toHaveLength(3 * 17 + 3 + 1 + 2 + 1);
  });

  it('are images with a name that says what they show', () => {
    for (const figure of figures) {
      expect(figure).toMatch(/<svg role="img" aria-label="[^"]{40,}"/);
      expect(figure).toMatch(/viewBox="0 0 \d+ \d+"/);
    }
    for (const svg of page.match(/<svg [^>]*>/g) ?? []) expect(svg).toMatch(/role="img" aria-label|aria-hidden="true"/);
    expect(page).toContain('Posterior density of delta[Intercept,price]: mean −2.33');
    expect(page).toContain('4 of 6 lie inside the 90 % interval');
  });

  it('draw finite coordinates only', () => {
    for (const path of matches(page, / d="([^"]*)"/g)) expect(path).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('tell chains apart by dash as well as by colour', () => {
    const density = figures.find((figure) => figure.includes('Posterior density of sigma:'))!;
    const lines = [...density.matchAll(/stroke="(#\w+)" stroke-width="1\.1"( stroke-dasharray="[^"]+")?/g)];
    expect(new Set(lines.map((match) => match[1])).size).toBe(4);
    expect(new Set(lines.map((match) => match[2] ?? '')).size).toBe(4);
  });

  it('survive draws that are constant or not finite', () => {
    const chains = [new Float64Array(50).fill(2), new Float64Array(50).fill(2)];
    const broken = [new Float64Array(50).fill(NaN), Float64Array.from({ length: 50 }, (_, index) => index)];
    const parameter = {
      ...exampleInput().parameters[0],
      mean: 2,
      sd: 0,
      mcseMean: null,
      q5: 2,
      q50: 2,
      q95: 2,
      rhat: null,
    };
    const draws: ReportDraws[] = [
      { name: 'constant', chains },
      { name: 'broken', chains: broken },
    ];
    const parameters = draws.map(({ name }): ReportParameter => ({ ...parameter, name, essBulk: NaN, essTail: null }));
    const html = renderReport(exampleInput({ draws, parameters }));
    for (const path of matches(html, / d="([^"]*)"/g)) expect(path).not.toMatch(/NaN|Infinity/);
    expect(html).toContain('No rank plot: some draws are not finite.');
    expect(html).not.toMatch(/>NaN</);
  });
});

describe('checks', () => {
  function verdictPage(statuses: ReportInput['checks'][number]['status'][]): string {
    const checks = statuses.map((status, index) => ({ name: `check ${index}`, status, detail: 'detail' }));
    return renderReport(exampleInput({ checks, draws: [], forests: [] }));
  }

  it('show each status by shape and word, the worst first', () => {
    const html = verdictPage(['pass', 'review', 'fail']);
    const rows = matches(html, /<li><span class="status (\w+)">/g);
    expect(rows).toEqual(['fail', 'review', 'pass']);
    const card = html.slice(
      html.indexOf('<ul class="checks">'),
      html.indexOf('</ul>', html.indexOf('<ul class="checks">')),
    );
    for (const word of ['Fail', 'Review', 'Pass']) expect(card).toContain(`</svg> ${word}</span>`);
    const shapes = matches(card, /<svg class="mark \w+"[^>]*>(<\w+ [^>]*>)/g);
    expect(new Set(shapes).size).toBe(3);
  });

  it('decide the verdict by the worst', () => {
    expect(verdictPage(['pass', 'pass'])).toContain('The posterior can be used');
    expect(verdictPage(['pass', 'review'])).toContain('Usable once you have looked');
    const failed = verdictPage(['fail', 'review', 'fail']);
    expect(failed).toContain('Do not rely on these results yet');
    expect(failed).toContain('2 checks failed: check 0, check 2.');
  });
});

describe('population table', () => {
  it('prints the digits that the Monte-Carlo error supports and marks figures outside the limits', () => {
    const slow: ReportParameter = {
      name: 'slow',
      class: 'population',
      mean: -2.32961,
      sd: 0.0384,
      mcseMean: 0.0021,
      q5: -2.39244,
      q50: -2.3301,
      q95: -2.26611,
      essBulk: 334,
      essTail: 512,
      rhat: 1.062,
    };
    const html = renderReport(exampleInput({ parameters: [slow], draws: [], forests: [] }));
    const row = html.slice(html.indexOf('<span class="name">slow</span>'));
    const cells = matches(row.slice(0, row.indexOf('</tr>')), /<td[^>]*>([\s\S]*?)<\/td>/g);
    expect(cells.slice(0, 6)).toEqual(['−2.33', '0.038', '0.0021', '−2.39', '−2.33', '−2.27']);
    expect(cells[6]).toMatch(/^<span title="not above 400"><svg class="mark review".*<\/span>334$/);
    expect(cells[7]).toBe('512');
    expect(cells[8]).toMatch(/^<span title="not below 1\.010"><svg class="mark fail".*<\/span>1\.062$/);
  });
});

describe('escaping', () => {
  it('turns text of the user into text, wherever it stands', () => {
    const evil = `<script>alert("1")</script>'&<img src=x onerror=alert(1)>`;
    const base = exampleInput();
    const parameters = base.parameters.map((parameter, index) =>
      index === 0 ? { ...parameter, name: evil } : parameter,
    );
    const draws = base.draws.map((entry, index) => (index === 0 ? { ...entry, name: evil } : entry));
    const forest = forestOf(evil, evil, 3, evil, 'evil');
    const html = renderReport({
      ...base,
      title: evil,
      run: { ...base.run, command: evil, device: evil, date: evil, versions: [{ name: evil, version: evil }] },
      model: {
        words: [evil],
        formulas: [{ label: evil, formula: `<i>y</i><sub onclick=alert(1)>i</sub>${evil}` }],
        priors: [{ site: evil, prior: evil, source: 'set' }],
        notes: [evil],
      },
      data: {
        ...base.data,
        source: evil,
        notes: [evil],
        columns: [{ ...base.data.columns[0], name: evil, role: evil, standardised: evil }],
      },
      checks: [{ name: evil, status: 'fail', detail: evil }],
      parameters,
      draws,
      forests: [forest, forestOf(evil, evil, 80, '<b>', 'evil')],
      predictive: {
        ...base.predictive!,
        response: evil,
        statistics: base.predictive!.statistics.map((row) => ({ ...row, name: evil })),
      },
    });
    expect(html.match(/<script/g)).toHaveLength(1);
    expect(html).not.toMatch(/<img|<b>|<sub on/);
    expect(html).toContain('<i>y</i>&lt;sub onclick=alert(1)&gt;i</sub>');
    expect(html).toContain('&lt;b&gt; 2</text>');
    expect(html).toContain(
      '<h1>&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;&lt;img src=x onerror=alert(1)&gt;</h1>',
    );
  });
});

describe('large input', () => {
  it('writes 5,000 groups and 120 population scalars in under 3 MB and 5 s', () => {
    const base = exampleInput();
    const many = Array.from({ length: 120 }, (_, index) => base.draws[index % base.draws.length]);
    const draws = many.map((entry, index) => ({ ...entry, name: `theta[${index}]` }));
    const population = draws.map(({ name }, index) => ({
      ...base.parameters[index % base.draws.length],
      name,
      rhat: index === 99 ? 1.2 : 1.001,
    }));
    const groups = Array.from({ length: 10_000 }, (_, index) => ({
      ...base.parameters[20],
      name: `beta[customer=${index}]`,
    }));
    const forests = ['price', 'deal'].map((name) =>
      forestOf(`Effect of ${name} by customer`, name, 5000, 'customer', name),
    );
    const start = process.cpuUsage();
    const html = renderReport({ ...base, draws, forests, parameters: [...population, ...groups] });
    // Processor time, as other tests share the machine.
    const { user, system } = process.cpuUsage(start);
    expect((user + system) / 1e6).toBeLessThan(5);
    expect(Buffer.byteLength(html)).toBeLessThan(3e6);
    expect(html).toContain('60 of 5,000 groups, at even steps of rank');
    expect(html).toContain('80 scalars left out');
    expect(html.match(/Trace of theta\[/g)).toHaveLength(40);
    expect(html).toContain('Trace of theta[99]');
    expect(html).not.toContain('Trace of theta[98]');
    expect(html).toContain('Effect of deal by customer: all groups');
  });
});
