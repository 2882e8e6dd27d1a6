// The little language of extra spec values: `>= 4`, `s== x86_64`, `<in> avx`, `<or> a <or> b`, or a plain value. Pure.

const NUMBERS: Readonly<Record<string, (have: number, want: number) => boolean>> = {
  '=': (have, want) => have >= want, // upstream's reading: at least
  '==': (have, want) => have === want,
  '!=': (have, want) => have !== want,
  '>=': (have, want) => have >= want,
  '<=': (have, want) => have <= want,
};
const STRINGS: Readonly<Record<string, (have: string, want: string) => boolean>> = {
  's==': (have, want) => have === want,
  's!=': (have, want) => have !== want,
  's<': (have, want) => have < want,
  's<=': (have, want) => have <= want,
  's>': (have, want) => have > want,
  's>=': (have, want) => have >= want,
};

/** True when the value that a host has meets what the extra spec wants. */
export function specMatches(have: string, wanted: string): boolean {
  const words = wanted.trim().split(/\s+/);
  const [operator = '', ...rest] = words;
  const operand = rest.join(' ');
  if (operator === '<or>')
    return wanted.split('<or>').some((each) => each.trim() !== '' && each.trim() === have);
  if (operator === '<in>') return have.includes(operand);
  if (operator === '<all-in>') return rest.every((word) => have.includes(word));
  if (rest.length > 0 && Object.hasOwn(NUMBERS, operator))
    return NUMBERS[operator]?.(Number(have), Number(operand)) ?? false;
  if (rest.length > 0 && Object.hasOwn(STRINGS, operator)) return STRINGS[operator]?.(have, operand) ?? false;
  return have === wanted;
}
