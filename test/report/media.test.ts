// The media section: one table, chart and curve per channel, all from the rows of the summary; absent for other models.
import { expect, it } from 'vitest';
import { renderReport } from '../../src/report/index.js';
import type { ReportParameter } from '../../src/report/reportInput.js';
import { exampleInput } from './exampleInput.js';

const row = (name: string, mean: number): ReportParameter => ({
  name,
  class: 'population',
  mean,
  sd: mean / 10,
  mcseMean: mean / 1000,
  q5: 0.8 * mean,
  q50: mean,
  q95: 1.2 * mean,
  essBulk: 1000,
  essTail: 1000,
  rhat: 1,
});

it('shows the numbers of the summary', () => {
  const input = exampleInput();
  const media = [
    row('contribution[intercept]', 5000),
    row('contribution[tv, "spot"]', 1234),
    row('contribution_share[intercept]', 0.8),
    row('roi[tv]', 2.5),
    row('marginal_roi[tv]', 1.25),
    row('contribution[tv]', 4321),
    row('contribution_share[tv]', 0.2),
    ...[0.5, 1, 2].map((factor) => row(`response_curve[factor=${factor},tv]`, 4321 * Math.sqrt(factor))),
  ];
  const page = renderReport({ ...input, parameters: [...media, ...input.parameters] });
  const section = page.slice(page.indexOf('id="media"'), page.indexOf('id="population"'));
  for (const text of [
    '4,321 [3,457, 5,185]',
    '0.200 [0.160, 0.240]',
    '2.50 [2.00, 3.00]',
    '1.25 [1.00, 1.50]',
    'Response curve of tv: contribution 4,321',
  ])
    expect(section).toContain(text);
  expect(renderReport(input)).not.toContain('id="media"');
});
