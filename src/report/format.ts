// Numbers as they are printed: as many digits as the Monte-Carlo error supports, true minus signs, units.

const SUPERSCRIPTS = '⁰¹²³⁴⁵⁶⁷⁸⁹';
const MISSING = '–';

function withMinus(text: string): string {
  return text.replace(/^-/, '−');
}

/** By number of decimals: making one takes longer than a hundred uses. */
const fixed = new Map<number, Intl.NumberFormat>();

function fixedFormat(decimals: number): Intl.NumberFormat {
  let format = fixed.get(decimals);
  if (format === undefined) {
    format = new Intl.NumberFormat('en-US', { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
    fixed.set(decimals, format);
  }
  return format;
}

function superscript(exponent: number): string {
  const digits = [...String(Math.abs(exponent))].map((digit) => SUPERSCRIPTS[Number(digit)]).join('');
  return exponent < 0 ? `⁻${digits}` : digits;
}

function scientific(value: number, digits: number): string {
  const [mantissa, exponent] = value.toExponential(digits).split('e');
  return `${withMinus(mantissa)} × 10${superscript(Number(exponent))}`;
}

/** Whole number with thousands separators. */
export function formatCount(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return MISSING;
  return withMinus(fixedFormat(0).format(Math.round(value)));
}

/** Fixed number of decimals; powers of ten where fixed notation would be unreadable. A dash for null. */
export function formatFixed(value: number | null, decimals: number): string {
  if (value === null || !Number.isFinite(value)) return MISSING;
  if (value === 0) return '0';
  const magnitude = Math.abs(value);
  if (magnitude >= 1e7) return scientific(value, 2);
  if (decimals > 6) return scientific(value, Math.max(0, decimals + Math.floor(Math.log10(magnitude))));
  const text = fixedFormat(decimals).format(magnitude);
  return value < 0 && /[1-9]/.test(text) ? `−${text}` : text;
}

/** A given number of significant digits. */
export function formatSignificant(value: number | null, digits = 3): string {
  if (value === null || !Number.isFinite(value)) return MISSING;
  if (value === 0) return '0';
  const exponent = Math.floor(Math.log10(Math.abs(Number(value.toPrecision(digits)))));
  return formatFixed(value, Math.max(0, digits - 1 - exponent));
}

/**
 * Decimals at which one unit of the last digit is at least one Monte-Carlo standard error of the mean, but at
 * least one significant digit of the posterior sd is kept. Falls back on the sd where the error is undefined.
 */
export function supportedDecimals(mcseMean: number | null, sd: number | null): number {
  const bySd = sd !== null && sd > 0 ? Math.ceil(-Math.log10(sd)) : 2;
  const byError = mcseMean !== null && mcseMean > 0 ? Math.floor(-Math.log10(mcseMean)) : bySd + 1;
  return Math.max(0, bySd, byError);
}

/** At most a given number of significant digits, without the zeros at the end. */
export function formatShort(value: number | null, digits = 4): string {
  const text = formatSignificant(value, digits);
  return text.includes('×') ? text : text.replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '');
}

/** R-hat: three decimals near one, fewer digits where it is far off. */
export function formatRhat(value: number | null): string {
  return formatFixed(value, value !== null && value >= 10 ? 1 : 3);
}

/** Seconds in the unit a reader would use. */
export function formatSeconds(seconds: number): string {
  if (seconds < 100) return `${formatSignificant(seconds, seconds < 10 ? 2 : 3)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')} min`;
}

/** Bytes in decimal units. */
export function formatBytes(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  const step = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${step === 0 ? formatCount(bytes) : formatSignificant(bytes / 1000 ** step, 3)} ${units[step]}`;
}

/** `1 market`, `83 markets`; the plural may be given. */
export function plural(count: number, noun: string, nouns = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : nouns}`;
}
