// What a row of the volume service's microversions is, and the checks that many rows share.
import assert from 'node:assert/strict';
import type { Answer } from '../service-harness.ts';
import type { Client, Who, World } from './world.ts';

export interface Step {
  /** A client one version below. */
  readonly below: Client;
  /** A client at the version. */
  readonly from: Client;
  readonly world: World;
}

export interface Row {
  readonly version: `3.${number}`;
  readonly change: string;
  /** `same`: the published version changes nothing that a request could see; the row shows that. */
  readonly proof: 'steps' | 'same';
  /** The change ended or went on with a later version: it is not looked for between 3.0 and the maximum. */
  readonly once?: true;
  check(step: Step): Promise<void>;
}

export const NOBODY = 'aaaaaaaa-0000-4000-8000-00000000000b';

export const message = (answer: Answer): string => {
  const [fault] = Object.values((answer.body ?? {}) as Record<string, { message?: string }>);
  return fault?.message ?? '';
};

/** Refused as a field that the version does not know. */
export function unknownField(answer: Answer, name: string): void {
  assert.equal(answer.status, 400, `${name}: ${JSON.stringify(answer.body)}`);
  assert.match(message(answer), /additional propert/i, name);
}

/** The statuses below the version and at it. */
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

/** A route that came with the version. */
export const newPath =
  (path: (world: World) => string, who: Who = 'member', method = 'GET', body?: unknown, wanted = 200) =>
  async (step: Step): Promise<void> =>
    statuses(step, [404, wanted], method, path(step.world), body, who);

/** A field of what the path shows. `key` names the resource in the answer; of a list its first is taken. */
export const shown =
  (path: (world: World) => string, key: string, name: string, who: Who = 'member') =>
  async ({ below, from, world }: Step): Promise<void> => {
    const has = async (client: Client): Promise<boolean> => {
      const found = (await client.get(path(world), who))[key];
      return name in (Array.isArray(found) ? found[0] : found);
    };
    assert.deepEqual([await has(below), await has(from)], [false, true], name);
  };

/** Ids (or names, where there are none) of a list. */
export async function idsOf(client: Client, path: string, who?: Who): Promise<string[]> {
  const found = Object.values(await client.get(path, who)).find(Array.isArray) as Array<{
    id?: string;
    name: string;
  }>;
  return found.map((each) => each.id ?? each.name);
}

/** A filter that the version brought: passed over below, kept at it. `none` fits nothing. */
export const filter =
  (path: string, none: string, who?: Who) =>
  async ({ below, from }: Step): Promise<void> => {
    assert.ok((await idsOf(below, `${path}?${none}`, who)).length > 0, `${none} below`);
    assert.deepEqual(await idsOf(from, `${path}?${none}`, who), [], none);
  };
