// Exit codes of the command, and the one line that goes with a failure.
import { InputError } from '../data/inputError.js';
import { StartError } from '../inference/index.js';

export const exitCodes = { done: 0, unforeseen: 1, badInput: 2, checkFailed: 3, interrupted: 130 } as const;

/** The line to print and the code to exit with. */
export function describeFailure(error: unknown): { readonly line: string; readonly code: number } {
  if (error instanceof InputError || error instanceof StartError) {
    return { line: error.message, code: exitCodes.badInput };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { line: message.split('\n')[0], code: exitCodes.unforeseen };
}
