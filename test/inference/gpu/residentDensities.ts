// Densities written by hand in WGSL, as programs that stay on the device: what the compiler will make, for tests of phase space.
import type { ResidentDensity } from '../../../src/inference/logDensity.js';
import type { GpuContext } from '../../../src/kernels/webgpu/context.js';
import { twoFloat } from '../../../src/inference/gpu/wgsl/sums.js';

/** A density in WGSL beside its plain form. */
export interface WgslDensity {
  readonly dimension: number;
  /**
   * Statements for one lane: they read `q(i)`, call `setGradient(i, x)` for every i, and add the terms of the log density to
   * `value`, a two-float sum.
   */
  readonly body: string;
}

/** `correlatedNormal` of ../densities.ts: a stationary first-order autoregression of unit variance. */
export function wgslCorrelatedNormal(dimension: number, rho: number): WgslDensity {
  return {
    dimension,
    body: `
  let rho = f32(${rho});
  let innovation = f32(${1 - rho * rho});
  value = accumulate(value, -0.5 * q(0u) * q(0u));
  var next = -q(0u);
  for (var i = 1u; i < DIMENSION; i++) {
    let residual = q(i) - rho * q(i - 1u);
    value = accumulate(value, -0.5 * residual * residual / innovation);
    setGradient(i - 1u, next + rho * residual / innovation);
    next = -residual / innovation;
  }
  setGradient(DIMENSION - 1u, next);`,
  };
}

/** `banana` of ../densities.ts. */
export const wgslBanana: WgslDensity = {
  dimension: 2,
  body: `
  let error = q(1u) - q(0u) * q(0u);
  value = accumulate(value, -0.5 * q(0u) * q(0u));
  value = accumulate(value, -0.5 * error * error);
  setGradient(0u, 2.0 * q(0u) * error - q(0u));
  setGradient(1u, -error);`,
};

/** `eightSchools` of ../densities.ts. */
export const wgslEightSchools: WgslDensity = {
  dimension: 10,
  body: `
  var effects = array<f32, 8>(28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0);
  var errors = array<f32, 8>(15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0);
  let mu = q(0u);
  let tau = exp(q(1u));
  let ratio = (tau / 5.0) * (tau / 5.0);
  value = accumulate(value, -mu * mu / 50.0);
  value = accumulate(value, q(1u) - log(1.0 + ratio));
  var byMu = -mu / 25.0;
  var byLogTau = 1.0 - 2.0 * ratio / (1.0 + ratio);
  for (var j = 0u; j < 8u; j++) {
    let eta = q(2u + j);
    let error = (effects[j] - mu - tau * eta) / errors[j];
    value = accumulate(value, -0.5 * (eta * eta + error * error));
    byMu += error / errors[j];
    byLogTau += error / errors[j] * tau * eta;
    setGradient(2u + j, error / errors[j] * tau - eta);
  }
  setGradient(0u, byMu);
  setGradient(1u, byLogTau);`,
};

/** Compiles a density for a number of lanes; every evaluation is one dispatch. */
export async function resident(
  context: GpuContext,
  { dimension, body }: WgslDensity,
  lanes: number,
): Promise<ResidentDensity & { readonly dispose: () => void }> {
  const code = `
const DIMENSION = ${dimension}u;
const LANES = ${lanes}u;
const THREADS = 64u;
struct Header { zero: u32 }
@group(0) @binding(0) var<storage, read> header: Header;
@group(0) @binding(1) var<storage, read_write> positions: array<f32>;
@group(0) @binding(2) var<storage, read_write> gradients: array<f32>;
@group(0) @binding(3) var<storage, read_write> words: array<f32>;
${twoFloat}
var<private> lane: u32;
fn q(i: u32) -> f32 { return positions[i * LANES + lane]; }
fn setGradient(i: u32, x: f32) { gradients[i * LANES + lane] = x; }
@compute @workgroup_size(THREADS) fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= LANES) { return; }
  zero = header.zero;
  lane = id.x;
  var value = vec2f();
  ${body}
  words[lane] = value.x;
  words[LANES + lane] = value.y;
}`;
  const pipeline = await context.pipeline(code, 'test density');
  const bytes = 4 * dimension * lanes;
  const zero = await context.allocate(4, 'zero');
  const positions = await context.allocate(bytes, 'positions');
  const gradients = await context.allocate(bytes, 'gradients');
  const words = await context.allocate(8 * lanes, 'words');
  const group = context.device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [zero, positions, gradients, words].map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
  const gradientArray = { buffer: gradients, offset: 0, size: dimension };
  const sums = new Float64Array(lanes);
  const value = {
    words: { buffer: words, offset: 0, size: 2 },
    evaluate: (copy: Float32Array) => {
      for (let lane = 0; lane < lanes; lane++) sums[lane] = copy[lane] + copy[lanes + lane];
      return sums;
    },
  };
  return {
    program: {
      context,
      lanes,
      parameters: { buffer: positions, offset: 0, size: dimension },
      output: () => gradientArray,
      accurate: () => value,
      encode: (pass) => {
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, group);
        pass.dispatchWorkgroups(Math.ceil(lanes / 64));
        context.countDispatches(1);
      },
      dispatches: 1,
      bytesMoved: 2 * bytes,
    },
    gradients: gradientArray,
    value,
    dispose: () => [zero, positions, gradients, words].forEach((buffer) => context.free(buffer)),
  };
}
