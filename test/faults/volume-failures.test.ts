// Failures that a launch with volumes can meet at their hops, on the simulated cloud: each is named in the record, mended on
// another host where that can be, and leaves neither volume nor attachment.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { apiSession, type ApiSession } from '#test/support/api-session.ts';
import { startCloud, type TestCloud } from '#test/support/cloud.ts';
import { until } from '#test/support/until.ts';
import { assertSound } from './audit.ts';

let cloud: TestCloud;
let admin: ApiSession;
let demo: ApiSession;
let existing: string;

before(async () => {
  cloud = await startCloud({ simulated: true });
  admin = await apiSession(cloud.dataPath, 'pileus-admin');
  demo = await apiSession(cloud.dataPath, 'pileus');
  const { body } = await demo.request('POST', '/volume/v3/volumes', { volume: { size: 1 } });
  existing = (body['volume'] as { id: string }).id;
  await untilExistingIsFree();
});
after(async () => cloud?.[Symbol.asyncDispose]());

async function behave(...behaviours: ReadonlyArray<Record<string, unknown>>): Promise<void> {
  const { status, body } = await admin.request('PUT', '/simulation/behaviours', { behaviours });
  assert.equal(status, 200, JSON.stringify(body));
}

async function volumes(): Promise<Array<{ id: string; status: string }>> {
  const { body } = await admin.request('GET', '/volume/v3/volumes/detail?all_tenants=1');
  return body['volumes'] as Array<{ id: string; status: string }>;
}

/** The one volume that was there before is the only one, and nobody has it. */
async function untilExistingIsFree(): Promise<void> {
  let seen: unknown;
  await until(
    async () => {
      const all = await volumes();
      seen = all;
      return all.length === 1 && all[0]?.id === existing && all[0].status === 'available';
    },
    { what: 'only the volume that was there, available', deadlineMs: 20_000, everyMs: 50 },
  ).catch((error: unknown) => {
    throw new Error(JSON.stringify(seen), { cause: error });
  });
}

async function launch(name: string): Promise<string> {
  const image = await demo.find('/image/v2/images', 'pileus-demo');
  const made = { destination_type: 'volume', volume_size: 1, delete_on_termination: true };
  return demo.launch(name, {
    imageRef: '',
    block_device_mapping_v2: [
      { ...made, uuid: image, source_type: 'image', boot_index: 0 },
      { uuid: existing, source_type: 'volume', destination_type: 'volume' },
    ],
  });
}

async function remove(id: string): Promise<void> {
  await behave();
  await demo.request('DELETE', `/compute/v2.1/servers/${id}`);
  assert.equal(await demo.settled(id), undefined);
  await untilExistingIsFree();
}

for (const hop of [
  'volume.request',
  'volume.schedule',
  'volume.connect',
  'spawn',
  'volume.attach',
  'activate',
]) {
  const fail = `the ${hop} is broken`;
  test(`a failure of ${hop} on one host is mended on another; on all of them it ends with the reason`, async () => {
    await behave({ hop, fail, times: 1 });
    const lucky = await launch('second-try');
    const server = await demo.settled(lucky);
    assert.equal(server?.status, 'ACTIVE', JSON.stringify(server?.fault));
    const { hops } = await admin.trace(lucky);
    assert.ok(hops.some((each) => each.hop === hop && each.error?.includes(fail)));
    assert.equal((await volumes()).length, 2);
    await assertSound(cloud.dataPath, `after a ${hop} that was mended elsewhere`);
    await remove(lucky);
    await behave({ hop, fail });
    const unlucky = await launch('doomed');
    const failed = await demo.settled(unlucky);
    assert.equal(failed?.status, 'ERROR');
    assert.match(failed.fault?.message ?? '', new RegExp(fail));
    await assertSound(cloud.dataPath, `after a ${hop} that fails everywhere`);
    await until(async () => (await volumes()).length === 1, {
      what: 'what the launch made to be gone',
      deadlineMs: 20_000,
    });
    await remove(unlucky);
  });

  test(`a delete while ${hop} runs leaves nothing`, async () => {
    await behave({ hop, latencyMs: 60_000 });
    const id = await launch('unwanted');
    await until(
      async () => (await admin.trace(id)).hops.some((each) => each.hop === hop && each.state === 'running'),
      { deadlineMs: 30_000, what: `${hop} to run`, everyMs: 20 },
    );
    await remove(id);
    await assertSound(cloud.dataPath, `after a delete during ${hop}`);
  });
}
