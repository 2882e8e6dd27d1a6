// Waits for what an action does, for the few requests whose answer is that. Rows are read again on every commit of this process
// and on a tick: a nudge that is lost delays the answer, and changes nothing else.
import { DomainError } from '#platform/errors/domain-error.ts';
import type { ComputeDatabase } from '#compute/deps.ts';
import type { InstanceActionRow } from '#compute/tables.ts';
import { findAction } from './store.ts';

const TICK_MS = 250; // how late an end is seen that another process committed

const waiters = new WeakMap<ComputeDatabase, Set<() => void>>();

function waitersOf(db: ComputeDatabase): Set<() => void> {
  const known = waiters.get(db);
  if (known) return known;
  const fresh = new Set<() => void>();
  waiters.set(db, fresh);
  db.onCommit(() => {
    for (const wake of fresh) wake();
  });
  return fresh;
}

/** @returns what `look` finds, as soon as it finds something; undefined after `deadlineMs` */
export async function untilCommitted<T>(
  db: ComputeDatabase,
  look: () => Promise<T | undefined>,
  deadlineMs: number,
): Promise<T | undefined> {
  const set = waitersOf(db);
  const end = Date.now() + deadlineMs;
  for (;;) {
    let wake: () => void = () => undefined;
    const nudged = new Promise<void>((resolve) => (wake = resolve));
    set.add(wake);
    const timer = setTimeout(wake, TICK_MS);
    try {
      const found = await look();
      if (found !== undefined || Date.now() >= end) return found;
      await nudged;
    } finally {
      clearTimeout(timer);
      set.delete(wake);
    }
  }
}

/** @returns the action once it is done or failed. @throws DomainError timeout; the action goes on */
export async function awaitAction(
  db: ComputeDatabase,
  actionId: string,
  deadlineMs: number,
): Promise<InstanceActionRow> {
  const ended = await untilCommitted(
    db,
    async () => {
      const action = await findAction(db.kysely, actionId);
      if (!action) throw new DomainError('not-found', 'no-such-action', `Action ${actionId} is gone.`);
      return action.state === 'running' ? undefined : action;
    },
    deadlineMs,
  );
  if (ended) return ended;
  throw new DomainError(
    'timeout',
    'action-timeout',
    'The action was accepted and has not ended yet: look at the server later.',
  );
}
