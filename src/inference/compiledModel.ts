// Binds a model to a device: its log density on unconstrained space for all chains, and its reported quantities.
import * as tf from '@tensorflow/tfjs-core';
import type { Device } from '../kernels/device.js';
import { gradients } from '../kernels/program/gradients.js';
import { type NodeId, sizeOf, type TensorProgram } from '../kernels/program/tensorProgram.js';
import { trace } from '../kernels/trace/trace.js';
import type { Model, Tensors } from '../models/model.js';
import { GpuSiteReport } from './gpu/gpuSiteReport.js';
import { vectorCompanion } from './phaseSpace/vectorKernels.js';
import { densityOf, type ModelDensity } from './portableDensity.js';
import type { SavedSums, SumsPlan } from './siteReport.js';
import { constrain, unconstrainedShape } from './transforms/transforms.js';

/** A block of the unconstrained position. */
export interface PositionBlock {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
}

/** Where each parameter lies in the unconstrained position. */
export function positionBlocks(model: Pick<Model, 'parameters'>): PositionBlock[] {
  let offset = 0;
  return model.parameters.map(({ name, constraint, shape }) => {
    const size = sizeOf(unconstrainedShape(constraint, shape));
    const block = { name, offset, size };
    offset += size;
    return block;
  });
}

/** Name of one dimension of the unconstrained position, for messages. */
export function dimensionName(blocks: readonly PositionBlock[], dimension: number): string {
  const block = blocks.findLast(({ offset }) => offset <= dimension)!;
  return block.size === 1 ? block.name : `${block.name}[${dimension - block.offset}]`;
}

/** Parameters on their constrained sets, and the sum of the log Jacobians (undefined when all are constant). */
function constrainAll(model: Model, unconstrained: Tensors): { parameters: Tensors; logJacobians: tf.Tensor[] } {
  const parameters: Record<string, tf.Tensor> = {};
  const logJacobians: tf.Tensor[] = [];
  for (const { name, constraint, shape } of model.parameters) {
    const { value, logJacobian } = constrain(constraint, unconstrained[name], shape);
    parameters[name] = value;
    if (logJacobian !== undefined) logJacobians.push(logJacobian);
  }
  return { parameters, logJacobians };
}

function signature(model: Model) {
  return {
    parameters: Object.fromEntries(
      model.parameters.map(({ name, constraint, shape }) => [name, unconstrainedShape(constraint, shape)]),
    ),
    data: Object.fromEntries(Object.entries(model.data).map(([name, { shape, dtype }]) => [name, { shape, dtype }])),
  };
}

const dataOf = (model: Model) => new Map(Object.entries(model.data));

export type { ModelDensity };

/** A log density as a tensor program, before it is compiled for a number of chains. */
export interface TracedDensity {
  /** Bytes of data that one evaluation reads, at 8 a number. */
  readonly dataBytes: number;
  /** Throws UnsupportedOpError for operations that cannot be compiled. */
  compile(device: Device, chains: number): Promise<ModelDensity>;
}

/**
 * Traces the log posterior density on unconstrained space, with its gradient.
 * `likelihood: 'rows'` sums the pointwise log likelihood even where the model knows a shorter way.
 * Throws what the model's functions throw.
 */
export function traceDensity(model: Model, likelihood: 'rows' | 'shortest' = 'shortest'): TracedDensity {
  const recorded = trace((unconstrained, data) => {
    const { parameters, logJacobians } = constrainAll(model, unconstrained);
    const logLikelihood =
      likelihood === 'shortest' && model.totalLogLikelihood !== undefined
        ? model.totalLogLikelihood(parameters, data)
        : model.logLikelihood(parameters, data).sum();
    const terms = [model.logPrior(parameters, data).sum(), logLikelihood.sum(), ...logJacobians];
    return terms.reduce((sum, term) => sum.add(term));
  }, signature(model));
  const { builder } = recorded;
  const value = recorded.outputs.get('value')!;
  const blocks = positionBlocks(model);
  const ids = blocks.map(({ name }) => recorded.parameters.get(name)!);
  const outputs = new Map<string, NodeId>([['value', value]]);
  const gradientNames = blocks.map(({ name }) => `gradient ${name}`);
  for (const [i, id] of gradients(builder, value, ids).entries()) outputs.set(gradientNames[i], id);
  const program = builder.finish(outputs);
  const dimension = blocks.reduce((sum, { size }) => sum + size, 0);
  return {
    dataBytes: program.nodes.reduce(
      (sum, { operation, shape }) => sum + (operation.op === 'data' ? 8 * sizeOf(shape) : 0),
      0,
    ),
    compile: async (device, chains) => {
      const executable = await device.compile(program, {
        parameters: blocks,
        data: dataOf(model),
        chains,
        accurate: ['value'],
        companion: vectorCompanion(dimension),
      });
      return densityOf(executable, { dimension, gradients: gradientNames });
    },
  };
}

/** Traces and compiles in one call, with the same errors, as rejections. */
export async function compileDensity(
  model: Model,
  device: Device,
  chains: number,
  likelihood: 'rows' | 'shortest' = 'shortest',
): Promise<ModelDensity> {
  return traceDensity(model, likelihood).compile(device, chains);
}

/** A quantity of a model at given positions, one position at a time. */
export interface Evaluator {
  /** Sizes by output, in order. */
  readonly outputs: readonly { readonly name: string; readonly size: number }[];
  /** Writes every output, one after another, into `target`. Wait for one call before the next on asynchronous devices. */
  evaluate(position: ArrayLike<number>, target: Float64Array): void | Promise<void>;
  dispose(): Promise<void>;
}

/**
 * Which quantity to evaluate: the reported sites, or something of every observation. `replicate` is for `compileReplicator`: a function
 * of normals behind the position, or what the observations are drawn by.
 */
export type Quantity = 'sites' | 'logLikelihood' | 'predict' | 'replicate';

/** A quantity as a program, before it is compiled: its parameter blocks, and its outputs with their sizes, in order. */
interface TracedQuantity {
  readonly program: TensorProgram;
  readonly blocks: readonly { readonly name: string; readonly size: number }[];
  readonly outputs: readonly { readonly name: string; readonly size: number }[];
}

/** @param names outputs in order; of the sites, which ones */
function traceQuantity(model: Model, quantity: Quantity, names: readonly string[]): TracedQuantity {
  const base = signature(model);
  const observations = model.observed?.values.length ?? 0;
  const noise = '(noise)';
  const { replicate } = model;
  const isNoisy = quantity === 'replicate' && typeof replicate === 'function';
  const recorded = trace(
    (inputs, data) => {
      const { parameters } = constrainAll(model, inputs);
      switch (quantity) {
        case 'sites':
          return model.report(parameters, data);
        case 'logLikelihood':
          return { logLikelihood: model.logLikelihood(parameters, data) };
        case 'predict':
          if (model.predict === undefined) throw new Error(`the model ${model.name} does not define predict`);
          return { predict: model.predict(parameters, data) };
        case 'replicate':
          if (replicate === undefined) throw new Error(`the model ${model.name} does not define replicate`);
          return {
            replicate:
              typeof replicate === 'function'
                ? replicate(parameters, data, inputs[noise])
                : replicate.dependsOn(parameters, data),
          };
        default:
          throw new Error(quantity satisfies never);
      }
    },
    isNoisy ? { ...base, parameters: { ...base.parameters, [noise]: [observations] } } : base,
  );
  const { builder } = recorded;
  const outputs = new Map(names.map((name): [string, NodeId] => [name, outputNode(model, recorded.outputs, name)]));
  const blocks = positionBlocks(model).map(({ name, size }) => ({ name, size }));
  if (isNoisy) blocks.push({ name: noise, size: observations });
  return {
    program: builder.finish(outputs),
    blocks,
    outputs: names.map((name) => ({ name, size: sizeOf(builder.shape(outputs.get(name)!)) })),
  };
}

/** Compiles a quantity of the model. */
export async function compileQuantity(model: Model, device: Device, quantity: Quantity): Promise<Evaluator> {
  const names = quantity === 'sites' ? model.sites.map(({ name }) => name) : [quantity];
  const { program, blocks, outputs } = traceQuantity(model, quantity, names);
  const executable = await device.compile(program, { parameters: blocks, data: dataOf(model), chains: 1 });
  const { lanes, parameters } = executable;
  const result = executable.output(...names);
  return {
    outputs,
    evaluate: (position, target) => {
      scatter(position, parameters, lanes);
      const read = (): void => gather(result, lanes, target);
      const running = executable.run();
      return running === undefined ? read() : running.then(read);
    },
    dispose: () => executable.dispose(),
  };
}

// Functions of their own: behind more code in one function V8 does not keep such loops optimised.
function scatter(from: ArrayLike<number>, target: Float64Array, stride: number): void {
  for (let i = 0, at = 0; i < from.length; i++, at += stride) target[at] = from[i];
}

function gather(from: Float64Array, stride: number, target: Float64Array): void {
  for (let i = 0, at = 0; i < target.length; i++, at += stride) target[i] = from[at];
}

/** Which sites a device is to report, by name: those whose values come back, and those that running moments are kept of. */
export interface ReportedSites {
  readonly kept: readonly string[];
  readonly summed: readonly string[];
  /** How draws are cut for the moments. */
  readonly plan: SumsPlan;
  /** Moments that the run goes on from. */
  readonly saved?: SavedSums;
}

/**
 * Compiles sites for a device that the chains' positions live on; undefined for a density whose positions do not. Rejects with the
 * device's faults; DeviceMemoryError where a binding does not reach all values of all chains.
 */
export async function compileReport(
  model: Model,
  device: Device,
  density: ModelDensity,
  chains: number,
  { kept, summed, plan, saved }: ReportedSites,
): Promise<GpuSiteReport | undefined> {
  const names = [...kept, ...summed];
  if (density.resident === undefined || names.length === 0) return undefined;
  const { program, blocks, outputs } = traceQuantity(model, 'sites', names);
  const executable = await device.compile(program, { parameters: blocks, data: dataOf(model), chains });
  const sizeOfAll = (some: readonly string[]): number =>
    outputs.reduce((sum, { name, size }) => sum + (some.includes(name) ? size : 0), 0);
  const sites = {
    executable,
    outputs: executable.resident!.output(...names),
    kept: sizeOfAll(kept),
    rest: sizeOfAll(summed),
  };
  return GpuSiteReport.create(sites, chains, plan, saved);
}

function outputNode(model: Model, outputs: ReadonlyMap<string, NodeId>, name: string): NodeId {
  const id = outputs.get(name);
  if (id === undefined) throw new Error(`the model ${model.name} lists the site ${name} but does not report it`);
  return id;
}
