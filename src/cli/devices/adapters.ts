// The GPU adapters that the package `webgpu` reaches, with their limits, asked in this process.
import { createRequire } from 'node:module';
import { describeAdapter, type AdapterDescription } from '../../kernels/webgpu/context.js';

export interface FoundAdapter extends AdapterDescription {
  /** vulkan, metal, d3d12 … */
  readonly backend: string;
  /** Name by which the package selects it. */
  readonly deviceName: string;
  readonly limits: {
    readonly bindingBytes: number;
    readonly bufferBytes: number;
    readonly storageBuffers: number;
    readonly workgroupBytes: number;
    readonly workgroupSize: number;
  };
}

export interface AdapterList {
  /** Version of the package `webgpu`; undefined when it is not installed. */
  readonly version: string | undefined;
  /** The one that a fit takes comes first. */
  readonly adapters: readonly FoundAdapter[];
}

/** A name that no adapter has: asked for it, the package lists those there are. */
const noSuchAdapter = 'adapter=(none)';

/** Rejects with what the package throws on loading. */
export async function findAdapters(): Promise<AdapterList> {
  const version = packageVersion();
  if (version === undefined) return { version, adapters: [] };
  const { create } = await import('webgpu');
  const adapters: FoundAdapter[] = [];
  for (const { backend, name } of await list(create)) {
    const adapter = await create([`backend=${backend}`, `adapter=${name}`])
      .requestAdapter({ powerPreference: 'high-performance' })
      .catch(() => null);
    if (adapter === null) continue;
    const { limits } = adapter;
    adapters.push({
      ...describeAdapter(adapter),
      backend,
      deviceName: name,
      limits: {
        bindingBytes: Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize),
        bufferBytes: limits.maxBufferSize,
        storageBuffers: limits.maxStorageBuffersPerShaderStage,
        workgroupBytes: limits.maxComputeWorkgroupStorageSize,
        workgroupSize: Math.min(limits.maxComputeInvocationsPerWorkgroup, limits.maxComputeWorkgroupSizeX),
      },
    });
  }
  const taken = await create([])
    .requestAdapter({ powerPreference: 'high-performance' })
    .catch(() => null);
  if (taken === null) return { version, adapters };
  const first = describeAdapter(taken);
  const isFirst = ({ vendor, name }: FoundAdapter): boolean => vendor === first.vendor && name === first.name;
  return { version, adapters: [...adapters.filter(isFirst), ...adapters.filter((found) => !isFirst(found))] };
}

/** Backends and names out of the package's own list, which it gives as the message of an error. */
async function list(create: typeof import('webgpu').create): Promise<{ backend: string; name: string }[]> {
  try {
    await create([noSuchAdapter]).requestAdapter();
    return [];
  } catch (error) {
    const lines = String((error as Error).message ?? error).matchAll(/backend: '([^']+)', name: '(.*)'\s*$/gm);
    return [...lines].map(([, backend, name]) => ({ backend, name }));
  }
}

function packageVersion(): string | undefined {
  try {
    return (createRequire(import.meta.url)('webgpu/package.json') as { version: string }).version;
  } catch {
    return undefined;
  }
}
