// One GPU device: its limits, its pipelines, its buffers, and a count of everything that is asked of it.
import { DeviceLostError, DeviceMemoryError, NoAdapterError, ShaderCompileError } from './errors.js';

/** Flags of WebGPU buffers, as numbers, because the names exist in browsers alone. */
const bufferUsage = { mapRead: 1, copySource: 4, copyTarget: 8, uniform: 64, storage: 128 } as const;

const mapRead = 1;

/** What an adapter is called, and whether it only imitates a GPU. */
export interface AdapterDescription {
  readonly vendor: string;
  readonly name: string;
  /** Runs on the CPU (SwiftShader, llvmpipe): right for tests, slow for work. */
  readonly isSoftware: boolean;
}

/** Work asked of a device so far. */
export interface GpuCounters {
  dispatches: number;
  submits: number;
  readBacks: number;
  bytesRead: number;
  bytesWritten: number;
}

export interface GpuLimits {
  /** Largest array that one binding can reach, in bytes. */
  readonly bindingBytes: number;
  readonly bufferBytes: number;
  /** Storage buffers that one kernel can use. */
  readonly storageBuffers: number;
  readonly workgroupBytes: number;
  readonly workgroupSize: number;
  /** Workgroups along one dimension of a dispatch. */
  readonly workgroups: number;
}

export interface GpuContextOptions {
  /** Smaller limits than the adapter's, so that tests can see arrays being split. */
  readonly limits?: Partial<GpuLimits>;
}

export class GpuContext {
  readonly counters: GpuCounters = { dispatches: 0, submits: 0, readBacks: 0, bytesRead: 0, bytesWritten: 0 };
  readonly limits: GpuLimits;
  /** Bytes of all buffers that exist. */
  allocatedBytes = 0;
  private lostReason: string | undefined;
  private failure: Error | undefined;
  private readonly pipelines = new Map<string, Promise<GPUComputePipeline>>();
  /** Buffers to read back through, free to be used, by size. */
  private readonly staging = new Map<number, GPUBuffer[]>();

  private constructor(
    readonly device: GPUDevice,
    readonly adapter: AdapterDescription,
    limits: Partial<GpuLimits>,
  ) {
    const own = device.limits;
    this.limits = {
      bindingBytes: Math.min(own.maxStorageBufferBindingSize, own.maxBufferSize),
      bufferBytes: own.maxBufferSize,
      storageBuffers: own.maxStorageBuffersPerShaderStage,
      workgroupBytes: own.maxComputeWorkgroupStorageSize,
      workgroupSize: Math.min(own.maxComputeInvocationsPerWorkgroup, own.maxComputeWorkgroupSizeX),
      workgroups: own.maxComputeWorkgroupsPerDimension,
      ...limits,
    };
    void device.lost.then(({ reason, message }) => {
      this.lostReason = message || reason || 'no reason given';
    });
    device.addEventListener('uncapturederror', (event) => {
      const { error } = event;
      this.failure ??= isOutOfMemory(error)
        ? new DeviceMemoryError(`the GPU is out of memory: ${error.message}`)
        : new Error(`the GPU reports: ${error.message}`);
    });
  }

  /** A device of the adapter, with the adapter's limits. Throws NoAdapterError, DeviceLostError. */
  static async create(gpu: GPU, { limits = {} }: GpuContextOptions = {}): Promise<GpuContext> {
    const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
    if (adapter === null) throw new NoAdapterError('no GPU adapter was found');
    const wanted = [
      'maxStorageBufferBindingSize',
      'maxBufferSize',
      'maxStorageBuffersPerShaderStage',
      'maxComputeWorkgroupStorageSize',
      'maxComputeInvocationsPerWorkgroup',
      'maxComputeWorkgroupSizeX',
    ] as const;
    const device = await adapter.requestDevice({
      requiredLimits: Object.fromEntries(wanted.map((name) => [name, adapter.limits[name]])),
    });
    return new GpuContext(device, describeAdapter(adapter), limits);
  }

  /** Throws when the device is lost or has reported an error since the last call. */
  check(): void {
    if (this.lostReason !== undefined) throw new DeviceLostError(`the GPU was lost: ${this.lostReason}`);
    const { failure } = this;
    this.failure = undefined;
    if (failure !== undefined) throw failure;
  }

  /** The pipeline of a kernel with entry point `main` and automatic layout; compiled once. Rejects with ShaderCompileError. */
  pipeline(code: string, label: string): Promise<GPUComputePipeline> {
    let pipeline = this.pipelines.get(code);
    if (pipeline === undefined) {
      pipeline = this.compile(code, label);
      this.pipelines.set(code, pipeline);
    }
    return pipeline;
  }

  private async compile(code: string, label: string): Promise<GPUComputePipeline> {
    const { device } = this;
    device.pushErrorScope('validation');
    const module = device.createShaderModule({ code, label });
    const scope = device.popErrorScope();
    const { messages } = await module.getCompilationInfo();
    await scope;
    const fault = messages.find(({ type }) => type === 'error');
    if (fault !== undefined) {
      throw new ShaderCompileError(`kernel ${label}, line ${fault.lineNum}: ${fault.message}`, code);
    }
    try {
      return await device.createComputePipelineAsync({
        label,
        layout: 'auto',
        compute: { module, entryPoint: 'main' },
      });
    } catch (error) {
      this.check();
      throw new ShaderCompileError(`kernel ${label}: ${(error as Error).message}`, code);
    }
  }

  /** A storage buffer of zeros. Rejects with DeviceMemoryError when the device has no room for it. */
  async allocate(bytes: number, label: string): Promise<GPUBuffer> {
    const size = Math.max(16, Math.ceil(bytes / 16) * 16);
    if (size > this.limits.bufferBytes) {
      throw new DeviceMemoryError(
        `${label}: ${size} bytes, but a buffer of ${this.adapter.name} holds at most ${this.limits.bufferBytes}`,
      );
    }
    const { storage, copySource, copyTarget } = bufferUsage;
    return this.create(size, label, storage | copySource | copyTarget);
  }

  /** A uniform buffer of zeros. */
  async allocateUniform(bytes: number, label: string): Promise<GPUBuffer> {
    return this.create(bytes, label, bufferUsage.uniform | bufferUsage.copyTarget);
  }

  free(buffer: GPUBuffer): void {
    this.allocatedBytes -= buffer.size;
    buffer.destroy();
  }

  write(buffer: GPUBuffer, offset: number, values: Float32Array | Uint32Array | Int32Array): void {
    this.counters.bytesWritten += values.byteLength;
    this.device.queue.writeBuffer(buffer, offset, values as Float32Array<ArrayBuffer>);
  }

  /** Notes `count` dispatches: whoever encodes them says so. */
  countDispatches(count: number): void {
    this.counters.dispatches += count;
  }

  submit(encoder: GPUCommandEncoder): void {
    this.counters.submits++;
    this.device.queue.submit([encoder.finish()]);
  }

  /**
   * Submits what is encoded, and reads parts of buffers back, one after another, when it is done. The array is the caller's.
   * Rejects with DeviceLostError, DeviceMemoryError.
   */
  async submitAndRead(
    encoder: GPUCommandEncoder,
    parts: readonly { readonly buffer: GPUBuffer; readonly offset: number; readonly bytes: number }[],
  ): Promise<ArrayBuffer> {
    const total = parts.reduce((sum, { bytes }) => sum + bytes, 0);
    const size = 2 ** Math.ceil(Math.log2(Math.max(256, total)));
    const staging = this.staging.get(size)?.pop() ?? this.newStaging(size);
    let at = 0;
    for (const { buffer, offset, bytes } of parts) {
      encoder.copyBufferToBuffer(buffer, offset, staging, at, bytes);
      at += bytes;
    }
    this.submit(encoder);
    try {
      await staging.mapAsync(mapRead, 0, size);
    } catch (error) {
      // The promise of a lost device settles after that of the mapping.
      await new Promise((resolve) => setTimeout(resolve, 0));
      this.check();
      throw new DeviceLostError(`reading from the GPU failed: ${(error as Error).message}`);
    }
    const copy = staging.getMappedRange(0, size).slice(0, total);
    staging.unmap();
    const free = this.staging.get(size) ?? [];
    free.push(staging);
    this.staging.set(size, free);
    this.counters.readBacks++;
    this.counters.bytesRead += total;
    this.check();
    return copy;
  }

  /** Frees the device and everything on it. */
  dispose(): void {
    this.device.destroy();
  }

  private async create(size: number, label: string, usage: number): Promise<GPUBuffer> {
    this.device.pushErrorScope('out-of-memory');
    const buffer = this.device.createBuffer({ size, label, usage });
    const error = await this.device.popErrorScope();
    this.check();
    if (error !== null) {
      throw new DeviceMemoryError(
        `${label}: ${this.adapter.name} has no room for ${size} bytes beside the ${this.allocatedBytes} allocated`,
      );
    }
    this.allocatedBytes += size;
    return buffer;
  }

  private newStaging(size: number): GPUBuffer {
    return this.device.createBuffer({ size, usage: bufferUsage.mapRead | bufferUsage.copyTarget, label: 'staging' });
  }
}

export function describeAdapter({ info }: GPUAdapter): AdapterDescription {
  const name = info.description || info.device || info.architecture || 'unnamed adapter';
  const software = /swiftshader|llvmpipe|lavapipe|basic render/i;
  return {
    vendor: info.vendor,
    name,
    isSoftware: [info.architecture, info.device, name].some((s) => software.test(s)),
  };
}

/** Told by name: where WebGPU comes from a package its classes are not global. */
function isOutOfMemory(error: GPUError): boolean {
  return error.constructor.name === 'GPUOutOfMemoryError';
}
