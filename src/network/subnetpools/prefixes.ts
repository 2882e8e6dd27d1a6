// Prefixes of a pool as text, kept disjoint, joined and in order. Pure.
import { invalidInput } from '../errors.ts';
import {
  cidrOf,
  covers,
  formatCidr,
  parseCidr,
  subtractRanges,
  type Cidr,
  type Range,
} from '../ipam/address.ts';

/** @throws NetworkError 400 for what is no prefix of the version */
export function parsePrefixes(texts: readonly string[], version: number): Cidr[] {
  return texts.map((text) => {
    const cidr = parseCidr(text);
    if (!cidr || cidr.version !== version)
      throw invalidInput(`'${text}' is not a valid IPv${version} prefix`);
    return cidr;
  });
}

/** Joins prefixes that touch or hold each other, ascending, as pools are kept. */
export function compactPrefixes(texts: readonly string[], version: number): string[] {
  const sorted = parsePrefixes(texts, version).sort((a, b) =>
    a.first === b.first ? a.prefix - b.prefix : a.first < b.first ? -1 : 1,
  );
  const kept: Cidr[] = [];
  for (const cidr of sorted) {
    const before = kept.at(-1);
    if (before && covers(before, cidr)) continue;
    kept.push(cidr);
    joinSiblings(kept);
  }
  return kept.map(formatCidr);
}

function joinSiblings(kept: Cidr[]): void {
  for (;;) {
    const [a, b] = kept.slice(-2);
    if (!a || !b || a.prefix !== b.prefix || a.last + 1n !== b.first) return;
    const parent = cidrOf({ version: a.version, value: a.first }, a.prefix - 1);
    if (parent.first !== a.first) return;
    kept.splice(-2, 2, parent);
  }
}

/** What is left of the prefixes without the others, in as few prefixes as possible. */
export function subtractPrefixes(from: readonly Cidr[], holes: readonly Cidr[]): string[] {
  const [first] = from;
  if (!first) return [];
  return subtractRanges(from, holes).flatMap((range) => prefixesOf(range, first));
}

function prefixesOf(range: Range, { version }: Pick<Cidr, 'version'>): string[] {
  const bits = version === 4 ? 32 : 128;
  const found: string[] = [];
  for (let at = range.first; at <= range.last;) {
    let prefix = bits;
    while (prefix > 0) {
      const wider = cidrOf({ version, value: at }, prefix - 1);
      if (wider.first !== at || wider.last > range.last) break;
      prefix -= 1;
    }
    const cidr = cidrOf({ version, value: at }, prefix);
    found.push(formatCidr(cidr));
    at = cidr.last + 1n;
  }
  return found;
}
