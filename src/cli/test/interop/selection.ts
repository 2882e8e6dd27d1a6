/** Which of tempest's tests run beyond the guideline's list: what `pileus test interop` was asked for, as patterns. Pure. */

export interface Asked {
  readonly smoke?: boolean | undefined;
  readonly all?: boolean | undefined;
  readonly regex?: readonly string[] | undefined;
}

/** The line of a test ends with its attributes: `[id-…,smoke,…]`. */
const SMOKE = String.raw`\[[^\]]*\bsmoke\b[^\]]*\]$`;
const API = String.raw`^tempest\.api\.(identity|compute|image|network|volume)\.`;

/** Undefined: the guideline's list. Several wishes are met together. */
export function patternsOf({ smoke, all, regex }: Asked): readonly string[] | undefined {
  const patterns = [...(smoke ? [SMOKE] : []), ...(all ? [API] : []), ...(regex ?? [])];
  return patterns.length === 0 ? undefined : patterns;
}
