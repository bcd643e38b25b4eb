// The one error for a run folder that cannot be written: disk full, permission lost, device gone.

/** Saving failed; whatever was saved before is intact, so the run continues with --resume once `reason` is mended. */
export class RunStorageError extends Error {
  override readonly name = 'RunStorageError';

  /**
   * @param path the file that could not be written
   * @param reason what the operating system said, on one line
   * @param code its error code (`ENOSPC`, `EDQUOT`, `EIO`, …) where it gave one
   */
  constructor(
    readonly path: string,
    readonly reason: string,
    readonly code?: string,
  ) {
    super(
      `cannot write ${path}: ${reason}; what was saved before is intact, free the place and continue with --resume`,
    );
  }
}

/** Wraps what the file system threw; a `RunStorageError` passes through unchanged. */
export function toStorageError(path: string, cause: unknown): RunStorageError {
  if (cause instanceof RunStorageError) return cause;
  const code = errorCode(cause);
  const text = cause instanceof Error ? cause.message.replace(/\s*\n\s*/g, ' ') : String(cause);
  return new RunStorageError(path, code === 'ENOSPC' ? 'no space left on the disk (ENOSPC)' : text, code);
}

/** The `code` of a system error (`ENOENT`, …), or undefined. */
export function errorCode(cause: unknown): string | undefined {
  if (!(cause instanceof Error) || !('code' in cause)) return undefined;
  return typeof cause.code === 'string' ? cause.code : undefined;
}
