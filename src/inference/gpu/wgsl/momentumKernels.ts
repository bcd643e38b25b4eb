// Fresh momenta on the device: Philox4x32-10 with the integers of the host, Box-Muller normals, scaling by the mass.
import { mathCall, mathSource } from '../../../kernels/webgpu/math/mathSource.js';
import { type KernelSource, kernelSource, type KernelVariant } from './shared.js';
import { storeSums } from './sums.js';

/** Words of an entry; momentum and scalar stand where those of a leapfrog step stand, for the kernels of the dense block. */
const refreshEntryWords = 9;

/** Philox4x32-10 (Salmon et al. 2011, §3.3), bit for bit that of random/philox.ts. */
export const philox = `
/** Upper 32 bits of a product, from 16-bit halves. */
fn multiplyHigh(a: u32, b: u32) -> u32 {
  let aLow = a & 0xffffu;
  let aHigh = a >> 16u;
  let bLow = b & 0xffffu;
  let bHigh = b >> 16u;
  let middle = aHigh * bLow + ((aLow * bLow) >> 16u);
  let cross = aLow * bHigh + (middle & 0xffffu);
  return aHigh * bHigh + (middle >> 16u) + (cross >> 16u);
}

fn philox4x32(counter: vec4u, firstKey: vec2u) -> vec4u {
  var x = counter;
  var key = firstKey;
  for (var round = 0u; round < 10u; round++) {
    let high0 = multiplyHigh(0xd2511f53u, x.x);
    let high1 = multiplyHigh(0xcd9e8d57u, x.z);
    x = vec4u(high1 ^ x.y ^ key.x, 0xcd9e8d57u * x.z, high0 ^ x.w ^ key.y, 0xd2511f53u * x.x);
    key += vec2u(0x9e3779b9u, 0xbb67ae85u);
  }
  return x;
}`;

/**
 * Box and Muller (1958) as on the host; of the angle's uniform the upper word does. The angle is reduced to an eighth of a circle in
 * integers, because WGSL promises only 2^-11 of its own sine, and 2^-21 of its logarithm near 1; polynomials of Cephes (sinf, cosf; error below 2^-23).
 */
export const normals = `
${mathSource(['log'], 'f32')}
/** Cosine and sine of 2π (word + 1/2) / 2^32. */
fn circle(word: u32) -> vec2f {
  let quarter = (word + 0x20000000u) >> 30u;
  let angle = (f32(bitcast<i32>(word - (quarter << 30u))) + 0.5) * 1.4629180792671596e-9;
  let z = angle * angle;
  let sine = angle + angle * z * ((-1.9515295891e-4 * z + 8.3321608736e-3) * z - 1.6666654611e-1);
  let cosine = 1.0 - 0.5 * z + z * z * ((2.443315711809948e-5 * z - 1.388731625493765e-3) * z + 4.166664568298827e-2);
  switch quarter & 3u {
    case 0u: { return vec2f(cosine, sine); }
    case 1u: { return vec2f(-sine, cosine); }
    case 2u: { return vec2f(-cosine, -sine); }
    default: { return vec2f(sine, -cosine); }
  }
}

/** Element \`index\` of a stream's normals. */
fn normal(index: u32, stream: vec3u, key: vec2u) -> f32 {
  let words = philox4x32(vec4u(index >> 1u, stream), key);
  // 26 bits of each word, as the host's: 2^-26 of both.
  let fraction = (f32(words.y >> 6u) + 0.5) * 1.4901161193847656e-8;
  let uniform = min((f32(words.x >> 6u) + fraction) * 1.4901161193847656e-8, 0.99999994);
  let pair = sqrt(-2.0 * ${mathCall('log', 'f32')}(uniform)) * circle(words.z);
  return select(pair.x, pair.y, (index & 1u) == 1u);
}`;

/**
 * p = z/√m⁻¹ and twice its kinetic energy as partial sums; z over the dense block goes to the block's velocities, from where
 * the block's own kernels make momenta of it. Where normals are given they are in the momentum's slot already.
 */
export function refreshMomentum({ hasBlock, sums }: KernelVariant): KernelSource {
  const toBlock = `
    if (dimension < header.block) {
      blockVelocities[((momentumVector - FIRST_MOMENTUM) * header.chains + chain) * header.block + dimension] = z;
      continue;
    }`;
  return kernelSource(
    'refresh momentum',
    ['table', 'vectors', 'order', 'partials', ...(hasBlock ? (['blockVelocities'] as const) : [])],
    `
  let at = header.first + group.x * ${refreshEntryWords}u;
  let chain = table[at];
  let key = vec2u(table[at + 1u], table[at + 2u]);
  let stream = vec3u(table[at + 3u], table[at + 4u], table[at + 5u]);
  let momentumVector = table[at + 6u];
  let isGiven = table[at + 7u] != 0u;
  let scalar = table[at + 8u];
  let momentumRow = rowOf(momentumVector, chain);
  let inverseMassRow = rowOf(INVERSE_MASS, chain);
  let end = chunkEnd(group.y);
  var energy = vec2f();
  for (var i = chunkBegin(group.y) + thread; i < end; i += THREADS) {
    let dimension = header.pageStart + i;
    var z = vectors[momentumRow + i];
    if (!isGiven) { z = normal(order[dimension], stream, key); }
    ${hasBlock ? toBlock : ''}
    let inverseMass = vectors[inverseMassRow + i];
    let momentum = z / sqrt(inverseMass);
    vectors[momentumRow + i] = momentum;
    energy = accumulate(energy, inverseMass * momentum * momentum);
  }
  storeSums(array(energy), scalar, chunkNumber(group.y), thread);`,
    philox + normals + storeSums(sums, 1),
  );
}
