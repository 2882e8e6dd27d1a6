// Says a conversation to a cloud through HTTP, and gives the facts of each answer. The cloud is known by its identity address
// and an administrator alone; projects and users are made for each run.
import { isIPv4 } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Conversation, NamedStep } from './conversation.ts';
import { bodyShape, headerFacts, loosened, orderOf, type Context, type Facts } from './facts.ts';
import type { Ground } from './ground.ts';

export interface Answers {
  readonly [step: string]: Facts;
}

interface Talk {
  readonly ground: Ground;
  readonly service: string;
  readonly kept: Map<string, string>;
  readonly said: Set<string>;
  readonly saidNumbers: Set<string>;
  readonly asked: Set<string>;
  readonly context: Context;
  readonly patienceMs: number;
}

const NOTHING: ReadonlySet<string> = new Set();

const NOBODY = '00000000-0000-4000-8000-000000000000';

export async function speak(
  ground: Ground,
  { service, steps }: Conversation,
  patienceMs: number,
  tell: (line: string) => void = () => undefined,
): Promise<Answers> {
  const said = new Set<string>();
  const saidNumbers = new Set<string>();
  const asked = new Set<string>();
  const talk: Talk = {
    ground,
    service,
    said,
    saidNumbers,
    asked,
    patienceMs,
    kept: new Map(Object.entries(ground.names)),
    context: { run: ground.run, roots: ground.roots, said, saidNumbers, asked },
  };
  const answers: Record<string, Facts> = {};
  for (const step of steps) {
    const facts = await take(talk, step);
    tell(`${facts.status} ${step.name}`);
    if (!step.unseen) answers[step.name] = facts;
  }
  return answers;
}

interface Heard {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

async function take(talk: Talk, step: NamedStep): Promise<Facts> {
  const end = Date.now() + talk.patienceMs;
  let pause = 20;
  let heard = await ask(talk, step);
  while (step.until && !isThere(talk, step.until, heard)) {
    if (Date.now() > end)
      throw new Error(`${step.name}: ${JSON.stringify(step.until)} did not come: ${brief(heard.body)}`);
    await sleep(pause);
    pause = Math.min(pause * 1.5, 1000);
    heard = await ask(talk, step);
  }
  for (const [name, path] of Object.entries(step.keep ?? {})) {
    const value = path.startsWith('header:') ? heard.headers.get(path.slice(7)) : valueAt(heard.body, path);
    if (value === undefined || value === null) talk.kept.set(name, NOBODY);
    else talk.kept.set(name, String(value));
  }
  return factsOf(talk, step, heard);
}

const brief = (body: unknown): string => (JSON.stringify(body) ?? '').slice(0, 500);

function isThere(talk: Talk, until: Readonly<Record<string, unknown>>, { status, body }: Heard): boolean {
  if (until['gone']) return status === 404;
  return Object.entries(until).every(([path, wished]) => {
    const value = valueAt(body, path);
    return Array.isArray(wished) ? wished.includes(value) : value === wished;
  });
}

function factsOf(talk: Talk, step: NamedStep, { status, headers, body }: Heard): Facts {
  const context = step.loose ? { ...talk.context, said: NOTHING, saidNumbers: NOTHING } : talk.context;
  const shape = body === undefined ? undefined : bodyShape(body, context);
  const order = /[?&]sort/.test(step.do) && status === 200 ? orderOf(body, talk.context) : undefined;
  return {
    status,
    headers: headerFacts(headers, talk.context, body !== undefined),
    ...(shape === undefined ? {} : { body: step.loose ? loosened(shape) : shape }),
    ...(order === undefined ? {} : { order }),
  };
}

async function ask(talk: Talk, step: NamedStep): Promise<Heard> {
  const { service, caller, method, url } = addressOf(talk, step);
  talk.asked.clear();
  const raw = typeof step.body === 'string';
  const body = step.body === undefined || raw ? step.body : filled(talk, step.body);
  for (const said of new URLSearchParams(step.do.split('?')[1])) note(talk, said[1]);
  if (!raw) note(talk, step.body);
  const token = talk.ground.tokens[caller];
  const headers = new Headers({
    ...(token === undefined ? {} : { 'x-auth-token': token }),
    ...(step.body === undefined ? {} : { 'content-type': 'application/json' }),
    ...versionHeader(service, step.at),
  });
  for (const [name, value] of Object.entries(step.headers ?? {})) {
    if (value === null) headers.delete(name);
    else headers.set(name, fill(talk, value));
  }
  const answer = await fetch(url, {
    method,
    headers,
    redirect: 'manual',
    ...(body === undefined ? {} : { body: raw ? String(body) : JSON.stringify(body) }),
  });
  return { status: answer.status, headers: answer.headers, body: await bodyOf(answer) };
}

async function bodyOf(answer: Response): Promise<unknown> {
  const text = await answer.text();
  if (text === '') return undefined;
  if (!/json/.test(answer.headers.get('content-type') ?? '')) return text;
  return JSON.parse(text) as unknown;
}

function versionHeader(service: string, at: string | undefined): Record<string, string> {
  return at === undefined ? {} : { 'openstack-api-version': `${service} ${at}` };
}

function addressOf(talk: Talk, step: NamedStep) {
  const [method = '', place = ''] = step.do.split(' ');
  const other = /^([a-z]+):/.exec(place);
  const service = other?.[1] ?? talk.service;
  const path = fill(talk, place.slice(other?.[0].length ?? 0));
  const caller = step.as ?? 'member';
  const base = path.startsWith('~') ? talk.ground.rootOf(service) : talk.ground.endpointOf(service, caller);
  return { service, caller, method, url: base + path.replace(/^~/, '') };
}

function fill({ kept }: Talk, text: string): string {
  return text.replaceAll(/\{(\w+)\}/g, (_, name: string) => kept.get(name) ?? NOBODY);
}

function filled(talk: Talk, value: unknown): unknown {
  if (typeof value === 'string') {
    // `{#name}` alone is a number.
    const number = /^\{#(\w+)\}$/.exec(value)?.[1];
    return number === undefined ? fill(talk, value) : Number(talk.kept.get(number) ?? 0);
  }
  if (Array.isArray(value)) return value.map((each) => filled(talk, each));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [fill(talk, key), filled(talk, each)]),
  );
}

/** What was said may be heard again, and is then a fact of the API; what an earlier answer had held is not. */
function note(talk: Talk, value: unknown, key = ''): void {
  if (typeof value === 'string') {
    const text = value.replaceAll(/\{run\}/gi, (name) => talk.kept.get(name.slice(1, -1)) ?? '');
    if (!text.includes('{')) talk.said.add(text);
    if (isIPv4(text)) talk.asked.add(text);
  } else if (typeof value === 'number') talk.saidNumbers.add(`${key}=${value}`);
  else if (typeof value === 'object' && value !== null)
    for (const [name, each] of Object.entries(value)) note(talk, each, Array.isArray(value) ? key : name);
}

function valueAt(body: unknown, path: string): unknown {
  return path
    .split('/')
    .reduce<unknown>((at, key) => (at as Record<string, unknown> | null | undefined)?.[key], body);
}
