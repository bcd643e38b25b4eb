// WGSL functions written once for f32 and its vectors: what a template may say, and how it becomes source.

/** The types that the functions exist for. */
export type WgslType = 'f32' | 'vec2f' | 'vec4f';

/**
 * Functions by name, in WGSL with `T`, `U`, `I`, `B` for the number type and the unsigned, signed and boolean types of its
 * width, and `@name` for the function of that name and type.
 */
export type Templates = Readonly<Record<string, string>>;

const counterparts: Readonly<Record<WgslType, Readonly<Record<'T' | 'U' | 'I' | 'B', string>>>> = {
  f32: { T: 'f32', U: 'u32', I: 'i32', B: 'bool' },
  vec2f: { T: 'vec2f', U: 'vec2u', I: 'vec2i', B: 'vec2<bool>' },
  vec4f: { T: 'vec4f', U: 'vec4u', I: 'vec4i', B: 'vec4<bool>' },
};

/** The name of a function for one type. */
export function functionName(name: string, type: WgslType): string {
  return `hx_${name}_${type}`;
}

/** Names that a template calls. */
export function calledBy(template: string): string[] {
  return Array.from(template.matchAll(/@(\w+)/g), (match) => match[1]);
}

export function instantiate(template: string, type: WgslType): string {
  return template
    .replace(/@(\w+)/g, (_, name: string) => functionName(name, type))
    .replace(/\b[TUIB]\b/g, (letter) => counterparts[type][letter as 'T' | 'U' | 'I' | 'B']);
}

/** A literal that has a point or an exponent, so that WGSL reads a floating-point number. */
export function literal(x: number): string {
  const text = String(x);
  const unsigned = /[.e]/.test(text) ? text : `${text}.0`;
  return x < 0 ? `(${unsigned})` : unsigned;
}

/** Σ coefficients[i] xⁱ by Horner's rule; `x` is a name. */
export function polynomial(coefficients: readonly number[], x: string): string {
  return coefficients.reduceRight(
    (sum, c) => (sum === '' ? `T(${literal(c)})` : `(${sum} * ${x} + ${literal(c)})`),
    '',
  );
}
