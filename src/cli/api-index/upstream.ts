// The operations that upstream's services have, from the files in upstream/: since when, and the reason where one is not
// offered here. Read by join.ts. A line is one of
//
//   GET /v2.1/servers/:id/topology since 2.78                        an operation; `action KEY` for one of a body's keys,
//   POST /v2.1/servers/:id/action action shelve not-offered shelving  `until`, `extension` (network) and `not-offered` as needed
//   reason shelving: servers are not shelved                          why, for all lines that name it
//   own GET /v2.1/servers/:id/launch-trace because trace              a route that upstream does not have
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './collect.ts';
import { keyOf, type Operation, type ServiceName } from './operation.ts';

export interface UpstreamOperation extends Operation {
  /** The first version of the API that has it: a microversion, or the release of the API's own numbering. */
  readonly since: string | undefined;
  readonly until: string | undefined;
  readonly extension: string | undefined;
  /** Why it is not offered; undefined where it is. */
  readonly reason: string | undefined;
  /** The reason's name; `gone` where upstream itself has taken the operation out. */
  readonly reasonName: string | undefined;
}

export interface OwnOperation extends Operation {
  readonly reason: string;
}

export interface Upstream {
  readonly operations: readonly UpstreamOperation[];
  readonly own: readonly OwnOperation[];
}

const OPERATION = /^(own )?(GET|HEAD|POST|PUT|PATCH|DELETE) (\/\S*)((?: \S+ \S+)*)$/;
const WORDS = ['action', 'since', 'until', 'extension', 'not-offered', 'because'];

export function upstreamFile(service: ServiceName): string {
  return join(ROOT, `src/cli/api-index/upstream/${service}.txt`);
}

export function readUpstream(service: ServiceName): Upstream {
  return parseUpstream(service, readFileSync(upstreamFile(service), 'utf8'));
}

/** @throws Error that names a line which is none of the forms, is there twice, or names a reason that is not there */
export function parseUpstream(service: ServiceName, text: string): Upstream {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const reasons = new Map<string, string>();
  for (const line of lines) {
    const [, name, reason] = /^reason (\S+): (.+)$/.exec(line) ?? [];
    if (name !== undefined && reason !== undefined) reasons.set(name, reason);
  }
  const operations: UpstreamOperation[] = [];
  const own: OwnOperation[] = [];
  const seen = new Set<string>();
  for (const line of lines.filter((each) => !each.startsWith('reason '))) {
    const read = parseLine(service, line, reasons);
    if (seen.has(keyOf(read))) throw new Error(`upstream/${service}.txt has ${line} twice`);
    seen.add(keyOf(read));
    if (line.startsWith('own ')) own.push({ ...read, reason: read.reason ?? '' });
    else operations.push(read);
  }
  return { operations, own };
}

function parseLine(
  service: ServiceName,
  line: string,
  reasons: ReadonlyMap<string, string>,
): UpstreamOperation {
  const [, own, method = '', path = '', rest = ''] = OPERATION.exec(line) ?? [];
  const pairs = rest.trim() === '' ? [] : (rest.trim().match(/\S+ \S+/g) ?? []);
  const words = new Map(pairs.map((pair) => pair.split(' ') as [string, string]));
  const unknown = [...words.keys()].find((word) => !WORDS.includes(word));
  const reasonName = words.get(own === undefined ? 'not-offered' : 'because');
  const reason = reasonName === undefined ? undefined : reasons.get(reasonName);
  const isWrong = method === '' || unknown !== undefined || words.size !== pairs.length;
  if (isWrong || (own !== undefined && reason === undefined))
    throw new Error(`upstream/${service}.txt has a line that is no operation: ${line}`);
  if (reasonName !== undefined && reason === undefined)
    throw new Error(`upstream/${service}.txt has no reason ${reasonName}: ${line}`);
  return {
    service,
    method,
    path,
    action: words.get('action'),
    since: words.get('since'),
    until: words.get('until'),
    extension: words.get('extension'),
    reason,
    reasonName,
  };
}

/**
 * The text without the reasons of operations that are offered now, and without reasons that no line names.
 * @param isOffered by `keyOf`
 */
export function withoutStaleReasons(
  service: ServiceName,
  text: string,
  isOffered: (operation: Operation) => boolean,
): string {
  const offered = parseUpstream(service, text).operations.filter(
    (each) => each.reasonName !== undefined && isOffered(each),
  );
  const keys = new Set(offered.map(keyOf));
  const lines = text.split('\n').map((line) => {
    const bare = line.replace(/ not-offered \S+$/, '');
    return bare !== line && keys.has(keyOf(parseLine(service, bare, new Map()))) ? bare : line;
  });
  const named = new Set(lines.flatMap((line) => / (?:not-offered|because) (\S+)$/.exec(line)?.[1] ?? []));
  return lines
    .filter((line) => {
      const name = /^reason (\S+): /.exec(line)?.[1];
      return name === undefined || named.has(name);
    })
    .join('\n');
}

export function dropStaleReasons(service: ServiceName, isOffered: (operation: Operation) => boolean): void {
  const file = upstreamFile(service);
  const text = readFileSync(file, 'utf8');
  const mended = withoutStaleReasons(service, text, isOffered);
  if (mended !== text) writeFileSync(file, mended);
}
