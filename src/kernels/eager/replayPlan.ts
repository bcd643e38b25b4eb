// What to do when a program is bound and what at every run: which nodes lanes share, what the host wants, when a value is needed no more.
import { factorSums } from '../compiler/factorSums.js';
import { type NodeId, type TensorProgram } from '../program/tensorProgram.js';
import { type Contraction, findContractions } from './contractions.js';
import { type HostPart, hostPart } from './hostPart.js';

export interface ReplayPlan {
  readonly program: TensorProgram;
  /** Whether a node depends on parameters, and so has a lane axis. */
  readonly isPerLane: readonly boolean[];
  /** Nodes that are computed as matrix products. */
  readonly contractions: ReadonlyMap<NodeId, Contraction>;
  /** What a node is computed from. */
  inputsOf(id: NodeId): readonly NodeId[];
  /** Accurate outputs, by name. */
  readonly hostParts: ReadonlyMap<string, HostPart>;
  /** Nodes that are computed when data are bound. */
  readonly setup: readonly NodeId[];
  /** Nodes that are computed at every run, parameters among them. */
  readonly perRun: readonly NodeId[];
  /** Nodes whose values leave the device. */
  readonly read: ReadonlySet<NodeId>;
  /** Nodes of `perRun` whose last user a node is. */
  readonly lastUses: ReadonlyMap<NodeId, readonly NodeId[]>;
  /** Nodes of `setup` that runs or outputs need. */
  readonly kept: ReadonlySet<NodeId>;
}

/** Throws RangeError when an accurate output needs longer sums than f32 can carry out. */
export function planReplay(traced: TensorProgram, accurate: readonly string[]): ReplayPlan {
  // Scales that leave the sums are not rounded with every term, and accurate outputs take them in f64.
  const program = factorSums(traced);
  const { nodes, outputs } = program;
  const isPerLane: boolean[] = [];
  for (const { operation, inputs } of nodes) {
    isPerLane.push(operation.op === 'parameter' || inputs.some((id) => isPerLane[id]));
  }
  const hostParts = new Map(accurate.map((name) => [name, hostPart(program, name)]));
  const read = new Set<NodeId>();
  for (const [name, id] of outputs) if (!hostParts.has(name)) read.add(id);
  for (const { inputs } of hostParts.values()) for (const { node } of inputs) read.add(node);

  const contractions = findContractions(program, isPerLane, (id) => read.has(id));
  const inputsOf = (id: NodeId): readonly NodeId[] => {
    const contraction = contractions.get(id);
    return contraction === undefined ? nodes[id].inputs : [contraction.matrix, contraction.vector];
  };
  const needed = new Set<NodeId>(read);
  for (let id = nodes.length - 1; id >= 0; id--) if (needed.has(id)) for (const x of inputsOf(id)) needed.add(x);
  const order = [...needed].sort((a, b) => a - b);
  const perRun = order.filter((id) => isPerLane[id]);
  const kept = new Set([...read].filter((id) => !isPerLane[id]));
  const lastUser = new Map<NodeId, NodeId>();
  for (const id of perRun) {
    for (const x of inputsOf(id)) {
      if (isPerLane[x]) lastUser.set(x, id);
      else kept.add(x);
    }
  }
  const lastUses = new Map<NodeId, NodeId[]>();
  for (const [id, user] of lastUser) if (!read.has(id)) lastUses.set(user, [...(lastUses.get(user) ?? []), id]);
  const setup = order.filter((id) => !isPerLane[id]);
  return { program, isPerLane, contractions, inputsOf, hostParts, setup, perRun, read, lastUses, kept };
}
