// Two whole clouds side by side on one machine, each with a guest: same addresses inside, nothing shared, and the end of the
// one is not noticed by the other.
import assert from 'node:assert/strict';
import { realpathSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { findDataDirectory } from '#cloud/data-directory.ts';
import { runCommand } from '#platform/supervise/run-command.ts';
import { startCloud, type TestCloud } from '#test/support/cloud.ts';
import { CloudApi, fixedAddress } from '#test/support/guest-cloud.ts';
import { auditMachine } from '#test/support/machine-audit.ts';
import { until } from '#test/support/until.ts';

interface Side {
  readonly cloud: TestCloud;
  readonly api: CloudApi;
  readonly id: string;
  readonly floatingIp: string;
}

const clouds: TestCloud[] = [];
const sides: Side[] = [];

before(async () => {
  for (const cloud of await Promise.all([startCloud(), startCloud()])) clouds.push(cloud);
});
after(async () => {
  await Promise.all(clouds.map(async (cloud) => cloud[Symbol.asyncDispose]()));
});

async function launch(cloud: TestCloud, name: string): Promise<Side> {
  const api = await CloudApi.of(cloud);
  const group = await api.find('security-group', `name=default&project_id=${api.projectId}`);
  await api.make('security-group-rule', {
    security_group_id: group.id,
    direction: 'ingress',
    protocol: 'icmp',
  });
  const pub = await api.find('network', 'name=public');
  const { id } = await api.boot(name, {
    networks: [{ uuid: (await api.find('network', 'name=private')).id, fixed_ip: '10.0.0.50' }],
  });
  await api.untilStatus(id, 'ACTIVE');
  const floating = await api.make<{ id: string; floating_ip_address: string }>('floatingip', {
    floating_network_id: pub.id,
    port_id: (await api.find('port', `device_id=${id}`)).id,
  });
  return { cloud, api, id, floatingIp: floating.floating_ip_address };
}

const answers = async (ip: string): Promise<void> =>
  void (await until(
    async () => (await runCommand(['ping', '-c', '1', '-W', '1', ip], { okCodes: [0, 1] })).code === 0,
    { deadlineMs: 60_000, what: `${ip} to answer` },
  ));

test('each launches its guest at the same fixed address and another floating IP', async () => {
  sides.push(...(await Promise.all(clouds.map(async (cloud, at) => launch(cloud, `guest-${at}`)))));
  assert.notEqual(sides[0]!.floatingIp, sides[1]!.floatingIp);
  for (const [at, { api, id, floatingIp }] of sides.entries()) {
    await using guest = await api.guest(id);
    assert.equal(await guest.run('hostname'), `guest-${at}`);
    assert.equal(fixedAddress(await api.server(id)), '10.0.0.50');
    await answers(floatingIp);
  }
});

test('a token of the one is none of the other', async () => {
  const [one, other] = sides as [Side, Side];
  const answer = await fetch(`${other.api.access.origin}/compute/v2.1/servers`, {
    headers: { 'x-auth-token': one.api.access.token },
  });
  assert.equal(answer.status, 401);
});

test('the one ends and leaves nothing; the other goes on', async () => {
  const [one, other] = sides as [Side, Side];
  const path = realpathSync(one.cloud.dataPath);
  const { prefix } = findDataDirectory(path)!;
  await one.cloud.running.close();
  assert.deepEqual(auditMachine([path, prefix]), []);
  await answers(other.floatingIp);
  await using guest = await other.api.guest(other.id);
  assert.equal(await guest.run('hostname'), 'guest-1');
});
