// Regular expressions that tenants write, matched in linear time and without regard to case, as databases of the field do: a
// list's `name` and `ip` filters. V8's backtracking
// engine would let one request with `(a+)+$` stop the whole process, so its other, linear engine is asked for.
import { setFlagsFromString } from 'node:v8';
import { InvalidInput } from '#compute/errors.ts';

setFlagsFromString('--enable-experimental-regexp-engine'); // offers the `l` flag; changes no other expression

const LINEAR = 'l';
const LONGEST = 1024; // the automaton grows with the pattern; names are 255 characters at most

/** A test for text that contains a match. @throws InvalidInput for a pattern that is malformed or needs backtracking. */
export function linearPattern(field: string, source: string): (text: string) => boolean {
  if (source.length > LONGEST)
    throw new InvalidInput(`The filter ${field} is longer than ${LONGEST} characters.`);
  try {
    const pattern = new RegExp(foldCase(source), LINEAR);
    return (text) => pattern.test(text);
  } catch {
    throw new InvalidInput(
      `The filter ${field} is no regular expression that can be matched in linear time: ${source}`,
    );
  }
}

const LETTER = /[a-zA-Z]/;
/** What stands for itself whatever its letters: escapes, and the heads of groups. */
const FIXED = /\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|c[a-zA-Z]|[^])|\(\?(?:<?[=!]|<\w*>|[a-z-]*:)/y;

/** The linear engine knows no flag for it, so each letter becomes both of its cases. */
function foldCase(source: string): string {
  let folded = '';
  let isInClass = false;
  for (let at = 0; at < source.length;) {
    FIXED.lastIndex = at;
    const part = FIXED.exec(source)?.[0] ?? source.charAt(at);
    const range = isInClass
      ? /^([a-z])-([a-z])|^([A-Z])-([A-Z])/.exec(source.slice(at, at + 3))?.[0]
      : undefined;
    if (range !== undefined) folded += range.toLowerCase() + range.toUpperCase();
    else if (LETTER.test(part) && part.length === 1)
      folded += isInClass
        ? part.toLowerCase() + part.toUpperCase()
        : `[${part.toLowerCase()}${part.toUpperCase()}]`;
    else folded += part;
    if (part === '[') isInClass = true;
    else if (part === ']') isInClass = false;
    at += range === undefined ? part.length : range.length;
  }
  return folded;
}
