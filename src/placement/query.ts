// Query parameters that several resources understand: `resources`, `required`, `member_of`, and refusal of unknown ones.
import type { Call } from '#platform/http/api.ts';
import { atLeast, type VersionText } from '#platform/microversion/microversion.ts';
import { BadRequest } from './errors.ts';

const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

/** With dashes, in lower case; undefined when it is none. */
export function normalUuid(text: string): string | undefined {
  if (!UUID.test(text)) return undefined;
  const hex = text.replaceAll('-', '').toLowerCase();
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** @throws BadRequest for a parameter that this version does not know */
export function refuseUnknown(
  call: Call,
  known: Readonly<Record<string, VersionText>>,
  pattern?: RegExp,
): void {
  for (const key of call.query.keys()) {
    const since = Object.hasOwn(known, key) ? known[key] : undefined;
    if (since !== undefined && atLeast(call.microversion, since)) continue;
    if (pattern?.test(key)) continue;
    throw new BadRequest(`Invalid query string parameters: '${key.slice(0, 255)}' was unexpected`);
  }
}

/** `VCPU:2,MEMORY_MB:1024` */
export function readResources(text: string, name = 'resources'): Record<string, number> {
  const resources: Record<string, number> = {};
  for (const part of text.split(',')) {
    const match = /^([A-Z0-9_]+):(\d{1,10})$/.exec(part);
    if (!match?.[1] || Number(match[2]) < 1 || Number(match[2]) > 2_147_483_647) {
      throw new BadRequest(
        `Badly formed ${name} parameter. Expected a string of the form CLASS:AMOUNT,CLASS:AMOUNT with amounts above 0. Got: ${text.slice(0, 255)}.`,
      );
    }
    resources[match[1]] = Number(match[2]);
  }
  return resources;
}

export interface TraitQuery {
  readonly required: ReadonlyArray<readonly string[]>;
  readonly forbidden: readonly string[];
}

/** `A,!B`, from 1.39 on also `in:A,B` and several parameters, of which the last counts before. @throws BadRequest, for what contradicts itself too */
export function readTraits(call: Call, texts: readonly string[], name = 'required'): TraitQuery {
  const traits = readAnyTraits(call, texts, name);
  const { required, forbidden } = traits;
  const clash = required.find((any) => any.every((each) => forbidden.includes(each)));
  if (clash)
    throw new BadRequest(
      `Conflicting required and forbidden traits found in the following traits keys: ${name}: (${clash.join(', ')})`,
      'query-bad-value',
    );
  return traits;
}

/** As `readTraits`, also what nothing can have. */
export function readAnyTraits(call: Call, texts: readonly string[], name = 'required'): TraitQuery {
  const required: string[][] = [];
  const forbidden: string[] = [];
  const bad = (text: string): BadRequest =>
    new BadRequest(
      `Invalid query string parameters: Expected '${name}' parameter value of the form: HW_CPU_X86_VMX,!CUSTOM_MAGIC. Got: ${text.slice(0, 255)}`,
      'query-bad-value',
    );
  for (const text of atLeast(call.microversion, '1.39') ? texts : texts.slice(-1)) {
    if (text.startsWith('in:') && atLeast(call.microversion, '1.39')) {
      const any = text.slice(3).split(',');
      if (any.some((each) => !/^[A-Z0-9_]+$/.test(each))) throw bad(text);
      required.push(any);
      continue;
    }
    for (const part of text.split(',')) {
      const match = /^(!?)([A-Z0-9_]+)$/.exec(part);
      if (!match?.[2] || (match[1] === '!' && !atLeast(call.microversion, '1.22'))) throw bad(text);
      if (match[1] === '!') forbidden.push(match[2]);
      else required.push([match[2]]);
    }
  }
  return { required, forbidden };
}

export interface AggregateQuery {
  readonly memberOf: ReadonlyArray<readonly string[]>;
  readonly notMemberOf: readonly string[];
}

/** `<uuid>`, `in:<uuid>,<uuid>`, from 1.32 on `!<uuid>` and `!in:…`; several parameters from 1.24 on. */
export function readAggregates(call: Call, texts: readonly string[], name = 'member_of'): AggregateQuery {
  const memberOf: string[][] = [];
  const notMemberOf: string[] = [];
  if (texts.length > 1 && !atLeast(call.microversion, '1.24'))
    throw new BadRequest(`Query parameter ${name} can be given once only.`, 'query-duplicate-key');
  for (const text of texts) {
    const forbidden = text.startsWith('!');
    if (forbidden && !atLeast(call.microversion, '1.32'))
      throw new BadRequest(
        `Forbidden ${name} parameters are not supported in the specified microversion`,
        'query-bad-value',
      );
    const rest = forbidden ? text.slice(1) : text;
    const parts = rest.startsWith('in:') ? rest.slice(3).split(',') : [rest];
    const ids = parts.map((each) => normalUuid(each));
    if (ids.some((each) => each === undefined))
      throw new BadRequest(
        `Invalid query string parameters: Expected '${name}' parameter to contain valid UUID(s). Got: ${text.slice(0, 255)}`,
      );
    if (forbidden) notMemberOf.push(...(ids as string[]));
    else memberOf.push(ids as string[]);
  }
  return { memberOf, notMemberOf };
}
