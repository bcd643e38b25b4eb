// What the process that asks the drivers is told, and by what its answer is known among other output.

/** Also tries what was found. */
export const selfTestWord = '--self-test';
/** Before the answer on stdout: drivers may write there, too. */
export const answerMark = 'hierax found: ';
