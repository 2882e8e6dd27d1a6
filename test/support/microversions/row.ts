// What a row of compute's microversions is, and the checks that many rows share.
import assert from 'node:assert/strict';
import type { Answer, Client, Who, World } from './world.ts';

export interface Step {
  /** A client one version below. */
  readonly below: Client;
  /** A client at the version. */
  readonly from: Client;
  readonly world: World;
}

export interface Row {
  readonly version: `2.${number}`;
  readonly change: string;
  /** `absent`: it concerns what docs/limits.md says is not there; the row shows that it is not, at both versions. */
  readonly proof: 'steps' | 'absent';
  /** The change ended with a later version: it is not looked for between 2.1 and the maximum. */
  readonly once?: true;
  check(step: Step): Promise<void>;
}

export const message = (answer: Answer): string => {
  const [fault] = Object.values((answer.body ?? {}) as Record<string, { message?: string }>);
  return fault?.message ?? '';
};

/** Refused as a field that the version does not know. */
export function unknownField(answer: Answer, name: string): void {
  assert.equal(answer.status, 400, `${name}: ${JSON.stringify(answer.body)}`);
  assert.match(message(answer), /additional propert/i, name);
}

/** Whatever else is wrong with the request, the schema let it through. */
export function knownField(answer: Answer, name: string): void {
  assert.doesNotMatch(message(answer), /additional propert/i, `${name}: ${JSON.stringify(answer.body)}`);
}

/** A create that can not succeed after its schema: the image does not exist. */
export async function tryCreate(
  client: Client,
  fields: object,
  who: Who = 'member',
  world?: World,
): Promise<Answer> {
  const networks = client.minor >= 37 ? { networks: 'none' } : {};
  const flavorRef = world?.flavor ?? '1';
  const imageRef = 'aaaaaaaa-0000-4000-8000-00000000abcd';
  const body = { server: { name: 'never', flavorRef, imageRef, ...networks, ...fields } };
  const answer = await client.send('POST', '/servers', body, who);
  assert.notEqual(answer.status, 202, 'nothing is created');
  return answer;
}

/** A rebuild of a server that does not exist. */
export const tryRebuild = async (client: Client, fields: object): Promise<Answer> =>
  client.act(NOBODY, { rebuild: { imageRef: NOBODY, ...fields } });

export const NOBODY = 'aaaaaaaa-0000-4000-8000-00000000000b';

/** A field of POST /servers that came with the version. */
export const createField =
  (name: string, value: unknown) =>
  async ({ below, from }: Step): Promise<void> => {
    unknownField(await tryCreate(below, { [name]: value }), name);
    knownField(await tryCreate(from, { [name]: value }), name);
  };

/** A field of the action rebuild that came with the version. */
export const rebuildField =
  (name: string, value: unknown) =>
  async ({ below, from }: Step): Promise<void> => {
    unknownField(await tryRebuild(below, { [name]: value }), name);
    knownField(await tryRebuild(from, { [name]: value }), name);
  };

/** A query that the version refuses, and the one below passes over or allows. */
export async function strictQuery({ below, from }: Step, path: string, who: Who = 'member'): Promise<void> {
  const odd = `${path}${path.includes('?') ? '&' : '?'}odd=1`;
  assert.equal((await below.send('GET', odd, undefined, who)).status, 200, `${odd} below`);
  assert.equal((await from.send('GET', odd, undefined, who)).status, 400, odd);
  await from.get(path, who);
}

/** A route that came (`404` → others) or went. */
export async function statuses(
  step: Step,
  wanted: readonly [number, number],
  method: string,
  path: string,
  body?: unknown,
  who: Who = 'member',
): Promise<void> {
  const got = [await step.below.send(method, path, body, who), await step.from.send(method, path, body, who)];
  assert.deepEqual(
    got.map(({ status }) => status),
    wanted,
    `${method} ${path}: ${got.map(({ body: each }) => JSON.stringify(each)).join(' | ')}`,
  );
}

/** Which of `names` an answer has. */
export const has = (body: object, ...names: readonly string[]): string[] =>
  names.filter((name) => name in body);
