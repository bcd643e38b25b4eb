// The log density of a hierarchy's scales with all coefficients integrated out, and its gradient, as one tensor program.
import type { Device } from '../../kernels/device.js';
import { gradients, pullback } from '../../kernels/program/gradients.js';
import type { ProgramBuilder } from '../../kernels/program/programBuilder.js';
import { type NodeId, sizeOf, type TensorProgram } from '../../kernels/program/tensorProgram.js';
import { trace } from '../../kernels/trace/trace.js';
import type { Errors, LinearHierarchy, NestedTerm } from '../../models/linearHierarchy/structure.js';
import type { PositionBlock, TracedDensity } from '../compiledModel.js';
import { densityOf } from '../portableDensity.js';
import { downward } from './downward.js';
import { type MarginalData, marginalData } from './marginalData.js';
import { factorName, scaleBlocks, type ScaleKind, scaleKinds, scaleTensors } from './scales.js';
import { type ScaleNodes, type Upward, upward } from './upward.js';

/** A term whose scales are sampled, with what was computed of its data. */
export interface Marginal {
  readonly term: NestedTerm;
  readonly errors: Errors;
  readonly data: MarginalData;
  /** Of the position that is sampled. */
  readonly blocks: readonly PositionBlock[];
  readonly dimension: number;
  /** By level. */
  readonly kinds: readonly ScaleKind[];
}

export function marginalOf(structure: LinearHierarchy, kinds?: readonly ScaleKind[]): Marginal {
  const [term] = structure.terms;
  const blocks = scaleBlocks(term, structure.errors);
  return {
    term,
    errors: structure.errors,
    data: marginalData(structure, term),
    blocks,
    dimension: blocks.reduce((sum, { size }) => sum + size, 0),
    kinds: kinds ?? scaleKinds(term),
  };
}

/** Scales of a position as nodes of a new program, with their log prior. */
export function recordScales({ term, errors, kinds, blocks }: Marginal, more: Readonly<Record<string, number>> = {}) {
  const sizes = Object.fromEntries(blocks.map(({ name, size }) => [name, [size]]));
  const others = Object.fromEntries(Object.entries(more).map(([name, size]) => [name, [size]]));
  const recorded = trace((sampled) => ({ ...scaleTensors(term, errors, kinds, sampled) }), {
    parameters: { ...sizes, ...others },
  });
  const nodes: ScaleNodes = {
    sigma: recorded.outputs.get('sigma')!,
    factors: term.levels.map((_, l) => recorded.outputs.get(factorName(l))!),
  };
  return { ...recorded, nodes, logPrior: recorded.outputs.get('logPrior')! };
}

/**
 * Log density of the scales given y, on the space of `Marginal.blocks`, with its gradient: exact, in time linear in the groups and
 * independent of the rows (Kalman-like recursion over the nest; formulas in docs/architecture.md).
 * @param differentiation `written`: the pass of `downward`; `automatic`: by the rules of the program, which serves to check it
 */
export function traceMarginal(marginal: Marginal, differentiation: 'written' | 'automatic' = 'written'): TracedDensity {
  const { blocks, data, dimension } = marginal;
  const program = marginalProgram(marginal, differentiation);
  return {
    dataBytes: program.nodes.reduce(
      (sum, { operation, shape }) => sum + (operation.op === 'data' ? 8 * sizeOf(shape) : 0),
      0,
    ),
    compile: async (device: Device, chains: number) => {
      const executable = await device.compile(program, {
        parameters: blocks,
        data: data.arrays,
        chains,
        accurate: ['value'],
      });
      return densityOf(executable, { dimension, gradients: blocks.map(({ name }) => `gradient ${name}`) });
    },
  };
}

function marginalProgram(marginal: Marginal, differentiation: 'written' | 'automatic'): TensorProgram {
  const { term, data, blocks, errors } = marginal;
  const { builder, parameters, nodes, logPrior } = recordScales(marginal);
  const up = upward(builder, term, data, nodes);
  const value = builder.add(logPrior, up.logDensity);
  const wrt = blocks.map(({ name }) => parameters.get(name)!);
  const outputs = new Map<string, NodeId>([['value', value]]);
  for (const [l, { stored }] of up.levels.entries())
    for (const [i, array] of stored.entries()) outputs.set(`information ${l} ${i}`, array);
  const found =
    differentiation === 'automatic'
      ? gradients(builder, value, wrt)
      : writtenGradient(
          builder,
          up,
          data,
          nodes,
          logPrior,
          wrt,
          blocks.findIndex(({ name }) => name === errors.sigma),
          outputs,
        );
  for (const [i, { name }] of blocks.entries()) outputs.set(`gradient ${name}`, found[i]);
  return builder.finish(outputs);
}

function writtenGradient(
  builder: ProgramBuilder,
  up: Upward,
  data: MarginalData,
  { factors }: ScaleNodes,
  logPrior: NodeId,
  wrt: readonly NodeId[],
  sigma: number,
  outputs: Map<string, NodeId>,
): NodeId[] {
  const down = downward(builder, data, up);
  for (const [i, array] of down.stored.entries()) outputs.set(`posterior ${i}`, array);
  const cotangents = new Map<NodeId, NodeId>([[logPrior, builder.scalar(1)]]);
  for (const [l, factor] of factors.entries()) cotangents.set(factor, down.factors[l]);
  return pullback(builder, cotangents, wrt).map((slope, i) =>
    i === sigma ? builder.add(slope, builder.reshape(down.logSigma, builder.shape(slope))) : slope,
  );
}
