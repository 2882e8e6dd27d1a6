// Compares the facts of two clouds, and sets off the differences that are accepted, each with its reason.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isList, isObject, type Facts, type Shape } from './facts.ts';
import type { Answers } from './speaker.ts';

export interface Difference {
  readonly step: string;
  /** `status`, `headers.vary`, `body.server.links.×`. */
  readonly at: string;
  /** Undefined where the real service has nothing there. */
  readonly real: string | undefined;
  readonly ours: string | undefined;
}

/** Differences that stand, in accepted/<service>.json. */
export interface Acceptance {
  /** Regular expression on the step's name; absent: every step. */
  readonly step?: string;
  /** Regular expression on the place, all of it. */
  readonly at: string;
  readonly real?: string;
  readonly ours?: string;
  readonly reason: string;
  /** How many differences it sets off: no more, and no fewer. */
  readonly count: number;
}

export function differences(real: Answers, ours: Answers): Difference[] {
  return Object.entries(ours).flatMap(([step, facts]) => {
    const known = real[step];
    if (!known) return [{ step, at: 'answer', real: undefined, ours: String(facts.status) }];
    return [...ofFacts(known, facts)].map((each) => ({ step, ...each }));
  });
}

type Found = Omit<Difference, 'step'>;

function* ofFacts(real: Facts, ours: Facts): Generator<Found> {
  if (real.status !== ours.status) {
    yield { at: 'status', real: String(real.status), ours: String(ours.status) };
    return; // whatever else differs follows from that
  }
  yield* ofShapes(real.headers, ours.headers, 'headers');
  yield* ofShapes(real.body, ours.body, 'body');
  if (real.order?.join() !== ours.order?.join())
    yield { at: 'order', real: real.order?.join(), ours: ours.order?.join() };
}

function* ofShapes(real: Shape | undefined, ours: Shape | undefined, at: string): Generator<Found> {
  if (real !== undefined && ours !== undefined) {
    if (isList(real) && isList(ours)) {
      if (real[0] !== ours[0]) yield { at: `${at}.count`, real: real[0], ours: ours[0] };
      if (real[1] !== 'nothing' && ours[1] !== 'nothing') yield* ofShapes(real[1], ours[1], `${at}.×`);
      return;
    }
    if (isObject(real) && isObject(ours)) {
      for (const key of new Set([...Object.keys(real), ...Object.keys(ours)]))
        yield* ofShapes(real[key], ours[key], `${at}.${key}`);
      return;
    }
  }
  const [left, right] = [shown(real), shown(ours)];
  if (left !== right) yield { at, real: left, ours: right };
}

function shown(shape: Shape | undefined): string | undefined {
  return shape === undefined || typeof shape === 'string' ? shape : JSON.stringify(shape);
}

export interface Judged {
  readonly open: readonly Difference[];
  /** Sentences about acceptances that set off more or fewer differences than they say. */
  readonly stale: readonly string[];
  readonly accepted: number;
}

export function judge(found: readonly Difference[], acceptances: readonly Acceptance[]): Judged {
  const counts = new Map<Acceptance, number>();
  const open = found.filter((each) => {
    const by = acceptances.find((acceptance) => accepts(acceptance, each));
    if (by) counts.set(by, (counts.get(by) ?? 0) + 1);
    return !by;
  });
  const stale = acceptances
    .filter((each) => counts.get(each) !== each.count)
    .map(
      (each) =>
        `${each.step ?? 'every step'} at ${each.at}: accepted ${each.count}, found ${counts.get(each) ?? 0}`,
    );
  return { open, stale, accepted: found.length - open.length };
}

function accepts({ step, at, real, ours }: Acceptance, found: Difference): boolean {
  return (
    (step === undefined || new RegExp(step).test(found.step)) &&
    new RegExp(`^(?:${at})$`).test(found.at) &&
    (real === undefined || real === (found.real ?? 'absent')) &&
    (ours === undefined || ours === (found.ours ?? 'absent'))
  );
}

export function tell({ step, at, real, ours }: Difference): string {
  return `${step}\n    ${at}: real ${real ?? 'absent'}, ours ${ours ?? 'absent'}`;
}

export function answersPath(service: string, directory = join(import.meta.dirname, 'answers')): string {
  return join(directory, `${service}.json`);
}

export async function readAnswers(service: string): Promise<Answers> {
  return JSON.parse(await readFile(answersPath(service), 'utf8')) as Answers;
}

export async function readAcceptances(service: string): Promise<Acceptance[]> {
  const path = join(import.meta.dirname, 'accepted', `${service}.json`);
  return JSON.parse(await readFile(path, 'utf8')) as Acceptance[];
}
