// How fast a device copies its own memory: the yardstick for bytes moved per second. Bytes read and written are both counted.
import { Worker } from 'node:worker_threads';
import type { GpuContext } from '../../src/kernels/webgpu/context.js';
import { median } from '../rounds.js';

const copyBytes = 256 * 2 ** 20;
const rounds = 7;

/** Bytes per second of `Float64Array.set` on so many threads at once, each on its share of 256 MiB. */
export async function cpuCopyBandwidth(threads: number): Promise<number> {
  const numbers = Math.floor(copyBytes / 8 / threads);
  const code = `const { parentPort, workerData } = require('node:worker_threads');
    const [source, target] = [0, 1].map(() => new Float64Array(workerData).fill(1));
    parentPort.on('message', () => { target.set(source); parentPort.postMessage(0); });`;
  const workers = Array.from({ length: threads }, () => new Worker(code, { eval: true, workerData: numbers }));
  const copyAll = (): Promise<unknown> =>
    Promise.all(
      workers.map((worker) => {
        const done = new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
        worker.postMessage(0);
        return done;
      }),
    );
  await copyAll();
  const seconds: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    await copyAll();
    seconds.push((performance.now() - start) / 1000);
  }
  await Promise.all(workers.map((worker) => worker.terminate()));
  return (2 * numbers * 8 * threads) / median(seconds);
}

const workgroup = 256;

/** Bytes per second of a kernel that copies four floats a thread. Rejects as GpuContext does. */
export async function gpuCopyBandwidth(context: GpuContext): Promise<number> {
  const bytes = Math.min(context.adapter.isSoftware ? copyBytes / 8 : copyBytes, context.limits.bindingBytes);
  const vectors = Math.floor(bytes / 16);
  const groups = Math.min(context.limits.workgroups, Math.ceil(vectors / workgroup));
  const code = `@group(0) @binding(0) var<storage, read> source: array<vec4f>;
    @group(0) @binding(1) var<storage, read_write> result: array<vec4f>;
    @compute @workgroup_size(${workgroup}) fn main(@builtin(global_invocation_id) id: vec3u) {
      for (var i = id.x; i < ${vectors}u; i += ${groups * workgroup}u) { result[i] = source[i]; }
    }`;
  const pipeline = await context.pipeline(code, 'copy bandwidth');
  const [source, target] = [await context.allocate(bytes, 'copied'), await context.allocate(bytes, 'copy')];
  const group = context.device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [source, target].map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
  const copies = async (count: number): Promise<number> => {
    const start = performance.now();
    const encoder = context.device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    for (let i = 0; i < count; i++) pass.dispatchWorkgroups(groups);
    pass.end();
    await context.submitAndRead(encoder, [{ buffer: target, offset: 0, bytes: 16 }]);
    return (performance.now() - start) / 1000;
  };
  await copies(1);
  // The difference of many copies and few is free of what a submission costs.
  const [few, many] = context.adapter.isSoftware ? [1, 5] : [20, 220];
  const seconds: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const short = await copies(few);
    seconds.push(((await copies(many)) - short) / (many - few));
  }
  context.free(source);
  context.free(target);
  return (2 * vectors * 16) / median(seconds);
}
