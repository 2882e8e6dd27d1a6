// Requests of an attacker who has a token, and what a refusal must look like. Used by the tests of content and of crowds.
import assert from 'node:assert/strict';
import { LATEST } from './belongings.ts';
import type { Outcome } from './client.ts';
import { indiscretion, type Stage } from './stage.ts';

/** As the member of project A unless `token` says otherwise, at the newest version. */
export async function ask(
  { client, callers }: Stage,
  method: string,
  path: string,
  body?: unknown,
  token = callers.alice.token,
  headers: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const versioned = path.startsWith('/compute') ? LATEST : {};
  return client.send({ method, path, token, body, headers: { ...versioned, ...headers } });
}

export function assertRefused(stage: Stage, outcome: Outcome, statuses: readonly number[]): void {
  assert.ok(statuses.includes(outcome.status), `${outcome.status} ${outcome.text.slice(0, 500)}`);
  assert.equal(indiscretion(outcome.text, stage.cloud), undefined);
}
