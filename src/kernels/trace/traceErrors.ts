// What can go wrong while a tensor function is traced.

/** A tensor operation that tensor programs do not have. */
export class UnsupportedOpError extends Error {
  /** tfjs's kernel name, e.g. `TopK`. */
  readonly op: string;

  constructor(op: string, detail?: string, options?: ErrorOptions) {
    const what = detail === undefined ? `the tensor operation ${op}` : `the tensor operation ${op} with ${detail}`;
    super(`${what} cannot be compiled; docs/tensor-ops.md lists the operations that can`, options);
    this.name = 'UnsupportedOpError';
    this.op = op;
  }
}

/** A traced function asked for values that are not known while tracing. */
export class DataDependentError extends Error {
  constructor() {
    super(
      'data-dependent control flow: a traced function ran once for all values and cannot read them ' +
        '(dataSync, data, arraySync, print, booleanMaskAsync, whereAsync, unique); choose elementwise with where or safeWhere',
    );
    this.name = 'DataDependentError';
  }
}
