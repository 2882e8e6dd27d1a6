// The same conversation with this cloud, simulated, and with OpenStack Zed, whose answers are kept in answers/. Prints for
// each service how many steps were compared and how many differences are accepted.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { startCloud, type TestCloud } from '#test/support/cloud.ts';
import { differences, judge, readAcceptances, readAnswers, tell } from './compare.ts';
import { listServices, readConversation } from './conversation.ts';
import { layGround, type CloudAddress } from './ground.ts';
import { speak } from './speaker.ts';

const PATIENCE_MS = 20_000;

let cloud: TestCloud;
before(async () => {
  cloud = await startCloud({ simulated: true });
});
after(async () => cloud?.[Symbol.asyncDispose]());

async function addressOf({ dataPath }: TestCloud): Promise<CloudAddress> {
  const { clouds } = parse(await readFile(join(dataPath, 'clouds.yaml'), 'utf8')) as {
    clouds: Record<string, { auth: Record<'auth_url' | 'username' | 'password' | 'project_name', string> }>;
  };
  const { auth_url, username, password, project_name } = clouds['pileus-admin']!.auth; // `up` has written it
  return { authUrl: auth_url, username, password, project: project_name };
}

for (const service of await listServices())
  test(`answers of ${service} are those of OpenStack`, { timeout: 120_000 }, async (t) => {
    const conversation = await readConversation(service);
    const real = await readAnswers(service);
    const ours = await speak(await layGround(await addressOf(cloud)), conversation, PATIENCE_MS);
    const unsaid = Object.keys(real).filter((step) => !(step in ours));
    assert.deepEqual(unsaid, [], 'recorded answers whose steps are gone: record anew, or remove them');
    const { open, stale, accepted } = judge(differences(real, ours), await readAcceptances(service));
    t.diagnostic(`${service}: ${Object.keys(ours).length} steps compared, ${accepted} differences accepted`);
    assert.equal(open.length, 0, `differs from OpenStack:\n${open.map(tell).join('\n')}`);
    assert.deepEqual(stale, [], 'accepted differences that are not as the list says');
  });
