// Kernels that report draws: positions to the program of the sites, its values gathered to be read, running sums of the others.
import { type KernelSource, kernelSource } from './shared.js';

/** Values that a workgroup of the second and third kernel takes. */
export const valuesPerGroup = 1024;

const placeEntryWords = 2;
const gatherEntryWords = 2;
const sumEntryWords = 5;

/** Puts the positions of entries where the program of the sites expects its parameters. */
export const placePosition = (): KernelSource =>
  kernelSource(
    'place position',
    ['table', 'vectors', 'order', 'siteParameters'],
    `
  let at = header.first + group.x * ${placeEntryWords}u;
  let chain = table[at];
  let row = rowOf(table[at + 1u], chain);
  let end = chunkEnd(group.y);
  for (var i = chunkBegin(group.y) + thread; i < end; i += THREADS) {
    siteParameters[order[header.pageStart + i] * header.siteLanes + chain] = vectors[row + i];
  }`,
  );

/** Copies the kept values of an entry's chain to its place in what is read back, \`[entry][value]\`. */
export const gatherSites = (): KernelSource =>
  kernelSource(
    'gather sites',
    ['table', 'sites', 'siteValues'],
    `
  let at = header.first + group.x * ${gatherEntryWords}u;
  let chain = table[at];
  let place = table[at + 1u] * header.kept;
  let end = min(header.kept, (group.y + 1u) * ${valuesPerGroup}u);
  for (var i = group.y * ${valuesPerGroup}u + thread; i < end; i += THREADS) {
    siteValues[place + i] = sites[i * header.siteLanes + chain];
  }`,
  );

/**
 * Takes the values that are not kept into the running moments of diagnostics/runningMoments.ts: an entry has chain, half, number of the
 * draw within its half, draws of the batch under way with this one, and whether the batch ends with it. Sums are pairs of floats
 * \`[2][chain][value]\`: means and squares by half; batches: the sum of the one under way, then the squares of those that ended.
 */
export const addToSums = (): KernelSource =>
  kernelSource(
    'add to sums',
    ['table', 'sites', 'sumMeans', 'sumSquares', 'sumBatches'],
    `
  let at = header.first + group.x * ${sumEntryWords}u;
  let chain = table[at];
  let inHalf = f32(table[at + 2u]);
  let inBatch = f32(table[at + 3u]);
  let ends = table[at + 4u] != 0u;
  let halfRow = (table[at + 1u] * header.chains + chain) * header.rest;
  let batchRow = chain * header.rest;
  let endedRow = (header.chains + chain) * header.rest;
  let end = min(header.rest, (group.y + 1u) * ${valuesPerGroup}u);
  for (var i = group.y * ${valuesPerGroup}u + thread; i < end; i += THREADS) {
    let value = sites[(header.kept + i) * header.siteLanes + chain];
    let before = sumMeans[halfRow + i];
    let deviation = opaque(value - before.x) - before.y;
    let mean = asDouble(accumulate(before, deviation / inHalf));
    let after = opaque(value - mean.x) - mean.y;
    sumMeans[halfRow + i] = mean;
    sumSquares[halfRow + i] = asDouble(accumulate(sumSquares[halfRow + i], deviation * after));
    var batch = asDouble(accumulate(sumBatches[batchRow + i], value));
    if (ends) {
      if (inHalf > inBatch) {
        let difference = lessMultiple(batch, inBatch, mean);
        let term = difference * difference / inBatch * (inHalf / (inHalf - inBatch));
        sumBatches[endedRow + i] = asDouble(accumulate(sumBatches[endedRow + i], term));
      }
      batch = vec2f();
    }
    sumBatches[batchRow + i] = batch;
  }`,
    `
/**
 * A pair whose sum a double holds exactly, so that sums that were saved and restored go on with the same bits: bits of the low
 * word that lie below the 53rd of the high word's are cut off.
 */
fn asDouble(sum: vec2f) -> vec2f {
  let pair = twoSum(sum.x, sum.y);
  let low = bitcast<u32>(pair.y);
  let excess = i32((bitcast<u32>(pair.x) >> 23u) & 0xffu) - 29 - i32((low >> 23u) & 0xffu);
  if (excess <= 0) { return pair; }
  if (excess >= 24) { return vec2f(pair.x, 0.0); }
  return vec2f(pair.x, bitcast<f32>(low & (0xffffffffu << u32(excess))));
}

/** sum − count · mean: products of halves of the mean's digits with a count up to 4096 are exact. */
fn lessMultiple(sum: vec2f, count: f32, mean: vec2f) -> f32 {
  let high = bitcast<f32>(bitcast<u32>(mean.x) & 0xfffff000u);
  var rest = accumulate(sum, -count * high);
  rest = accumulate(rest, -count * opaque(mean.x - high));
  rest = accumulate(rest, -count * mean.y);
  return rest.x + rest.y;
}`,
  );
