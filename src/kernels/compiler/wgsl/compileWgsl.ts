// From a tensor program and its data to the kernels that evaluate it on a GPU, and what is left to the host.
import type { DataArray } from '../memoryLayout.js';
import { type NodeId, sizeOf, type TensorProgram } from '../../program/tensorProgram.js';
import { checkIndices, readData } from '../compile.js';
import { factorSums } from '../factorSums.js';
import { schedule } from '../schedule.js';
import { type SplitProgram, splitAccurate, type Word } from './accurateTail.js';
import { analyseForGpu } from './gpuAnalysis.js';
import type { WorkgroupShape } from './loopPlan.js';
import { kernelLoops } from './kernelLoops.js';
import { type Copy, generateKernels, type Kernel } from './kernels.js';
import { type LaneArray, WgslMemory } from './wgslMemory.js';
import type { LaneType, WgslProgram } from './wgslTarget.js';

export interface WgslOptions {
  readonly parameters: readonly { readonly name: string; readonly size: number }[];
  readonly data: ReadonlyMap<string, DataArray>;
  readonly chains: number;
  /** Lanes of one invocation, at most: 4 where registers are plenty, 1 where compiling wide code costs too much. */
  readonly laneWidth: 1 | 2 | 4;
  /** Lines of a kernel of small loops, about: some compilers take a time that grows with their square. */
  readonly longestCode: number;
  /** Outputs that the host finishes in f64. */
  readonly accurate: readonly string[];
  readonly limits: { readonly bindingBytes: number; readonly storageBuffers: number; readonly workgroupSize: number };
  /** Evaluates nodes that depend on data alone, in f64. */
  readonly evaluate: (program: TensorProgram, ids: readonly NodeId[]) => Promise<ReadonlyMap<NodeId, Float64Array>>;
}

/** A word and where an evaluation leaves it; pairs have their low part right behind them. */
export interface PlacedWord extends Word {
  /** First row of `[word][lane]` in the array of all words. */
  readonly row: number;
}

export interface CompiledKernels {
  readonly kernels: readonly Kernel[];
  readonly memory: WgslMemory;
  readonly laneType: LaneType;
  readonly lanes: number;
  readonly parameterElements: number;
  /** Outputs on the device; those that do not vary between chains have their `values`, and are written once. */
  readonly outputs: ReadonlyMap<string, { readonly array: LaneArray; readonly values: Float64Array | undefined }>;
  readonly words: readonly PlacedWord[];
  /** All words, one array; undefined where nothing is left to the host. */
  readonly wordArray: LaneArray | undefined;
  readonly host: TensorProgram;
}

/** Invocations of a workgroup, and lane groups that may stand side by side in one. */
const workgroupSize = 128;
const mostLaneGroups = 32;

export async function compileWgsl(source: TensorProgram, given: WgslOptions): Promise<CompiledKernels> {
  const factored = factorSums(source);
  const options = { ...given, data: readData(factored, given.data) };
  const split = splitAccurate(factored, options.accurate);
  const program = split.device;
  const analysis = analyseForGpu(program, options.data);
  checkIndices(program, analysis.varies, options.data);
  const { laneType, width, groupCount, shape } = laneLayout(
    options.chains,
    options.laneWidth,
    options.limits.workgroupSize,
  );
  const memory = new WgslMemory(groupCount, 4 * width, options.limits.bindingBytes);

  const computed = await computeDataRoots(program, analysis, options);
  const parameters = new Map<string, number>();
  let parameterElements = 0;
  for (const { name, size } of options.parameters) {
    parameters.set(name, parameterElements * groupCount);
    parameterElements += size;
  }
  const { roots, low, words, wordArray, outputs, copies } = placeOutputs(split, analysis, memory, computed);
  for (const root of analysis.roots.values()) {
    if (!analysis.varies[root.node] || roots.has(root.node)) continue;
    roots.set(root.node, memory.reserve([sizeOf(program.nodes[root.node].shape)])[0]);
  }
  const bound = {
    program,
    analysis,
    data: options.data,
    memory,
    laneType,
    parameters,
    parameterVectors: parameterElements * groupCount,
    roots,
    computed,
  };
  const kernels = generateKernels(
    kernelLoops(schedule(analysis), bound, shape.slots),
    bound,
    shape,
    low,
    copies,
    options.longestCode,
  );
  for (const { label, bindings } of kernels) {
    const buffers = bindings.filter(({ kind }) => kind !== 'guard').length;
    if (buffers > options.limits.storageBuffers) {
      throw new RangeError(
        `kernel ${label} needs ${buffers} buffers, but the GPU binds at most ${options.limits.storageBuffers}: use the cpu device`,
      );
    }
  }
  return {
    kernels,
    memory,
    laneType,
    lanes: groupCount * width,
    parameterElements,
    outputs,
    words,
    wordArray,
    host: split.host,
  };
}

/** How chains become vectors of lanes, and these a workgroup: as many side by side as there are, up to a limit. */
function laneLayout(chains: number, laneWidth: number, limit: number) {
  const width = Math.min(laneWidth, chains === 1 ? 1 : chains === 2 ? 2 : 4);
  const laneType: LaneType = width === 1 ? 'f32' : width === 2 ? 'vec2f' : 'vec4f';
  const groups = Math.ceil(chains / width);
  const lanes = Math.min(mostLaneGroups, 2 ** Math.ceil(Math.log2(groups)));
  const size = Math.min(workgroupSize, 2 ** Math.floor(Math.log2(limit)));
  const shape: WorkgroupShape = { size, lanes, slots: size / lanes };
  return { width, laneType, groupCount: Math.ceil(groups / lanes) * lanes, shape };
}

async function computeDataRoots(
  program: TensorProgram,
  { roots, varies }: ReturnType<typeof analyseForGpu>,
  { evaluate }: WgslOptions,
): Promise<Map<NodeId, DataArray>> {
  const ids = [...roots.keys()].filter((id) => !varies[id]);
  const values = ids.length === 0 ? new Map<NodeId, Float64Array>() : await evaluate(program, ids);
  return new Map(ids.map((id) => [id, { shape: program.nodes[id].shape, values: values.get(id)! }]));
}

/** Words in one array, all other outputs in another, in the order of the program. */
function placeOutputs(
  { device, words }: SplitProgram,
  { roots: known, varies }: ReturnType<typeof analyseForGpu>,
  memory: WgslMemory,
  computed: WgslProgram['computed'],
) {
  const roots = new Map<NodeId, LaneArray>();
  const low = new Map<NodeId, LaneArray>();
  const outputs = new Map<string, { array: LaneArray; values: Float64Array | undefined }>();
  const copies: Copy[] = [];
  let row = 0;
  const placed = words.map((word): PlacedWord => {
    // A sum that no loop of its own adds up has no low part.
    const own = { ...word, isPair: word.isPair && known.get(word.node)?.kind === 'reduce', row };
    row += word.size * (own.isPair ? 2 : 1);
    return own;
  });
  const pieces = placed.flatMap(({ size, isPair }) => (isPair ? [size, size] : [size]));
  const arrays = pieces.length === 0 ? [] : memory.reserve(pieces);
  let next = 0;
  const claim = (node: NodeId, array: LaneArray): void => {
    const first = roots.get(node);
    if (first === undefined) roots.set(node, array);
    else copies.push({ from: first, to: array });
  };
  for (const { node, isPair } of placed) {
    claim(node, arrays[next++]);
    if (isPair) low.set(node, arrays[next++]);
  }
  const others = [...device.outputs].filter(([name]) => !name.startsWith('word '));
  const otherArrays = others.length === 0 ? [] : memory.reserve(others.map(([, id]) => sizeOf(device.nodes[id].shape)));
  for (const [i, [name, id]] of others.entries()) {
    const values = varies[id] ? undefined : (computed.get(id)!.values as Float64Array);
    if (values === undefined) claim(id, otherArrays[i]);
    outputs.set(name, { array: otherArrays[i], values });
  }
  const wordArray = arrays.length === 0 ? undefined : { page: arrays[0].page, start: arrays[0].start, elements: row };
  return { roots, low, words: placed, wordArray, outputs, copies };
}
