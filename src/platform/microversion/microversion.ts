// Microversions as the API-SIG guideline has them: parsing, comparing, ranges, and the choice by request header.
import { DomainError } from '#platform/errors/domain-error.ts';

/** `major.minor`, compared as numbers: 2.10 is above 2.9. */
export interface Microversion {
  readonly major: number;
  readonly minor: number;
}

export type VersionText = `${number}.${number}`;

export function parseMicroversion(text: string): Microversion | undefined {
  const match = /^([1-9]\d*)\.([1-9]\d*|0)$/.exec(text);
  return match ? { major: Number(match[1]), minor: Number(match[2]) } : undefined;
}

export function formatMicroversion(version: Microversion): string {
  return `${version.major}.${version.minor}`;
}

export function compareMicroversions(a: Microversion, b: Microversion): number {
  return a.major - b.major || a.minor - b.minor;
}

/** `atLeast(call.microversion, '2.19')`: how views and handlers ask, a dozen times for each row of a list. */
export function atLeast(version: Microversion, text: VersionText): boolean {
  const bound = BOUNDS.get(text) ?? boundOf(text);
  return compareMicroversions(version, bound) >= 0;
}

/** What the program's own texts say; as many as there are steps. */
const BOUNDS = new Map<VersionText, Microversion>();

function boundOf(text: VersionText): Microversion {
  const bound = parseMicroversion(text);
  if (!bound) throw new Error(`${text} is no microversion`);
  BOUNDS.set(text, bound);
  return bound;
}

/** True when `version` lies in [since, until], each bound optional. */
export function within(
  version: Microversion,
  since: VersionText | undefined,
  until: VersionText | undefined,
): boolean {
  if (since !== undefined && !atLeast(version, since)) return false;
  if (until === undefined) return true;
  const bound = parseMicroversion(until);
  return bound !== undefined && compareMicroversions(version, bound) <= 0;
}

export interface MicroversionRange {
  /** The service type in `OpenStack-API-Version: <type> X.Y`. */
  readonly serviceType: string;
  readonly min: VersionText;
  /** A promise about every version below it: only what tests prove. */
  readonly max: VersionText;
  /** An older header that names the version alone, as compute's `X-OpenStack-Nova-API-Version`. */
  readonly legacyHeader?: string;
}

/**
 * The version that a request asks for; the minimum when it asks for none.
 * @throws DomainError bad-request for a malformed version, not-acceptable for one outside the range.
 */
export function chooseMicroversion(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  range: MicroversionRange,
): Microversion {
  const wanted = requestedVersion(headers, range);
  const min = parseMicroversion(range.min)!; // a constant of ours
  const max = parseMicroversion(range.max)!; // likewise
  if (wanted === undefined) return min;
  if (wanted === 'latest') return max;
  const version = parseMicroversion(wanted);
  if (!version) {
    throw new DomainError(
      'bad-request',
      'invalid-version',
      `API Version String ${wanted} is of invalid format. Must be of format MajorNum.MinorNum.`,
    );
  }
  if (compareMicroversions(version, min) < 0 || compareMicroversions(version, max) > 0) {
    throw new DomainError(
      'not-acceptable',
      'version-out-of-range',
      `Version ${wanted} is not supported by the API. Minimum is ${range.min} and maximum is ${range.max}.`,
      {
        fields: { min_version: range.min, max_version: range.max },
      },
    );
  }
  return version;
}

function requestedVersion(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  range: MicroversionRange,
): string | undefined {
  const header = headers['openstack-api-version'];
  const lines = [header ?? []].flat().flatMap((line) => line.split(',').map((part) => part.trim()));
  for (const line of lines) {
    const [type, version] = line.split(/\s+/);
    if (type?.toLowerCase() === range.serviceType && version) return version.toLowerCase();
  }
  const legacy = range.legacyHeader ? headers[range.legacyHeader.toLowerCase()] : undefined;
  return Array.isArray(legacy) ? legacy[0]?.toLowerCase() : legacy?.toLowerCase();
}
