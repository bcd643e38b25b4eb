// The one error for input that the user can mend: shown as a single line, exit code 2.

/** Where the fault lies; every field that is known is given, and the message repeats what matters of it. */
export interface InputLocation {
  readonly file?: string;
  readonly line?: number;
  readonly column?: string;
  readonly row?: number;
  readonly value?: unknown;
  /** Where the configuration asks for what failed: the command line puts file and line before the message. */
  readonly key?: readonly (string | number)[];
}

/** The user's input is wrong. `message` is one line that says what, where, and what would be right. */
export class InputError extends Error {
  override readonly name = 'InputError';

  constructor(
    message: string,
    readonly location: InputLocation = {},
  ) {
    super(message.replace(/\s*\n\s*/g, ' '));
  }
}
