// Holds a conversation with a cloud: starts the cloud, lets each person speak through the client, checks every answer.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { parse as parseYaml, stringify as stringifyYaml } from 'yaml';
import type { UpOptions } from '#cloud/up.ts';
import { runCommand } from '#platform/supervise/run-command.ts';
import { cloudLog, startCloud, type TestCloud } from '#test/support/cloud.ts';
import { until } from '#test/support/until.ts';
import { openClientSession, type ClientSession } from './client-session.ts';
import { describeShape, mismatch, wordsOf, type Area, type Shape, type Step } from './conversation.ts';

interface Talk {
  readonly cloud: TestCloud;
  readonly area: Area;
  readonly kept: Map<string, string>;
  readonly sessions: Map<string, ClientSession>;
}

interface Answer {
  readonly stdout: string;
  readonly stderr: string;
  /** Undefined where the client is asked interactively. */
  readonly code: number | undefined;
}

/** One test for each step, in order, and one that the cloud logged no bug meanwhile. */
export function converse(area: Area, where: Partial<UpOptions>): void {
  const world = where.simulated ? 'simulated' : 'on real programs';
  suite(`${area.name}, ${world}${where.storage === 'ceph' ? ' with Ceph' : ''}`, () => {
    let talk: Talk;
    let dir: string;
    before(async () => {
      dir = await mkdtemp(join(tmpdir(), 'pileus-interop-'));
      for (const [name, content] of Object.entries(area.files ?? {}))
        await writeFile(join(dir, name), content, { mode: 0o600 });
      const cloud = await startCloud(where);
      talk = { cloud, area, kept: new Map([['dir', dir]]), sessions: new Map() };
    });
    after(async () => {
      for (const session of talk?.sessions.values() ?? []) await session[Symbol.asyncDispose]();
      await talk?.cloud[Symbol.asyncDispose]();
      await rm(dir, { recursive: true, force: true });
    });
    const ground = where.simulated ? 'models' : 'real programs';
    for (const step of area.steps.filter(({ on = ground }) => on === ground))
      test(`${step.as ?? area.as}: ${step.run}${step.fails ? ' fails' : ''}`, async () => take(talk, step));
    test('the cloud logged no bug', async () => {
      const bugs = (await cloudLog(talk.cloud)).split('\n').filter((line) => /"level":[56]0/.test(line));
      assert.deepEqual(bugs, []);
    });
  });
}

/** @throws AssertionError saying what was answered */
async function take(talk: Talk, step: Step): Promise<void> {
  if (step.withinMs === undefined) return attempt(talk, step);
  let last: unknown;
  await until(
    async () =>
      attempt(talk, step).then(
        () => true,
        (error: unknown) => {
          last = error;
          return false;
        },
      ),
    { deadlineMs: step.withinMs, what: step.run, everyMs: 250 },
  ).catch((error: unknown) => {
    throw last ?? error;
  });
}

/** Commands that change nothing, and so can be said twice. */
const READS = new Set(['list', 'show', 'issue']);

async function attempt(talk: Talk, step: Step): Promise<void> {
  const argv = wordsOf(step.run).map((word) => fill(talk, word));
  const wantsJson =
    step.has !== undefined || step.rows || step.lacks || step.keep || step.count !== undefined;
  if (wantsJson) {
    const answer = await ask(talk, step, [...argv, '-f', 'json']);
    checkOutcome(talk, step, answer);
    checkJson(talk, step, parseJson(answer.stdout));
  }
  if (wantsJson && !step.text && !argv.some((word) => READS.has(word))) return;
  const answer = await ask(talk, step, argv);
  checkOutcome(talk, step, answer);
  if (step.text) assert.match(answer.stdout, patternOf(talk, step.text));
  if (wantsJson)
    for (const word of shownOf(talk, step))
      assert.ok(answer.stdout.includes(word), `${word} in\n${answer.stdout}`);
}

async function ask(talk: Talk, step: Step, argv: readonly string[]): Promise<Answer> {
  const who = step.as ?? talk.area.as;
  if (step.alone)
    return runCommand(['openstack', ...argv], {
      env: await environmentOf(talk, who),
      deadlineMs: 60_000,
      okCodes: [0, 1, 2],
    });
  const session = talk.sessions.get(who) ?? openClientSession(await environmentOf(talk, who));
  talk.sessions.set(who, session);
  return { ...(await session.run(argv)), code: undefined };
}

const CLOUDS: Readonly<Record<string, string>> = { demo: 'pileus', admin: 'pileus-admin' };

/** demo and admin use the clouds.yaml that the cloud wrote, as it is; the others one that is like it. */
async function environmentOf(talk: Talk, who: string): Promise<Record<string, string>> {
  const person = talk.area.people?.[who];
  const known = CLOUDS[person?.like ?? who];
  assert.ok(person || known, `nobody is called ${who}`);
  if (!person?.auth)
    return { OS_CLIENT_CONFIG_FILE: talk.cloud.cloudsYaml, OS_CLOUD: String(known), ...person?.env };
  const { clouds } = parseYaml(await readFile(talk.cloud.cloudsYaml, 'utf8')) as {
    clouds: { pileus: { auth: Record<string, string> } };
  };
  const auth = Object.entries(person.auth).map(([name, value]) => [name, fill(talk, value)]);
  const own = {
    ...clouds.pileus,
    ...(person.authType === undefined ? {} : { auth_type: person.authType }),
    auth: { auth_url: clouds.pileus.auth['auth_url'], ...Object.fromEntries(auth) },
  };
  const file = join(fill(talk, '{dir}'), `${who}.yaml`);
  await writeFile(file, stringifyYaml({ clouds: { own } }), { mode: 0o600 });
  return { OS_CLIENT_CONFIG_FILE: file, OS_CLOUD: 'own', ...person.env };
}

function checkOutcome(talk: Talk, step: Step, { stdout, stderr, code }: Answer): void {
  const said = `${stdout}${stderr}`;
  if (step.fails) {
    assert.match(said, patternOf(talk, step.fails));
    assert.notEqual(code, 0);
    return;
  }
  if (step.warns) assert.match(stderr, step.warns);
  else assert.equal(stderr.trim(), '', said);
  assert.ok(code === undefined || code === 0, said);
  assert.doesNotMatch(stdout, /is not an openstack command/);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return assert.fail(`not JSON: ${text}`);
  }
}

function checkJson(talk: Talk, step: Step, answer: unknown): void {
  if (step.has !== undefined) assert.equal(mismatch(answer, filled(talk, step.has)), undefined);
  if (step.rows) assert.equal(mismatch(answer, filled(talk, step.rows)), undefined);
  for (const row of step.lacks ?? [])
    assert.ok(
      mismatch(answer, [filled(talk, row)]) !== undefined,
      `has ${describeShape(row)}: ${JSON.stringify(answer)}`,
    );
  if (step.count !== undefined) {
    assert.ok(Array.isArray(answer));
    assert.equal(answer.length, step.count, JSON.stringify(answer));
  }
  for (const [name, path] of Object.entries(step.keep ?? {})) {
    const found = path
      .split('.')
      .reduce((value, part) => (value as Record<string, unknown> | undefined)?.[part], answer);
    assert.ok(typeof found === 'string' || typeof found === 'number', `${path} in ${JSON.stringify(answer)}`);
    talk.kept.set(name, String(found));
  }
}

function fill(talk: Talk, text: string): string {
  return text.replaceAll(/\{([a-z]\w*)\}/gi, (_, name: string) => {
    const value = talk.kept.get(name);
    assert.ok(value !== undefined, `no step before kept ${name}`);
    return value;
  });
}

function patternOf(talk: Talk, pattern: RegExp): RegExp {
  return new RegExp(fill(talk, pattern.source), pattern.flags);
}

function filled(talk: Talk, shape: Shape): Shape {
  if (typeof shape === 'string') return fill(talk, shape);
  if (shape instanceof RegExp) return patternOf(talk, shape);
  if (Array.isArray(shape)) return shape.map((each: Shape) => filled(talk, each));
  if (typeof shape === 'object' && shape !== null)
    return Object.fromEntries(Object.entries(shape).map(([name, each]) => [name, filled(talk, each)]));
  return shape;
}

/** The short texts that the JSON answer must have: the table prints them as they are. */
function shownOf(talk: Talk, step: Step): string[] {
  const words: string[] = [];
  const gather = (shape: Shape): void => {
    if (typeof shape === 'string') words.push(shape);
    else if (Array.isArray(shape)) shape.forEach(gather);
    else if (typeof shape === 'object' && shape !== null && !(shape instanceof RegExp))
      Object.values(shape).forEach(gather);
  };
  gather(filled(talk, step.has ?? []));
  gather(filled(talk, step.rows ?? []));
  return words.filter((word) => !word.includes('\n'));
}
