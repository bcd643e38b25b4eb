// One line of what `hierax doctor` found.

export interface Finding {
  readonly name: string;
  /** `absent`: not there, and nothing needs it. */
  readonly status: 'ok' | 'failed' | 'absent';
  readonly detail: string;
  /** What to do about a failure, or to have what is absent. */
  readonly remedy?: string;
}
