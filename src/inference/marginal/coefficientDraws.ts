// Positions of the whole model from draws of the scales: coefficients are drawn given the scales, a few draws at a time.
import { cpuDevice } from '../../kernels/cpu/cpuDevice.js';
import type { Executable } from '../../kernels/device.js';
import { placesFrom } from '../../models/linearHierarchy/links.js';
import type { FixedValues, LevelNatural } from '../../models/linearHierarchy/values.js';
import type { Model } from '../../models/model.js';
import { HierarchyPositions } from '../linearHierarchy/positions.js';
import { normalsPerPass, NormalSource } from '../random/normalKernel.js';
import type { RandomStream } from '../random/streams.js';
import { stackWidth } from './columns.js';
import { drawProgram, levelOutput, normalBlocks, populationOutput } from './drawProgram.js';
import { type Marginal, marginalParameters, type ScaleMap, setMap } from './marginalDensity.js';
import { naturalScales } from './scales.js';

/** Draws at a time: what one call of a program takes. */
const draws = 4;

export class CoefficientDraws {
  readonly dimension: number;
  /** Draws that `set` has room for. */
  readonly capacity = draws;
  private readonly positions: HierarchyPositions;
  /** Normals of one draw, of streams whose numbers the program's memory cannot be filled with. */
  private readonly normals: Float64Array;
  private readonly source: NormalSource | undefined;
  /** ξ of each draw. */
  private readonly scales: readonly Float64Array[];
  private scaleMap: ScaleMap | undefined;

  private constructor(
    private readonly marginal: Marginal,
    model: Model,
    private readonly executable: Executable,
  ) {
    this.positions = new HierarchyPositions(model);
    this.dimension = this.positions.dimension;
    const count = normalBlocks(marginal).reduce((sum, { size }) => sum + size, 0);
    this.normals = new Float64Array(count);
    const memory = executable.portable?.memory;
    this.source = memory && new NormalSource(memory);
    this.scales = Array.from({ length: draws }, () => new Float64Array(marginal.dimension));
  }

  static async compile(marginal: Marginal, model: Model): Promise<CoefficientDraws> {
    const executable = await cpuDevice().compile(drawProgram(marginal), {
      parameters: [...marginalParameters(marginal), ...normalBlocks(marginal), { name: 'room', size: normalsPerPass }],
      data: marginal.data.arrays,
      chains: draws,
    });
    return new CoefficientDraws(marginal, model, executable);
  }

  get memoryBytes(): number {
    return this.executable.memoryBytes;
  }

  /** The map from positions to scales; before the first draw. */
  setMap(map: ScaleMap): void {
    this.scaleMap = map;
    const { parameters, lanes } = this.executable;
    setMap({ parameters, lanes, dimension: this.marginal.dimension }, map);
  }

  /** Takes a position ξ in, with the stream that its coefficients are drawn from. */
  set(draw: number, position: Float64Array, stream: RandomStream): void {
    const { parameters, lanes } = this.executable;
    const { dimension } = this.marginal;
    this.scales[draw].set(position);
    for (let i = 0, at = draw; i < dimension; i++, at += lanes) parameters[at] = position[i];
    const first = (4 * dimension + dimension * dimension) * lanes + draw;
    const { counter } = stream;
    if (this.source && counter) {
      const count = Math.ceil(this.normals.length / normalsPerPass) * normalsPerPass;
      this.source.fill(parameters.byteOffset + 8 * first, count, 8 * lanes, counter);
      return;
    }
    stream.fillNormal(this.normals);
    for (let i = 0, at = first; i < this.normals.length; i++, at += lanes) parameters[at] = this.normals[i];
  }

  /** Draws the coefficients of all draws that are set. */
  run(): void {
    if (this.executable.run() !== undefined)
      throw new Error('coefficients are drawn on a device that evaluates at once');
  }

  /** The position of the model that a draw is, written to `target`; after `run`. */
  read(draw: number, target: Float64Array): void {
    const { term, priors, kinds, blocks } = this.marginal;
    const theta = this.thetaOf(this.scales[draw]);
    const { sigma, levels, shrinkages } = naturalScales(term, priors, kinds, blocks, theta, this.scaleMap!);
    const [own, ofFixed] = shrinkages;
    const fixed = this.fixed(draw);
    this.positions.write(
      {
        sigma,
        terms: [
          {
            population: this.population(draw),
            levels: levels.map((scales, l) => this.levelOf(l, draw, scales)),
            ...(own && { shrinkage: own }),
          },
        ],
        fixed: fixed && { ...fixed, ...(ofFixed && { shrinkage: ofFixed }) },
      },
      target,
    );
  }

  dispose(): Promise<void> {
    return this.executable.dispose();
  }

  private thetaOf(position: Float64Array): Float64Array {
    const { centre, map } = this.scaleMap!;
    return centre.map((value, i) => {
      let theta = value;
      for (let j = 0; j < position.length; j++) theta += map[i * position.length + j] * position[j];
      return theta;
    });
  }

  private levelOf(l: number, draw: number, scales: Omit<LevelNatural, 'coefficients'>): LevelNatural {
    const { size } = this.marginal.term.levels[l];
    const groups = this.marginal.groups[l];
    const { shift } = this.marginal.data;
    // Where in the population a coefficient's overall constant is.
    const constants = placesFrom(this.marginal.term.levels, l);
    const coefficients = new Float64Array(groups * size);
    for (let first = 0, part = 0; first < size; first += stackWidth, part++) {
      const values = this.executable.output(levelOutput(l, part));
      const width = Math.min(stackWidth, size - first);
      const { lanes } = this.executable;
      for (let i = 0; i < width; i++) {
        const from = shift[constants[first + i]];
        for (let g = 0; g < groups; g++)
          coefficients[g * size + first + i] = from + values[(g * width + i) * lanes + draw];
      }
    }
    return { ...scales, coefficients };
  }

  private fixed(draw: number): FixedValues | undefined {
    const { crossed, shift } = this.marginal.data;
    if (crossed === undefined) return undefined;
    const values = this.executable.output(populationOutput);
    const { lanes } = this.executable;
    return {
      coefficients: Float64Array.from({ length: crossed.free }, (_, i) => values[(shift.length + i) * lanes + draw]),
    };
  }

  private population(draw: number): Float64Array {
    const values = this.executable.output(populationOutput);
    return this.marginal.data.shift.map((from, i) => from + values[i * this.executable.lanes + draw]);
  }
}
