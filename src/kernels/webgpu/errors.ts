// What can go wrong with a GPU, as types that a caller can tell apart.

/** The device is gone: driver reset, unplugged, or destroyed. The run's last checkpoint is intact, and can be continued. */
export class DeviceLostError extends Error {
  override readonly name = 'DeviceLostError';
  readonly isRecoverable = true;
}

/** The device has not the memory, or its limits not the room, for what a program needs. */
export class DeviceMemoryError extends Error {
  override readonly name = 'DeviceMemoryError';
}

/** The driver refused a generated shader. */
export class ShaderCompileError extends Error {
  override readonly name = 'ShaderCompileError';

  constructor(
    message: string,
    /** The WGSL that was refused. */
    readonly source: string,
  ) {
    super(message);
  }
}

/** There is no adapter, or nothing to find one with. `advice` says what to install. */
export class NoAdapterError extends Error {
  override readonly name = 'NoAdapterError';
}
