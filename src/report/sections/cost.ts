// Time, memory, and what is needed to run the same fit again.
import { formatBytes, formatCount, formatSeconds, formatShort, formatSignificant } from '../format.js';
import { markup } from '../html.js';
import { FILES, fileLink, subheading } from '../parts.js';
import type { Section } from '../parts.js';
import { namesAndNumbers, table } from '../table.js';
import type { ReportInput } from '../reportInput.js';

function timeRows({ seconds }: ReportInput['cost']): string[][] {
  const stages = ['load', 'compile', 'warmup', 'sampling'] as const;
  const names = { load: 'reading the data', compile: 'tracing and compiling', warmup: 'warm-up', sampling: 'sampling' };
  const other = seconds.total - stages.reduce((sum, stage) => sum + seconds[stage], 0);
  const share = (value: number): string =>
    seconds.total > 0 ? `${formatShort((100 * value) / seconds.total, 2)} %` : '–';
  return [
    ...stages.map((stage) => [names[stage], formatSeconds(seconds[stage]), share(seconds[stage])]),
    ['everything else', formatSeconds(Math.max(0, other)), share(Math.max(0, other))],
    ['total', formatSeconds(seconds.total), share(seconds.total)],
  ];
}

export function costSection({ cost, run }: ReportInput): Section {
  const perSecond = cost.effort.count / (cost.seconds.warmup + cost.seconds.sampling);
  const facts: (readonly [string, string])[] = [
    ['method', `${run.method}, ${formatCount(run.chains)} chains, ${formatCount(run.warmup)} warm-up and ${formatCount(run.draws)} kept draws each`],
    ['device', `${run.device}, ${run.precision} precision, ${formatCount(run.threads)} thread${run.threads === 1 ? '' : 's'}`],
    ['peak memory', formatBytes(cost.peakMemoryBytes)],
    [cost.effort.unit, `${formatCount(cost.effort.count)}${Number.isFinite(perSecond) ? ` (${formatSignificant(perSecond)} per second)` : ''}`],
    ['seed', String(run.seed)],
    ['finished', run.date],
    ['versions', run.versions.map(({ name, version }) => `${name} ${version}`).join(', ')],
  ]; // prettier-ignore
  return {
    id: 'cost',
    title: 'Time, memory and reproduction',
    body: markup`${table(namesAndNumbers(['stage', 'time', 'share']), timeRows(cost), { caption: 'Wall-clock time' })}
${subheading('reproduction', 'To run it again')}
<pre>${run.command}</pre>
<dl class="facts">${facts.map(([name, value]) => markup`<dt>${name}</dt><dd>${value}</dd>`)}</dl>
<p class="small soft">Also beside this page: ${fileLink(FILES.run)} (configuration and data fingerprint), ${fileLink(FILES.diagnostics)}, ${fileLink(FILES.summary)}, ${fileLink(FILES.everything)}, ${fileLink(FILES.draws)}.</p>`,
  };
}
