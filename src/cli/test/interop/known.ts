/** The table of tests beyond the guideline that do not pass, with why: data beside this file. Used by the report. */
import { readFileSync } from 'node:fs';

/** Of which clouds the reason holds. */
const WHERE = ['any', 'simulated', 'real'] as const;

export interface KnownMiss {
  readonly where: (typeof WHERE)[number];
  /** The name of a test, or the start of the names of several. */
  readonly prefix: string;
  readonly reason: string;
}

/** @throws Error at a line without a place, a name and a reason */
export function readKnownMisses(
  file: string | URL = new URL('known-misses.txt', import.meta.url),
): readonly KnownMiss[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, word, prefix, reason] = /^(\S+) (\S+) (\S.*)$/.exec(line) ?? [];
      const where = WHERE.find((each) => each === word);
      if (where === undefined || prefix === undefined || reason === undefined)
        throw new Error(`no line of known misses: ${line}`);
      return { where, prefix, reason };
    });
}

/** The most exact line that speaks of a test on such a cloud. */
export function findKnownMiss(
  known: readonly KnownMiss[],
  name: string,
  simulated: boolean,
): KnownMiss | undefined {
  return known
    .filter(({ where }) => where === 'any' || (where === 'simulated') === simulated)
    .filter(
      ({ prefix }) => name === prefix || (name.startsWith(prefix) && /[.(]/.test(name[prefix.length] ?? '')),
    )
    .toSorted((a, b) => b.prefix.length - a.prefix.length)[0];
}
