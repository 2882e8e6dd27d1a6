// Rows of compute's microversions whose change cannot be seen in any cloud of this release: the operation went later, or
// there is one cell, which is up.
import assert from 'node:assert/strict';
import type { Row, Step } from './row.ts';
import type { Client, World } from './world.ts';

const gone =
  (path: (world: World) => string) =>
  async ({ below, from, world }: Step): Promise<void> => {
    for (const client of [below, from]) {
      const { status, body } = await client.send('GET', path(world), undefined, 'admin');
      assert.deepEqual([status, body.computeFault.code], [410, 410], `${path(world)} at 2.${client.minor}`);
    }
  };

/** What is asked of a server, and of all: the names of the fields. */
async function fieldsOf(client: Client, server: string): Promise<unknown> {
  const one = (await client.get(`/servers/${server}`)).server as Record<string, unknown>;
  const lists = ['/servers', '/servers/detail', '/servers?all_tenants=1'];
  const all = lists.map(async (path) => {
    const body = await client.get(path, 'admin');
    const servers = body.servers as Array<Record<string, unknown>>;
    assert.ok(servers.every(({ status }) => status !== 'UNKNOWN'));
    return [Object.keys(body), servers.map((each) => [each['id'], Object.keys(each)])];
  });
  return [Object.keys(one), await Promise.all(all)];
}

export const unseenRows: readonly Row[] = [
  {
    version: '2.4',
    change: 'reserved in os-fixed-ips, which answer 410 since',
    proof: 'steps',
    check: gone(() => '/os-fixed-ips/10.0.0.1'),
  },
  {
    version: '2.12',
    change: 'net_id in virtual interfaces, which answer 410 since',
    proof: 'steps',
    check: gone(({ server }) => `/servers/${server}/os-virtual-interfaces`),
  },
  {
    version: '2.69',
    change: 'minimal answers for cells that are down: whole ones of the cell that is up, as below',
    proof: 'steps',
    once: true,
    check: async ({ below, from, world }) =>
      assert.deepEqual(await fieldsOf(from, world.server), await fieldsOf(below, world.server)),
  },
];
