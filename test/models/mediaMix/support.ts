// Small media-mix data, and a model's quantities at given parameters through the plain interpreter.
import { factorFromLabels, type Table, tableOf } from '../../../src/data/table.js';
import { mediaMixData, type MediaMixColumns, type MediaMixData } from '../../../src/data/mediaMixData.js';
import { parsePrior, type PriorSpec } from '../../../src/data/prior.js';
import { interpret } from '../../../src/kernels/program/interpreter.js';
import { trace } from '../../../src/kernels/trace/trace.js';
import type { Model, Tensors } from '../../../src/models/model.js';
import { randomNumbers } from '../random.js';

export const columns: MediaMixColumns = {
  response: 'y',
  time: 'week',
  geo: 'place',
  channels: [
    { name: 'tv', media: 'tv', spend: 'tv' },
    { name: 'search', media: 'clicks', spend: 'search_cost' },
  ],
  controls: ['holiday', 'price'],
  standardise: true,
  worth: 2,
};

/** Rows of places × weeks, shuffled. */
function smallTable(places: readonly string[], weeks: number): Table {
  const random = randomNumbers('media mix');
  const rows = places
    .flatMap((place) => Array.from({ length: weeks }, (_, t) => ({ place, t })))
    .sort(() => random.normal());
  const day = (t: number): string => new Date(Date.UTC(2023, 0, 2 + 7 * t)).toISOString().slice(0, 10);
  const number = (name: string, value: (row: (typeof rows)[number]) => number) => ({
    kind: 'number' as const,
    name,
    values: Float64Array.from(rows, value),
  });
  return tableOf('small', [
    factorFromLabels(
      'week',
      rows.map(({ t }) => day(t)),
    ),
    factorFromLabels(
      'place',
      rows.map(({ place }) => place),
    ),
    number('y', ({ t }) => 50 + 10 * Math.sin(t) + 5 * random.normal()),
    number('tv', ({ t }) => (t % 4 === 0 ? 0 : 100 * Math.exp(0.5 * random.normal()))),
    number('clicks', () => 1000 * Math.exp(0.5 * random.normal())),
    number('search_cost', () => 30 * Math.exp(0.5 * random.normal())),
    number('holiday', ({ t }) => Number(t % 5 === 2)),
    number('price', () => 3 + random.normal()),
  ]);
}

export const smallData = (
  places = ['north', 'south'],
  weeks = 12,
  given: Partial<MediaMixColumns> = {},
): MediaMixData => mediaMixData(smallTable(places, weeks), { ...columns, ...given });

export const priorsOf = (written: Readonly<Record<string, string>>): Record<string, PriorSpec> =>
  Object.fromEntries(Object.entries(written).map(([name, prior]) => [name, parsePrior(prior)]));

/** Parameters of moderate size on their constrained sets: a point of positive density. */
export function somePoint(model: Model, seed: string): Record<string, Float64Array> {
  const random = randomNumbers(seed);
  return Object.fromEntries(
    model.parameters.map(({ name, constraint, shape }) => {
      const size = shape.reduce((a, b) => a * b, 1);
      const draw = (): number => {
        const z = 0.3 * random.normal();
        return constraint.kind === 'positive'
          ? 0.6 * Math.exp(z)
          : constraint.kind === 'interval'
            ? 1 / (1 + Math.exp(0.5 - z))
            : z;
      };
      return [name, Float64Array.from({ length: size }, draw)];
    }),
  );
}

export interface Evaluated {
  readonly logPrior: number;
  readonly logLikelihood: Float64Array;
  readonly predict: Float64Array;
  readonly sites: ReadonlyMap<string, Float64Array>;
}

/** Everything a model says at given parameters, in f64 without the compiler. */
export function evaluateAt(model: Model, point: Readonly<Record<string, ArrayLike<number>>>): Evaluated {
  const { builder, outputs } = trace(
    (p, d: Tensors) => ({
      ...model.report(p, d),
      '(prior)': model.logPrior(p, d),
      '(likelihood)': model.logLikelihood(p, d),
      '(predict)': model.predict!(p, d),
    }),
    {
      parameters: Object.fromEntries(model.parameters.map(({ name, shape }) => [name, shape])),
      data: Object.fromEntries(Object.entries(model.data).map(([name, { shape, dtype }]) => [name, { shape, dtype }])),
    },
  );
  const data = Object.entries(model.data).map(([name, { values }]): [string, ArrayLike<number>] => [name, values]);
  const sites = interpret(builder.finish(outputs), new Map([...Object.entries(point), ...data]));
  return {
    logPrior: sites.get('(prior)')![0],
    logLikelihood: sites.get('(likelihood)')!,
    predict: sites.get('(predict)')!,
    sites,
  };
}
