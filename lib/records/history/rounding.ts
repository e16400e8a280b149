/** Takes away what binary fractions add to a sum, such as 0.30000000000000004. */
export const roundTo = (number: number, decimals: number): number => {
  const scale = 10 ** decimals;
  const rounded = Math.round(number * scale) / scale;
  // a number too large to scale is left as it is; -0 is 0
  return Number.isFinite(rounded) ? rounded + 0 : number;
};
