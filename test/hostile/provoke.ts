// One hostile request, and what is wrong with its answer. Used by the tests of bodies and of other input.
import type { Attempt, Outcome } from './client.ts';
import { faultOf } from './faults.ts';
import { indiscretion, type Stage } from './stage.ts';
import type { Target } from './targets.ts';

/** What is wrong with an answer whatever was asked; undefined when nothing is. */
function fundamental(stage: Stage, target: Target, outcome: Outcome): string | undefined {
  if (outcome.status >= 500 && outcome.status !== 501)
    return `${outcome.status} ${outcome.text.slice(0, 300)}`;
  const told = outcome.status >= 400 ? indiscretion(outcome.text, stage.cloud) : undefined;
  if (told) return told;
  return faultOf(target, outcome);
}

/** Sends as the administrator, whom no rule stops, and holds the answer to `rule`. @returns the complaint */
export async function provoke(
  stage: Stage,
  target: Target,
  attempt: Partial<Attempt>,
  rule: (outcome: Outcome) => string | undefined = () => undefined,
): Promise<string | undefined> {
  const { method, path, headers, body } = target;
  const whole = { method, path, headers, body, token: stage.callers.admin, ...attempt };
  const outcome = await stage.client.send(whole).catch((error: Error) => error);
  if (outcome instanceof Error) return `${target.name}: ${outcome.message}`;
  const wrong = fundamental(stage, target, outcome) ?? rule(outcome);
  return wrong === undefined ? undefined : `${target.name}: ${wrong}`;
}

/** The targets that take a body of JSON. */
export const bodied = ({ targets }: Stage): Target[] =>
  targets.filter(
    ({ writes, schema, name }) => writes && (schema !== undefined || name.startsWith('image PATCH')),
  );
