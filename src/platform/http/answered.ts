// Tells whoever subscribes which operation a request came to and how it was answered: the tests' record of what they
// had succeed. Published by mount.ts; without a subscriber it costs one look.
import { channel } from 'node:diagnostics_channel';
import type { Action, Api, Route } from './api.ts';

export const ANSWERED = 'pileus:http:answered';

export interface Answered {
  /** The API's name: `compute`. */
  readonly service: string;
  /** The request's: a HEAD that a GET route answers is a HEAD. */
  readonly method: string;
  /** The route's, as its table has it: `/v2.1/servers/:id`. */
  readonly path: string;
  /** The action's key in the body. */
  readonly action: string | undefined;
  readonly status: number;
}

/** What a request came to, once it is known. */
export interface Operation {
  readonly route: Pick<Route<never>, 'path'>;
  readonly action: Pick<Action<never>, 'key'> | undefined;
}

const answers = channel(ANSWERED);

export function tellAnswered(
  { name }: Pick<Api<never>, 'name'>,
  method: string,
  operation: Operation | undefined,
  status: number,
): void {
  if (!answers.hasSubscribers || !operation) return;
  const { route, action } = operation;
  answers.publish({
    service: name,
    method,
    path: route.path,
    action: action?.key,
    status,
  } satisfies Answered);
}
