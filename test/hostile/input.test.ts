// What every writing route does with bodies, ids and queries that no honest client sends, from an administrator, whom no
// rule stops: a refusal of the client's kind, never a failure of the service, and no change where it refuses.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { findProblem } from '#platform/http/validate.ts';
import { systemToken } from './callers.ts';
import { ExceptionBook } from './exceptions.ts';
import { FOR_ABSURD_IDS } from './known-answers.ts';
import { bodied, provoke } from './provoke.ts';
import { setStage, type Stage } from './stage.ts';
import type { Target } from './targets.ts';
import { ABSURD_IDS, ABSURD_QUERIES, inTurns, twists } from './twisted.ts';

let stage: Stage;
let systemAdmin: string;
before(async () => {
  stage = await setStage();
  systemAdmin = await systemToken(stage.client, stage.callers.admin);
});
after(async () => stage?.[Symbol.asyncDispose]());

/** A project gets its default group before anything of it is made, also when that is then refused. */
const MADE_BEFORE = /^\+ network\.security_group(s|_rules) /;

/** `network GET /v2.0/security-groups` → `security_group`, the name of its id. */
const singular = (target: Target): string =>
  (target.path.split('/')[3] ?? '')
    .replaceAll('-', '_')
    .replace(/policies$/, 'policy')
    .replace(/s$/, '');

test('ids that name nothing: 404 or 400, never a failure', async (t) => {
  const book = new ExceptionBook(FOR_ABSURD_IDS);
  const complaints = [];
  let sent = 0;
  for (const target of stage.targets) {
    for (const param of target.params) {
      if (param === 'tag' && target.writes) continue; // any text may be a tag
      for (const [what, id] of Object.entries(ABSURD_IDS)) {
        sent += 1;
        const wrong = await provoke(stage, target, { path: target.pathWith(param, id) }, ({ status, text }) =>
          book.fits(`${target.name} ${param}`, status, [400, 404, 414, 431, ...(target.gone ? [410] : [])])
            ? undefined
            : `${status} ${text.slice(0, 200)}`,
        );
        if (wrong !== undefined) complaints.push(`${wrong} <- ${what} as ${param}`);
      }
    }
  }
  t.diagnostic(`${sent} ids`);
  assert.deepEqual(complaints, []);
  assert.deepEqual(book.unused(), [], 'exceptions that are not needed any longer');
});

/** What begins work that goes on while others are sent. */
const BEGINS =
  /\/servers\/:id\/(action|os-interface|os-volume_attachments|migr)|action os-extend|POST \/v3\/attachments$|external-events/;
/** Each that is taken hashes a whole volume: the volume is busy with the first while the others are sent. */
const SLOW = /action os-volume_upload_image/;

test('wrong at each position of a body’s schema: refused as the client’s mistake, or taken', async (t) => {
  const complaints: string[] = [];
  let sent = 0;
  const order = (target: Target): number => (SLOW.test(target.name) ? 2 : BEGINS.test(target.name) ? 1 : 0);
  for (const target of bodied(stage).toSorted((a, b) => order(a) - order(b))) {
    if (target.schema === undefined) continue;
    const token = target.service === 'identity' ? systemAdmin : stage.callers.admin;
    const own = target.service === 'placement' ? 'compute' : target.service; // others work on meanwhile
    await stage.state.quiet(own);
    let before = stage.state.rows(own);
    let version = stage.state.version(own);
    for (const { what, text } of twists(target.schema, target.body)) {
      sent += 1;
      let refused = false;
      const fits = what.startsWith('__proto__') || findProblem(target.schema, JSON.parse(text)) === undefined;
      const wrong = await provoke(stage, target, { body: text, token }, ({ status }) => {
        refused = status >= 400;
        return fits || status === 400 ? undefined : `${status} for what does not fit`;
      });
      if (wrong !== undefined) complaints.push(`${what}: ${wrong}`);
      if (order(target) > 0) continue; // what it begins goes on meanwhile
      if (!refused) await stage.state.quiet(own);
      const now = stage.state.version(own);
      if (refused && now !== version) {
        const changes = stage.state.changesSince(before, own).filter((each) => !MADE_BEFORE.test(each));
        if (changes.length > 0) complaints.push(`${what}: ${target.name} changed ${changes.join('\n')}`);
        before = stage.state.rows(own);
      }
      version = now;
      if (!refused) before = stage.state.rows(own);
    }
  }
  t.diagnostic(`${sent} bodies`);
  assert.deepEqual(complaints, []);
});

test('queries that mean nothing: answered or refused, never a failure, never slow', async (t) => {
  const complaints = [];
  let sent = 0;
  const some = inTurns(ABSURD_QUERIES, 4);
  for (const target of stage.targets.filter(({ method }) => method === 'GET')) {
    for (const query of target.params.length === 0 ? ABSURD_QUERIES : some()) {
      sent += 1;
      const before = process.cpuUsage();
      const marker = {
        image: stage.ids['image'],
        network: stage.ids[singular(target)],
        compute: stage.ids['server'],
      };
      const path = `${target.path}?${query.replace('MARKER', marker[target.service as 'image'] ?? 'none')}`;
      const wrong = await provoke(stage, target, { path });
      const took = process.cpuUsage(before).user / 1000; // of the cloud, which runs here; others' load is not in it
      if (wrong !== undefined) complaints.push(`${query.slice(0, 60)}: ${wrong}`);
      if (took > 2000)
        complaints.push(`${query.slice(0, 60)}: ${target.name} took ${took} ms of a processor`);
    }
  }
  t.diagnostic(`${sent} queries`);
  assert.deepEqual(complaints, []);
});
