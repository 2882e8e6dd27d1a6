// Regular expressions that tenants write, matched in linear time: a list's `name` and `ip` filters. V8's backtracking
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
    const pattern = new RegExp(source, LINEAR);
    return (text) => pattern.test(text);
  } catch {
    throw new InvalidInput(
      `The filter ${field} is no regular expression that can be matched in linear time: ${source}`,
    );
  }
}
