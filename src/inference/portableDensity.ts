// A compiled density on its device, and on another thread: what travels is the program with its memory, nothing is traced again.
import { CpuExecutable, type PortableProgram } from '../kernels/cpu/executable.js';
import type { Executable } from '../kernels/device.js';
import type { BatchedLogDensity } from './logDensity.js';

/** Where a density finds its arrays in the outputs `value` and the gradients of its parameter blocks. */
interface DensityShape {
  readonly dimension: number;
  /** Outputs that hold the gradient, in the order of the position's blocks. */
  readonly gradients: readonly string[];
}

/** A compiled density that another thread can take over (structured clone). */
export interface PortableDensity extends DensityShape {
  readonly program: PortableProgram;
}

export interface ModelDensity extends BatchedLogDensity {
  /** The positions, and after them whatever else the program takes, which samplers leave as it is; `[element][lane]`. */
  readonly parameters: Float64Array;
  readonly memoryBytes: number;
  /** Another output of the program, `[element][lane]`, as the last evaluation left it. */
  output(name: string): Float64Array;
  /** Absent where the device keeps its programs to itself. */
  readonly portable?: PortableDensity;
  dispose(): Promise<void>;
}

/** The density that a compiled program computes. */
export function densityOf(executable: Executable, shape: DensityShape): ModelDensity {
  const { portable: program, resident } = executable;
  return {
    dimension: shape.dimension,
    lanes: executable.lanes,
    parameters: executable.parameters,
    positions: executable.parameters.subarray(0, shape.dimension * executable.lanes),
    logDensities: executable.output('value'),
    gradients: executable.output(...shape.gradients),
    evaluate: () => executable.run(),
    output: (name) => executable.output(name),
    memoryBytes: executable.memoryBytes,
    ...(executable.runCompanion && { runVectors: (job: number) => executable.runCompanion!(job) }),
    ...(program !== undefined && { portable: { ...shape, program }, memory: program.memory }),
    ...(resident !== undefined && {
      resident: {
        program: resident,
        gradients: resident.output(...shape.gradients),
        value: resident.accurate('value'),
      },
    }),
    dispose: () => executable.dispose(),
  };
}

/** A density of another thread, to be evaluated on this thread alone: the same numbers, bit for bit. */
export function adoptDensity({ program, ...shape }: PortableDensity): ModelDensity {
  return densityOf(CpuExecutable.adopt(program), shape);
}
