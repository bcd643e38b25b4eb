// The benchmark's density and gradient written by hand in WebAssembly SIMD for exactly this shape: what the compiler is held to.
import { Code, FunctionBuilder, ModuleBuilder } from '../../src/kernels/wasm/encoder.js';
import { position, type Problem } from './problem.js';

const lanes = 4;
const vectors = 2;
const bytesPerElement = lanes * 8;

export interface HandWritten {
  run(): void;
  /** Value [lane] and gradient [element][lane]; elements in the order of the problem's blocks. */
  readonly value: Float64Array;
  readonly gradient: Float64Array;
}

/**
 * One pass over markets, units and rows. Coefficients, their gradients and the sum of squared residuals of a unit stay in
 * locals; scales enter once per unit; columns are f64, as the compiler stores them, read straight into both lanes. exp of the scales is taken in JavaScript (no weight beside the rows), and so is the market level.
 */
export function handWrittenKernel(problem: Problem): HandWritten {
  const { coefficients, markets, unitsPerMarket, rows, traits } = problem.sizes;
  const { units, dimension } = problem;
  let next = 64;
  const reserve = (bytes: number): number => {
    const base = next;
    next += Math.ceil(bytes / 64) * 64;
    return base;
  };
  const at = {
    y: reserve(rows * 8),
    // The constant column is not stored.
    x: Array.from({ length: coefficients }, (_, k) => (k === 0 ? 0 : reserve(rows * 8))),
    rowStart: reserve((units + 1) * 4),
    parameters: reserve(dimension * bytesPerElement),
    gradient: reserve(dimension * bytesPerElement),
    /** 1/σ², then 1/σ_u² of every coefficient. */
    precisions: reserve((1 + coefficients) * bytesPerElement),
    /** Σ (β − γ)² of every coefficient, then Σ residual². */
    squares: reserve((coefficients + 1) * bytesPerElement),
  };
  const offset = blockOffsets(problem);
  const betaAt = at.parameters + offset.beta * bytesPerElement;
  const gammaAt = at.parameters + offset.gamma * bytesPerElement;
  const betaGradientAt = at.gradient + offset.beta * bytesPerElement;
  const gammaGradientAt = at.gradient + offset.gamma * bytesPerElement;
  const unitBytes = coefficients * bytesPerElement;

  const fn = new FunctionBuilder([], []);
  const vector = (): number[] => Array.from({ length: vectors }, () => fn.local('v128'));
  const each = (): number[][] => Array.from({ length: coefficients }, vector);
  const [market, unit, unitEnd, row, rowEnd, row8] = Array.from({ length: 6 }, () => fn.local('i32'));
  const beta = each();
  const sums = each();
  const squares = vector();
  const unitSquares = each();
  const gammaGradient = each();
  const temporary = fn.local('v128');
  const residual = vector();
  const predictor = Array.from({ length: coefficients }, () => fn.local('v128'));
  const response = fn.local('v128');

  const rowLoop = new Code();
  rowLoop.get(row8).mem('v128_load64_splat', at.y).set(response);
  for (let k = 1; k < coefficients; k++) {
    rowLoop.get(row8).mem('v128_load64_splat', at.x[k]).set(predictor[k]);
  }
  for (let v = 0; v < vectors; v++) {
    rowLoop.get(response).get(beta[0][v]).op('f64x2_sub');
    for (let k = 1; k < coefficients; k++) rowLoop.get(predictor[k]).get(beta[k][v]).op('f64x2_mul', 'f64x2_sub');
    rowLoop.tee(residual[v]).get(sums[0][v]).op('f64x2_add').set(sums[0][v]);
    for (let k = 1; k < coefficients; k++) {
      rowLoop.get(predictor[k]).get(residual[v]).op('f64x2_mul').get(sums[k][v]).op('f64x2_add').set(sums[k][v]);
    }
    rowLoop.get(residual[v]).get(residual[v]).op('f64x2_mul').get(squares[v]).op('f64x2_add').set(squares[v]);
  }
  rowLoop.get(row8).i32Const(8).op('i32_add').set(row8);
  rowLoop.get(row).i32Const(1).op('i32_add').tee(row).get(rowEnd).op('i32_lt_s').branchIf(0);

  const unitLoop = new Code();
  const local = (index: number, bytes: number): Code => new Code().get(index).i32Const(bytes).op('i32_mul');
  for (let k = 0; k < coefficients; k++) {
    for (let v = 0; v < vectors; v++) {
      unitLoop.append(local(unit, unitBytes)).mem('v128_load', betaAt + k * bytesPerElement + v * 16);
      unitLoop.set(beta[k][v]).f64x2Const(0).set(sums[k][v]);
    }
  }
  unitLoop.append(local(unit, 4)).mem('i32_load', at.rowStart).tee(row).i32Const(3).op('i32_shl').set(row8);
  unitLoop
    .append(local(unit, 4))
    .mem('i32_load', at.rowStart + 4)
    .set(rowEnd);
  unitLoop.get(row).get(rowEnd).op('i32_lt_s').if().loop().append(rowLoop).op('end', 'end');
  for (let k = 0; k < coefficients; k++) {
    for (let v = 0; v < vectors; v++) {
      const place = k * bytesPerElement + v * 16;
      unitLoop
        .get(beta[k][v])
        .append(local(market, unitBytes))
        .mem('v128_load', gammaAt + place)
        .op('f64x2_sub');
      unitLoop.tee(temporary).get(temporary).op('f64x2_mul').get(unitSquares[k][v]).op('f64x2_add');
      unitLoop.set(unitSquares[k][v]).get(temporary).i32Const(0);
      unitLoop
        .mem('v128_load', at.precisions + bytesPerElement + place)
        .op('f64x2_mul')
        .tee(temporary);
      unitLoop.get(gammaGradient[k][v]).op('f64x2_add').set(gammaGradient[k][v]).append(local(unit, unitBytes));
      unitLoop
        .get(sums[k][v])
        .i32Const(0)
        .mem('v128_load', at.precisions + v * 16)
        .op('f64x2_mul');
      unitLoop
        .get(temporary)
        .op('f64x2_sub')
        .mem('v128_store', betaGradientAt + place);
    }
  }
  unitLoop.get(unit).i32Const(1).op('i32_add').tee(unit).get(unitEnd).op('i32_lt_s').branchIf(0);

  const marketLoop = new Code();
  for (const pair of gammaGradient) for (const g of pair) marketLoop.f64x2Const(0).set(g);
  marketLoop.get(unit).i32Const(unitsPerMarket).op('i32_add').set(unitEnd).loop().append(unitLoop).op('end');
  for (let k = 0; k < coefficients; k++) {
    for (let v = 0; v < vectors; v++) {
      marketLoop.append(local(market, unitBytes)).get(gammaGradient[k][v]);
      marketLoop.mem('v128_store', gammaGradientAt + k * bytesPerElement + v * 16);
    }
  }
  marketLoop.get(market).i32Const(1).op('i32_add').tee(market).i32Const(markets).op('i32_lt_s').branchIf(0);
  fn.body.loop().append(marketLoop).op('end');
  for (const [k, pair] of [...unitSquares, squares].entries()) {
    for (let v = 0; v < vectors; v++) {
      fn.body
        .i32Const(0)
        .get(pair[v])
        .mem('v128_store', at.squares + k * bytesPerElement + v * 16);
    }
  }
  const builder = new ModuleBuilder();
  builder.addFunction(fn, 'kernel');
  const pages = Math.ceil(next / 65536);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const bytes = builder.encode({ minimum: pages, maximum: pages, shared: true }) as Uint8Array<ArrayBuffer>;
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
  const kernel = instance.exports.kernel as () => void;

  const doubles = (base: number, length: number): Float64Array => new Float64Array(memory.buffer, base, length);
  const x = problem.data.get('x')!.values;
  doubles(at.y, rows).set(problem.data.get('y')!.values);
  for (let k = 1; k < coefficients; k++) {
    const column = doubles(at.x[k], rows);
    for (let i = 0; i < rows; i++) column[i] = x[i * coefficients + k];
  }
  const rowStart = new Int32Array(memory.buffer, at.rowStart, units + 1);
  for (const u of problem.data.get('unit')!.values) rowStart[u + 1]++;
  for (let u = 0; u < units; u++) rowStart[u + 1] += rowStart[u];
  const parameters = doubles(at.parameters, dimension * lanes);
  for (let lane = 0; lane < lanes; lane++) {
    for (const [i, value] of position(problem, lane).entries()) parameters[i * lanes + lane] = value;
  }
  const gradient = doubles(at.gradient, dimension * lanes);
  const precisions = doubles(at.precisions, (1 + coefficients) * lanes);
  const squaresOut = doubles(at.squares, (coefficients + 1) * lanes);
  const value = new Float64Array(lanes);
  const w = problem.data.get('w')!.values;
  return {
    value,
    gradient,
    run() {
      for (let lane = 0; lane < lanes; lane++) {
        precisions[lane] = Math.exp(-2 * parameters[offset.logSigma * lanes + lane]);
        for (let k = 0; k < coefficients; k++) {
          precisions[(1 + k) * lanes + lane] = Math.exp(-2 * parameters[(offset.logSigmaU + k) * lanes + lane]);
        }
      }
      kernel();
      for (let lane = 0; lane < lanes; lane++) {
        const get = (element: number): number => parameters[element * lanes + lane];
        const addTo = (element: number, amount: number): void => {
          gradient[element * lanes + lane] += amount;
        };
        const set = (element: number, amount: number): void => {
          gradient[element * lanes + lane] = amount;
        };
        const logSigma = get(offset.logSigma);
        const scaled = squaresOut[coefficients * lanes + lane] * precisions[lane];
        let total = -0.5 * (scaled + logSigma * logSigma) - rows * logSigma;
        set(offset.logSigma, scaled - rows - logSigma);
        for (let k = 0; k < coefficients; k++) {
          const logU = get(offset.logSigmaU + k);
          const logV = get(offset.logSigmaV + k);
          const unitPart = squaresOut[k * lanes + lane] * precisions[(1 + k) * lanes + lane];
          set(offset.logSigmaU + k, unitPart - units - logU);
          const precision = Math.exp(-2 * logV);
          let marketSquares = 0;
          for (let t = 0; t < traits; t++) set(offset.delta + t * coefficients + k, 0);
          for (let j = 0; j < markets; j++) {
            let difference = get(offset.gamma + j * coefficients + k);
            for (let t = 0; t < traits; t++) difference -= w[j * traits + t] * get(offset.delta + t * coefficients + k);
            marketSquares += difference * difference;
            addTo(offset.gamma + j * coefficients + k, -difference * precision);
            for (let t = 0; t < traits; t++)
              addTo(offset.delta + t * coefficients + k, w[j * traits + t] * difference * precision);
          }
          set(offset.logSigmaV + k, marketSquares * precision - markets - logV);
          total -= 0.5 * (unitPart + logU * logU + marketSquares * precision + logV * logV);
          total -= units * logU + markets * logV;
          for (let t = 0; t < traits; t++) {
            const element = offset.delta + t * coefficients + k;
            total -= (0.5 * get(element) ** 2) / 100;
            addTo(element, -get(element) / 100);
          }
        }
        value[lane] = total;
      }
    },
  };
}

/** First element of each block. */
function blockOffsets(problem: Problem): Record<string, number> {
  const offsets: Record<string, number> = {};
  let next = 0;
  for (const { name, shape } of problem.blocks) {
    offsets[name] = next;
    next += shape.reduce((a, b) => a * b, 1);
  }
  return offsets;
}
