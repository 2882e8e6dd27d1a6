// The operations that upstream's services have, from the files in upstream/: since when, and the reason where one is not
// offered here. Read by join.ts. A line is one of
//
//   GET /v2.1/servers/:id/topology since 2.78                        an operation; `action KEY` for one of a body's keys,
//   POST /v2.1/servers/:id/action action shelve not-offered shelving  `until`, `extension` (network) and `not-offered` as needed
//   GET /v2.1/os-hosts/:id/reboot until 2.42 refuses host-power       offered, but what is asked is always refused; for the
//                                                                     reason `gone`, with 410 as upstream does
//   GET /v2.1/os-volumes_boot twin /v2.1/servers                      another path of the same routes
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
  /** Why it is always refused, though there is a route. */
  readonly refusal: string | undefined;
  /** The refusal's name; `gone` where upstream itself has taken the operation out and answers 410, as we do. */
  readonly refusalName: string | undefined;
  /** The path whose routes answer this one too. */
  readonly twin: string | undefined;
}

export interface OwnOperation extends Operation {
  readonly reason: string;
  readonly refusal: string | undefined;
}

export interface Upstream {
  readonly operations: readonly UpstreamOperation[];
  readonly own: readonly OwnOperation[];
}

const OPERATION = /^(own )?(GET|HEAD|POST|PUT|PATCH|DELETE) (\/\S*)((?: \S+ \S+)*)$/;
const WORDS = ['action', 'since', 'until', 'extension', 'not-offered', 'refuses', 'because', 'twin'];

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
    const { isOwn, reasonName, ...read } = parseLine(service, line);
    const { refusalName } = read;
    for (const name of [reasonName, refusalName])
      if (name !== undefined && !reasons.has(name))
        throw new Error(`upstream/${service}.txt has no reason ${name}: ${line}`);
    const reasonOf = (name: string | undefined) => (name === undefined ? undefined : reasons.get(name));
    const reason = reasonOf(reasonName);
    if (seen.has(keyOf(read))) throw new Error(`upstream/${service}.txt has ${line} twice`);
    seen.add(keyOf(read));
    const whole = { ...read, reason, refusal: reasonOf(refusalName) };
    if (isOwn) own.push({ ...whole, reason: reason ?? '' });
    else operations.push(whole);
  }
  return { operations, own };
}

/** A line by itself: its reasons by their names. */
interface Line extends Omit<UpstreamOperation, 'reason' | 'refusal'> {
  readonly isOwn: boolean;
  readonly reasonName: string | undefined;
}

function parseLine(service: ServiceName, line: string): Line {
  const [, own, method = '', path = '', rest = ''] = OPERATION.exec(line) ?? [];
  const pairs = rest.trim() === '' ? [] : (rest.trim().match(/\S+ \S+/g) ?? []);
  const words = new Map(pairs.map((pair) => pair.split(' ') as [string, string]));
  const unknown = [...words.keys()].find((word) => !WORDS.includes(word));
  const isOwn = own !== undefined;
  const isWrong = method === '' || unknown !== undefined || words.size !== pairs.length;
  if (isWrong || isOwn !== words.has('because'))
    throw new Error(`upstream/${service}.txt has a line that is no operation: ${line}`);
  return {
    service,
    method,
    path,
    action: words.get('action'),
    since: words.get('since'),
    until: words.get('until'),
    extension: words.get('extension'),
    reasonName: words.get(isOwn ? 'because' : 'not-offered'),
    isOwn,
    refusalName: words.get('refuses'),
    twin: words.get('twin'),
  };
}

/** What is known of an operation by now. */
export interface Standing {
  readonly isOffered: (operation: Operation) => boolean;
  readonly isTested: (operation: Operation) => boolean;
}

/** The text without the reasons of what is offered now, or succeeds now, and without reasons that no line names. */
export function withoutStaleReasons(
  service: ServiceName,
  text: string,
  { isOffered, isTested }: Standing,
): string {
  const lines = text.split('\n').map((line) => {
    const [, bare, word] = /^(.*) (not-offered|refuses) \S+$/.exec(line) ?? [];
    if (bare === undefined || !OPERATION.test(line)) return line;
    const operation = parseLine(service, bare);
    return (word === 'refuses' ? isTested : isOffered)(operation) ? bare : line;
  });
  const named = new Set(
    lines.flatMap((line) =>
      [...line.matchAll(/ (?:not-offered|refuses|because) (\S+)/g)].map((match) => match[1]),
    ),
  );
  return lines
    .filter((line) => {
      const name = /^reason (\S+): /.exec(line)?.[1];
      return name === undefined || named.has(name);
    })
    .join('\n');
}

export function dropStaleReasons(service: ServiceName, standing: Standing): void {
  const file = upstreamFile(service);
  const text = readFileSync(file, 'utf8');
  const mended = withoutStaleReasons(service, text, standing);
  if (mended !== text) writeFileSync(file, mended);
}
