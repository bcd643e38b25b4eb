// Symbolic array indices: affine sums of loop variables, so that views cost nothing when a loop body is generated.

/** An i32 local that holds an index in 0 … extent − 1: a loop counter, or a value looked up while running. */
export interface IndexVariable {
  readonly id: number;
  readonly local: number;
  readonly extent: number;
  /** Nesting depth of the scope in which the local is set. */
  readonly depth: number;
}

/** constant + Σ coefficient · variable. */
export interface Index {
  readonly constant: number;
  readonly terms: readonly { readonly variable: IndexVariable; readonly coefficient: number }[];
}

export function constantIndex(constant: number): Index {
  return { constant, terms: [] };
}

export function variableIndex(variable: IndexVariable): Index {
  return variable.extent === 1 ? constantIndex(0) : { constant: 0, terms: [{ variable, coefficient: 1 }] };
}

/** The variable that an index is; one that is always 0 for a constant. */
export function variableOf({ terms }: Index): IndexVariable {
  return terms.length === 0 ? { id: -1, local: -1, extent: 1, depth: 0 } : terms[0].variable;
}

export function scaleIndex(index: Index, factor: number): Index {
  if (factor === 0) return constantIndex(0);
  if (factor === 1) return index;
  if (index.terms.length === 0) return constantIndex(index.constant * factor);
  return {
    constant: index.constant * factor,
    terms: index.terms.map(({ variable, coefficient }) => ({ variable, coefficient: coefficient * factor })),
  };
}

function addIndices(a: Index, b: Index): Index {
  // What is written out has constant indices mostly.
  if (b.terms.length === 0) return b.constant === 0 ? a : { constant: a.constant + b.constant, terms: a.terms };
  if (a.terms.length === 0) return a.constant === 0 ? b : { constant: a.constant + b.constant, terms: b.terms };
  const terms = new Map(a.terms.map((term) => [term.variable.id, term]));
  for (const term of b.terms) {
    const coefficient = (terms.get(term.variable.id)?.coefficient ?? 0) + term.coefficient;
    if (coefficient === 0) terms.delete(term.variable.id);
    else terms.set(term.variable.id, { variable: term.variable, coefficient });
  }
  return {
    constant: a.constant + b.constant,
    terms: [...terms.values()].sort((x, y) => x.variable.id - y.variable.id),
  };
}

export function offsetIndex(index: Index, offset: number): Index {
  return { constant: index.constant + offset, terms: index.terms };
}

/** Smallest and largest value the index can take. */
export function indexRange(index: Index): { readonly min: number; readonly max: number } {
  let min = index.constant;
  let max = index.constant;
  for (const { variable, coefficient } of index.terms) {
    if (coefficient > 0) max += coefficient * (variable.extent - 1);
    else min += coefficient * (variable.extent - 1);
  }
  return { min, max };
}

/** Depth of the innermost scope that the index needs. */
export function indexDepth(index: Index): number {
  return index.terms.reduce((depth, { variable }) => Math.max(depth, variable.depth), 0);
}

export function indexKey(index: Index): string {
  if (index.terms.length === 0) return String(index.constant);
  return index.terms.map(({ variable, coefficient }) => `${coefficient}v${variable.id}+`).join('') + index.constant;
}

/** Quotient and remainder by `divisor` where they are affine again, else undefined. */
export function divideIndex(index: Index, divisor: number): { quotient: Index; remainder: Index } | undefined {
  if (divisor === 1) return { quotient: index, remainder: constantIndex(0) };
  const multiples = index.terms.filter(({ coefficient }) => coefficient % divisor === 0);
  const constantQuotient = Math.floor(index.constant / divisor);
  const remainder: Index = {
    constant: index.constant - constantQuotient * divisor,
    terms: index.terms.filter(({ coefficient }) => coefficient % divisor !== 0),
  };
  const { min, max } = indexRange(remainder);
  if (min < 0 || max >= divisor) return undefined;
  const quotient: Index = {
    constant: constantQuotient,
    terms: multiples.map(({ variable, coefficient }) => ({ variable, coefficient: coefficient / divisor })),
  };
  return { quotient, remainder };
}

/** Row-major position of a tuple of indices. */
export function flattenIndices(indices: readonly Index[], strides: readonly number[]): Index {
  return indices.reduce((sum, index, axis) => addIndices(sum, scaleIndex(index, strides[axis])), constantIndex(0));
}
