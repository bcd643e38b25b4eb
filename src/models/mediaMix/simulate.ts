// Data from the media-mix model with known truth: media drawn, parameters given, the response replicated from the model itself.
import type { MediaMixData } from '../../data/mediaMixData.js';
import { scalarNames } from '../../data/run/names.js';
import { readWeeks } from '../../data/weeks.js';
import type { OutputColumn } from '../../data/writeTable.js';
import { interpret } from '../../kernels/program/interpreter.js';
import { sizeOf } from '../../kernels/program/tensorProgram.js';
import { trace } from '../../kernels/trace/trace.js';
import { isFixedElement, type Model, type Tensors } from '../model.js';
import type { NamedValue, SimulationRandom } from '../simulation.js';
import { type MediaMixModel, mediaMixModel } from './mediaMix.js';
import type { MediaMixOptions } from './options.js';

export interface SimulatedChannel {
  readonly name: string;
  /** Typical spend of a week that it runs in, per place. */
  readonly spend: number;
  /** Share of the eight-week flights in which it runs; 1: always on. */
  readonly shareOn: number;
}

export interface MediaMixSimulation {
  readonly columns: { readonly response: string; readonly time: string; readonly geo: string };
  /** Null: national data. */
  readonly geos: readonly string[] | null;
  readonly weeks: number;
  /** The first week, YYYY-MM-DD. */
  readonly firstWeek: string;
  readonly channels: readonly SimulatedChannel[];
  /** Controls: standard normals with a share of ones undefined, else 0/1. */
  readonly controls: readonly { readonly name: string; readonly shareOfOnes?: number }[];
  /** Of the model that draws; `scale.response` must be given, since the data are not there yet. */
  readonly options: MediaMixOptions;
  /** Parameters as the model declares them (`intercept_mean`, `adstock_alpha`, …): one number, or all elements. `…_z` are drawn. */
  readonly truth: Readonly<Record<string, number | readonly number[]>>;
}

export interface SimulatedMediaMix {
  readonly data: MediaMixData;
  readonly model: Model;
  /** Every scalar of every reported site, under the names of summary.json. */
  readonly truth: readonly NamedValue[];
  /** The rows, by place and week, in one block. */
  readonly blocks: Iterable<readonly OutputColumn[]>;
}

const flightWeeks = 8;

/**
 * Nothing is clipped: a normal response may come out negative. Throws RangeError when a parameter's truth is missing or of the wrong
 * length, and when `scale.response` is.
 */
export function simulateMediaMix(simulation: MediaMixSimulation, random: SimulationRandom): SimulatedMediaMix {
  const { options, geos, columns } = simulation;
  if (options.scale?.response === undefined) throw new RangeError('a simulation needs options.scale.response');
  const draft = drawDesign(simulation, random);
  const model = mediaMixModel(draft, { ...options, parametrisation: 'plain' });
  const values = trueParameters(model, simulation.truth, random);
  const noise = Float64Array.from({ length: draft.rows }, () => random.normal());
  const { sites, response } = evaluateTruth(model, values, noise);
  const truth = model.sites.flatMap((site) => {
    const own = sites.get(site.name)!;
    return [...scalarNames(site, model.coords)].flatMap((name, i) =>
      isFixedElement(site, i) ? [] : [{ name, value: own[i] }],
    );
  });
  const data: MediaMixData = { ...draft, y: response };
  const weeks = draft.weeks.names;
  const block: OutputColumn[] = [
    ...(geos === null
      ? []
      : [
          { name: columns.geo, codes: Int32Array.from(response, (_, i) => Math.floor(i / weeks.length)), levels: geos },
        ]),
    { name: columns.time, codes: Int32Array.from(response, (_, i) => i % weeks.length), levels: weeks },
    { name: columns.response, values: response },
    ...[
      ...draft.channels.map(({ name, media }) => ({ name, values: media })),
      ...draft.controls.map(({ name, values: own }) => ({ name, values: own })),
    ],
  ];
  return { data, model, truth, blocks: [block] };
}

/** Media, controls and weeks; the response is filled in later. */
function drawDesign(
  { columns, geos, weeks, firstWeek, channels, controls, options }: MediaMixSimulation,
  random: SimulationRandom,
): MediaMixData {
  const places = geos ?? ['all'];
  const rows = places.length * weeks;
  const day = Date.parse(`${firstWeek}T00:00:00Z`);
  const names = Array.from({ length: weeks }, (_, t) => new Date(day + 7 * 86_400_000 * t).toISOString().slice(0, 10));
  const sizes = places.map(() => Math.exp(0.4 * random.normal()));
  const media = channels.map(({ name, spend, shareOn }) => {
    const values = new Float64Array(rows);
    for (let g = 0; g < places.length; g++) {
      let log = 0;
      let isOn = true;
      for (let t = 0; t < weeks; t++) {
        if (t % flightWeeks === 0) isOn = shareOn >= 1 || random.uniform() < shareOn;
        log = 0.7 * log + 0.4 * random.normal();
        values[g * weeks + t] = isOn ? Number((spend * sizes[g] * Math.exp(log)).toFixed(2)) : 0;
      }
    }
    return { name, media: values, spend: values };
  });
  return {
    source: 'simulation',
    rows,
    responseName: columns.response,
    y: new Float64Array(rows).fill(0.5 * options.scale!.response!),
    response: { mean: 0, sd: 1 },
    weeks: readWeeks('simulation', columns.time, names),
    geos: { column: geos === null ? null : columns.geo, names: places },
    channels: media,
    controls: controls.map(({ name, shareOfOnes }) => ({
      name,
      values: drawControl(places.length, weeks, shareOfOnes, random),
      standardisation: null,
      isBinary: shareOfOnes !== undefined,
    })),
    worth: new Float64Array(rows).fill(1),
    originalRow: Int32Array.from({ length: rows }, (_, i) => i),
  };
}

/** The same for all places, as holidays and prices of competitors are. */
function drawControl(
  places: number,
  weeks: number,
  shareOfOnes: number | undefined,
  random: SimulationRandom,
): Float64Array {
  const own = Array.from({ length: weeks }, () =>
    shareOfOnes === undefined ? random.normal() : Number(random.uniform() < shareOfOnes),
  );
  // A control that never varies would be refused.
  if (shareOfOnes !== undefined && new Set(own).size === 1) own[Math.floor(weeks / 2)] = 1 - own[0];
  return Float64Array.from({ length: places * weeks }, (_, i) => own[i % weeks]);
}

function trueParameters(
  model: Model,
  truth: MediaMixSimulation['truth'],
  random: SimulationRandom,
): Map<string, Float64Array> {
  const names = model.parameters.map(({ name }) => name);
  const stray = Object.keys(truth).find((name) => !names.includes(name));
  if (stray !== undefined)
    throw new RangeError(`truth of ${stray}: the model has no such parameter; it has ${names.join(', ')}`);
  const values = new Map<string, Float64Array>();
  for (const { name, shape } of model.parameters) {
    const size = sizeOf(shape);
    const given = truth[name] as number | readonly number[] | undefined;
    if (given !== undefined) {
      const own = typeof given === 'number' ? new Float64Array(size).fill(given) : Float64Array.from(given);
      if (own.length !== size) throw new RangeError(`truth of ${name}: ${own.length} values for ${size}`);
      values.set(name, own);
      continue;
    }
    // Values of places around their mean, in either form of sampling.
    const [, block, form] = /^(.*)_(z|own)$/.exec(name) ?? [];
    if (form === undefined) throw new RangeError(`truth of ${name} is missing`);
    const [mean, sd] = form === 'z' ? [[0], [1]] : [values.get(`${block}_mean`)!, values.get(`${block}_sd`)!];
    values.set(
      name,
      Float64Array.from({ length: size }, (_, i) => mean[i % mean.length] + sd[i % sd.length] * random.normal()),
    );
  }
  return values;
}

function evaluateTruth(
  model: MediaMixModel,
  values: ReadonlyMap<string, Float64Array>,
  noise: Float64Array,
): { sites: Map<string, Float64Array>; response: Float64Array } {
  const drawn = '(response)';
  const recorded = trace(
    ({ [noiseName]: z, ...parameters }, data: Tensors) => ({
      ...model.report(parameters, data),
      [drawn]: model.replicate(parameters, data, z),
    }),
    {
      parameters: {
        ...Object.fromEntries(model.parameters.map(({ name, shape }) => [name, shape])),
        [noiseName]: [noise.length],
      },
      data: Object.fromEntries(Object.entries(model.data).map(([name, { shape, dtype }]) => [name, { shape, dtype }])),
    },
  );
  const arrays = new Map<string, ArrayLike<number>>([
    ...values,
    [noiseName, noise],
    ...Object.entries(model.data).map(([name, array]): [string, ArrayLike<number>] => [name, array.values]),
  ]);
  const sites = interpret(recorded.builder.finish(recorded.outputs), arrays);
  return { sites, response: sites.get(drawn)! };
}

const noiseName = '(noise)';
