// Positions of the whole model from draws of the scales: coefficients are drawn given the scales, a few draws at a time.
import { cpuDevice } from '../../kernels/cpu/cpuDevice.js';
import type { Device, Executable } from '../../kernels/device.js';
import { deviatingCount } from '../../models/linearHierarchy/links.js';
import type { FixedValues } from '../../models/linearHierarchy/values.js';
import type { Model } from '../../models/model.js';
import { HierarchyPositions } from '../linearHierarchy/positions.js';
import { normalsPerPass, NormalSource } from '../random/normalKernel.js';
import type { RandomStream } from '../random/streams.js';
import { stackWidth } from './columns.js';
import {
  densityOutput,
  drawProgram,
  levelOutput,
  normalBlocks,
  populationOutput,
  restOutput,
  sumsOutput,
} from './drawProgram.js';
import { identityMap, type Marginal, marginalParameters, type ScaleMap, setMap } from './marginalDensity.js';
import { naturalScales } from './scales.js';
import type { UnitValues } from './unitPolynomials.js';

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
    /** Shapes of the parts of the units' sums. */
    readonly sumShapes: readonly (readonly number[])[],
  ) {
    this.positions = new HierarchyPositions(model);
    this.dimension = this.positions.dimension;
    const count = normalBlocks(marginal).reduce((sum, { size }) => sum + size, 0);
    this.normals = new Float64Array(count);
    const memory = executable.portable?.memory;
    this.source = memory && new NormalSource(memory);
    this.scales = Array.from({ length: draws }, () => new Float64Array(marginal.dimension));
  }

  /**
   * @param device of the processor
   * @param withDensity also computes `logDensity` and `unitValues`
   */
  static async compile(
    marginal: Marginal,
    model: Model,
    device: Device = cpuDevice(),
    withDensity = false,
  ): Promise<CoefficientDraws> {
    const { program, sumShapes } = drawProgram(marginal, withDensity);
    const executable = await device.compile(program, {
      parameters: [...marginalParameters(marginal), ...normalBlocks(marginal), { name: 'room', size: normalsPerPass }],
      data: marginal.data.arrays,
      chains: draws,
    });
    return new CoefficientDraws(marginal, model, executable, sumShapes);
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

  /** The log density of a draw's scales; after `run`, of a program with the density. */
  logDensity(draw: number): number {
    return this.executable.output(densityOutput)[draw];
  }

  /** What the units say at each place θ, whose other scales are those of the map's centre. */
  unitValues(places: readonly Float64Array[]): (UnitValues & { readonly logDensity: number })[] {
    const { executable, marginal, scaleMap } = this;
    const { parameters, lanes } = executable;
    const { dimension } = marginal;
    const map = scaleMap!;
    setMap({ parameters, lanes, dimension }, { ...map, map: identityMap(dimension).map });
    parameters.fill(0, 0, dimension * lanes);
    const found = [];
    for (let first = 0; first < places.length; first += draws) {
      const own = places.slice(first, first + draws);
      for (const [draw, place] of own.entries())
        for (const [i, theta] of place.entries()) parameters[i * lanes + draw] = theta - map.centre[i];
      this.run();
      for (const draw of own.keys()) {
        const numbers = (name: string): Float64Array => {
          const values = executable.output(name);
          return Float64Array.from({ length: values.length / lanes }, (_, i) => values[i * lanes + draw]);
        };
        const sums = this.sumShapes.map((_, part) => numbers(sumsOutput(part)));
        found.push({ sums, rest: numbers(restOutput)[0], logDensity: this.logDensity(draw) });
      }
    }
    setMap({ parameters, lanes, dimension }, map);
    return found;
  }

  /** The position of the model that a draw is, written to `target`; after `run`. */
  read(draw: number, target: Float64Array): void {
    const { term, priors, kinds, blocks } = this.marginal;
    const theta = this.thetaOf(this.scales[draw]);
    const { sigma, levels, shrinkages } = naturalScales(term, priors, kinds, blocks, theta, this.scaleMap!);
    const [own, ofFixed] = shrinkages;
    const fixed = this.fixed(draw);
    this.positions.writeScalars(
      {
        sigma,
        terms: [{ population: this.population(draw), levels, ...(own && { shrinkage: own }) }],
        fixed: fixed && { ...fixed, ...(ofFixed && { shrinkage: ofFixed }) },
      },
      target,
    );
    for (const [l, level] of term.levels.entries()) this.readLevel(l, draw, this.positions.levelOf(level, target));
  }

  dispose(): Promise<void> {
    return this.executable.dispose();
  }

  private thetaOf(position: Float64Array): Float64Array {
    const { centre, map } = this.scaleMap!;
    const theta = centre.slice();
    for (let i = 0, at = 0; i < theta.length; i++)
      for (let j = 0; j < theta.length; j++, at++) theta[i] += map[at] * position[j];
    return theta;
  }

  private readLevel(l: number, draw: number, target: Float64Array): void {
    const size = deviatingCount(this.marginal.term.levels[l]);
    const { lanes } = this.executable;
    for (let first = 0, part = 0; first < size; first += stackWidth, part++) {
      const values = this.executable.output(levelOutput(l, part));
      const width = Math.min(stackWidth, size - first);
      for (let from = draw, row = first; row < target.length; row += size)
        for (let at = row; at < row + width; at++, from += lanes) target[at] = values[from];
    }
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
