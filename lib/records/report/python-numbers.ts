/*
 * Numbers as Python prints them: files that were begun by Python scripts must go on byte for byte. JavaScript rounds an
 * exact tie away from zero and knows other limits for the exponent form.
 */

interface Digits {
  readonly sign: "" | "-";
  /** significant digits, the first one not 0 except for zero itself */
  readonly digits: string;
  /** of the first digit, as in d.ddd * 10^exponent */
  readonly exponent: number;
}

function split(exponential: string): Digits {
  const [, sign, mantissa = "", exponent] = /^(-?)([\d.]+)e([+-]\d+)$/.exec(exponential) ?? [];
  return { sign: sign === "-" ? "-" : "", digits: mantissa.replace(".", ""), exponent: Number(exponent) };
}

/** Whether the exact binary value lies just between two numbers of so many digits. */
function isTie(x: number, precision: number): boolean {
  const { digits } = split(x.toExponential(99));
  return digits[precision] === "5" && /^0*$/.test(digits.slice(precision + 1));
}

/** Rounded half-even on the exact binary value. */
function roundDigits(x: number, precision: number): Digits {
  const rounded = split(x.toExponential(precision - 1));
  if (Number(rounded.digits.at(-1)) % 2 === 0 || !isTie(x, precision)) return rounded;
  // the larger neighbour is odd, so the smaller one is even
  const exact = split(x.toExponential(99));
  return { ...exact, digits: exact.digits.slice(0, precision) };
}

const stripZeros = (digits: string): string => digits.replace(/0+$/, "");

function fixed({ digits, exponent }: Digits): string {
  if (exponent < 0) return `0.${"0".repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  const rest = digits.slice(exponent + 1);
  return rest === "" ? whole : `${whole}.${rest}`;
}

function exponential({ digits, exponent }: Digits): string {
  const rest = digits.slice(1);
  const power = `${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
  return `${digits.slice(0, 1)}${rest === "" ? "" : `.${rest}`}e${power}`;
}

const nonFinite = (x: number): string => (Number.isNaN(x) ? "nan" : x > 0 ? "inf" : "-inf");

/** Python's `format(x, "<width>g")`: six significant digits, right-aligned. */
export function formatG(x: number, width = 0): string {
  return general(x).padStart(width, " ");
}

const G_DIGITS = 6;

function general(x: number): string {
  if (!Number.isFinite(x)) return nonFinite(x);
  if (x === 0) return Object.is(x, -0) ? "-0" : "0";
  const rounded = roundDigits(x, G_DIGITS);
  const short = { ...rounded, digits: stripZeros(rounded.digits) };
  const isFixed = rounded.exponent >= -4 && rounded.exponent < G_DIGITS;
  return short.sign + (isFixed ? fixed(short) : exponential(short));
}

/** Python's `str(float)`: the shortest text that reads back the same, `.0` for whole numbers. */
export function pythonFloat(x: number): string {
  if (!Number.isFinite(x)) return nonFinite(x);
  if (x === 0) return Object.is(x, -0) ? "-0.0" : "0.0";
  const shortest = split(x.toExponential());
  if (shortest.exponent < -4 || shortest.exponent >= 16) return shortest.sign + exponential(shortest);
  const text = fixed(shortest);
  return shortest.sign + (text.includes(".") ? text : `${text}.0`);
}
