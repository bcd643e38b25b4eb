// What is missing where no GPU can be used, and how to get it.
import type { GpuFindings } from './probeGpu.js';

export interface Advice {
  readonly what: string;
  readonly remedy: string;
}

const loaderPackages =
  'the Vulkan loader (Debian, Ubuntu: apt install libvulkan1; Fedora: dnf install vulkan-loader; ' +
  'Arch: pacman -S vulkan-icd-loader; Alpine: apk add vulkan-loader)';

const drivers =
  "the GPU's Vulkan driver with its ICD file in /usr/share/vulkan/icd.d (NVIDIA: the driver's own package, and in a container " +
  'NVIDIA_DRIVER_CAPABILITIES=all; AMD, Intel: mesa-vulkan-drivers)';

/** Why there is no adapter, and what to do about it; `platform` as in process.platform. */
export function whyNoGpu({ version, complaints, failure }: GpuFindings, platform: string): Advice {
  if (failure !== undefined) return { what: failure, remedy: 'update the GPU driver, or use --device cpu' };
  if (version === undefined) {
    return { what: 'the optional package webgpu is not installed', remedy: 'npm install webgpu' };
  }
  if (platform !== 'linux') {
    const api = platform === 'darwin' ? 'Metal' : 'D3D12';
    return { what: `no GPU adapter offers ${api}`, remedy: "install the GPU's current driver, or use --device cpu" };
  }
  const hasNoLoader = complaints.some((line) => /couldn't load vulkan|libvulkan\.so/i.test(line));
  if (hasNoLoader) return { what: 'the Vulkan loader is missing', remedy: `install ${loaderPackages}` };
  const hasNoDriver = complaints.some((line) => /found no drivers|incompatible_driver/i.test(line));
  if (hasNoDriver) return { what: 'Vulkan has no driver of a GPU', remedy: `install ${drivers}` };
  return { what: 'Vulkan offers no GPU adapter', remedy: `install ${drivers}` };
}

/** How to try WebGPU on a machine without a GPU. */
export const softwareAdvice =
  'without a GPU, SwiftShader runs WebGPU in software (for tests, slow): VK_ICD_FILENAMES=…/vk_swiftshader_icd.json';
