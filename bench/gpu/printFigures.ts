// The figures of the benchmark `gpu` as text tables.
import { formatTable } from '../table.js';
import { type CurvePoint, type Figures, mainChains, type Outcome } from './index.js';
import type { PeerFigures } from './peer.js';
import { peerModelOf } from './problems.js';

const digits = (value: number, count = 3): string => Number(value.toPrecision(count)).toString();
const none = '–';

export function printFigures({ machine, size, figures, missing, peer }: Outcome): void {
  console.log(
    `${machine.cpu}, ${machine.cores} cores, ${machine.architecture}, Node ${machine.node}, load ${machine.loadAverage.toFixed(1)}`,
  );
  console.log(
    `simulated data of the published shapes${size < 1 ? `, ${digits(size)} of the rows` : ''}; a gradient is value and gradient of all chains; f64 on cpu, f32 with compensated sums on webgpu`,
  );
  for (const reason of missing) console.log(`not measured: ${reason}`);
  const bandwidths = new Map(figures.map(({ device, copyBandwidth }) => [device, copyBandwidth]));
  for (const [device, bandwidth] of bandwidths) {
    console.log(`${device}: copies ${digits(bandwidth / 1e9)} GB/s (read and written)`);
  }
  if (figures.some(({ isSoftware }) => isSoftware)) {
    console.log('a software adapter runs on the CPU: its rows show that the programs run, not how fast a GPU is');
  }
  console.log(
    `\n${formatTable(
      ['4 chains', 'device', 'rows', 'parameters', 'ms/gradient', 'MB moved', 'of copy', 'dispatches', 'memory MB'],
      figures.map(gradientRow),
    )}`,
  );
  console.log(
    `\n${formatTable(
      ['NUTS, 4 chains', 'device', 'ms/leapfrog', 'dispatches/leapfrog', 'read-backs/leapfrog', 'steps', 'memory MB'],
      figures.map(leapfrogRow),
    )}`,
  );
  const counts = [...new Set(figures.flatMap(({ curve }) => curve.map(({ chains }) => chains)))].sort((a, b) => a - b);
  console.log(
    `\n${formatTable(
      ['ms/gradient (ms/chain)', 'device', ...counts.map((chains) => `${chains}`)],
      figures.map(({ model, device, curve }) => [model, device, ...counts.map((chains) => pointCell(curve, chains))]),
    )}`,
  );
  console.log(
    `\n${formatTable(
      ['cost over that of 1 chain', 'device', ...counts.map((chains) => `${chains}`)],
      figures.map(({ model, device, curve }) => [model, device, ...counts.map((chains) => ratioCell(curve, chains))]),
    )}`,
  );
  for (const { model, device, curve, leapfrog } of figures) {
    for (const point of curve) {
      if ('notMeasured' in point) {
        console.log(`not measured: ${model} on ${device}, ${point.chains} chains: ${point.notMeasured}`);
      }
    }
    if (typeof leapfrog === 'string') console.log(`not measured: ${model} on ${device}, NUTS: ${leapfrog}`);
    else if (leapfrog.isWarmup) console.log(`${model} on ${device}: NUTS measured within its warm-up`);
  }
  if (peer !== null) printPeer(figures, peer);
}

const pointAt = (curve: readonly CurvePoint[], chains: number) =>
  curve.flatMap((point) => (point.chains === chains && 'milliseconds' in point ? [point] : []))[0] as
    Extract<CurvePoint, { milliseconds: number }> | undefined;

function gradientRow({ model, device, rows, parameters, curve, copyBandwidth }: Figures): string[] {
  const point = pointAt(curve, mainChains);
  if (point === undefined) return [model, device, `${rows}`, `${parameters}`, ...Array.from({ length: 5 }, () => none)];
  const { milliseconds, bytesMoved, dispatches, memoryBytes } = point;
  return [
    model,
    device,
    `${rows}`,
    `${parameters}`,
    digits(milliseconds),
    digits(bytesMoved / 1e6),
    (bytesMoved / (milliseconds / 1000) / copyBandwidth).toFixed(2),
    `${dispatches ?? none}`,
    digits(memoryBytes / 1e6),
  ];
}

function leapfrogRow({ model, device, leapfrog }: Figures): string[] {
  if (typeof leapfrog === 'string') return [model, device, ...Array.from({ length: 5 }, () => none)];
  const { milliseconds, dispatches, readBacks, steps, memoryBytes } = leapfrog;
  const perStep = (count: number | null): string => (count === null ? none : count.toFixed(2));
  return [
    model,
    device,
    digits(milliseconds),
    perStep(dispatches),
    perStep(readBacks),
    `${steps}`,
    digits(memoryBytes / 1e6),
  ];
}

function pointCell(curve: readonly CurvePoint[], chains: number): string {
  const point = pointAt(curve, chains);
  return point === undefined ? none : `${digits(point.milliseconds)} (${digits(point.milliseconds / chains)})`;
}

function ratioCell(curve: readonly CurvePoint[], chains: number): string {
  const [one, point] = [pointAt(curve, 1), pointAt(curve, chains)];
  return one === undefined || point === undefined ? none : digits(point.milliseconds / one.milliseconds);
}

function printPeer(figures: readonly Figures[], peer: NonNullable<Outcome['peer']>): void {
  const over = (theirs: number | null | undefined, own: number | undefined): string =>
    theirs === null || theirs === undefined || own === undefined ? none : digits(theirs / own);
  const shown = (value: number | null | undefined): string =>
    value === null || value === undefined ? none : digits(value);
  console.log(
    `\n${formatTable(
      [peer.label, 'hierax on', 'ms/gradient', 'over hierax', 'ms/leapfrog', 'over hierax'],
      figures.flatMap(({ model, device, rows, curve, leapfrog }) => {
        const theirs: PeerFigures | undefined = peer.models[peerModelOf(model)];
        if (theirs === undefined) return [];
        if (theirs.rows !== rows) return [[model, device, `${theirs.rows} rows`, none, none, none]];
        const gradient = pointAt(curve, peer.chains)?.milliseconds;
        const step = typeof leapfrog === 'string' || peer.chains !== mainChains ? undefined : leapfrog.milliseconds;
        return [
          [
            model,
            device,
            shown(theirs.gradientMs),
            over(theirs.gradientMs, gradient),
            shown(theirs.leapfrogMs),
            over(theirs.leapfrogMs, step),
          ],
        ];
      }),
    )}`,
  );
}
