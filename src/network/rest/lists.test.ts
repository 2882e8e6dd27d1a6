// What all lists of the network service take: filters, fields, order, pages, tags, revisions and bulk creates, by resource.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { networkHarness, type NetworkHarness } from '#test/support/network-harness.ts';
import type { JsonValue } from '#test/support/service-harness.ts';

let net: NetworkHarness;
let network: JsonValue;
let group: JsonValue;

/** How a number is made of each resource. Without a name it is told apart by its id. */
const RESOURCES: Readonly<
  Record<
    string,
    { readonly key: string; readonly body: (n: number) => Record<string, unknown>; readonly unnamed?: true }
  >
> = {
  networks: { key: 'network', body: (n) => ({ name: `x${n}` }) },
  subnets: {
    key: 'subnet',
    body: (n) => ({ name: `x${n}`, network_id: network.id, ip_version: 4, cidr: `10.1.${n}.0/24` }),
  },
  ports: { key: 'port', body: (n) => ({ name: `x${n}`, network_id: network.id, fixed_ips: [] }) },
  routers: { key: 'router', body: (n) => ({ name: `x${n}` }) },
  'security-groups': { key: 'security_group', body: (n) => ({ name: `x${n}` }) },
  'security-group-rules': {
    key: 'security_group_rule',
    body: (n) => ({
      security_group_id: group.id,
      direction: 'ingress',
      protocol: 'tcp',
      port_range_min: n + 1,
      port_range_max: n + 1,
    }),
    unnamed: true,
  },
  subnetpools: { key: 'subnetpool', body: (n) => ({ name: `x${n}`, prefixes: [`10.${n}.0.0/16`] }) },
  'address-scopes': { key: 'address_scope', body: (n) => ({ name: `x${n}`, ip_version: 4 }) },
  'address-groups': { key: 'address_group', body: (n) => ({ name: `x${n}`, addresses: [] }) },
};

before(async () => {
  net = await networkHarness({ quotas: { router: -1, security_group: -1 } });
  network = await net.make('networks', { name: 'home' });
  group = await net.make('security-groups', { name: 'home' });
});
after(async () => net[Symbol.asyncDispose]());

const idsOf = (items: readonly JsonValue[]): string[] => items.map((each) => each.id as string);

for (const [path, { key, body, unnamed }] of Object.entries(RESOURCES)) {
  describe(path, () => {
    const plural = path.replaceAll('-', '_');
    const list = async (query: string): Promise<JsonValue[]> => {
      const answer = await net.get(`${path}?${query}`);
      assert.equal(answer.status, 200, `${query}: ${JSON.stringify(answer.body)}`);
      return answer.body[plural];
    };
    const made: JsonValue[] = [];

    before(async () => {
      for (let n = 0; n < 5; n++) made.push(await net.make(path, body(n)));
      for (const [n, tags] of [['red', 'big'], ['red'], ['blue']].entries())
        await net.call('PUT', `/v2.0/${path}/${made[n].id}/tags`, { body: { tags } });
    });

    test('filters by several values, ids, projects, times and revisions', async () => {
      const [one, two] = idsOf(made);
      assert.deepEqual(idsOf(await list(`id=${one}&id=${two}`)).toSorted(), [one, two].toSorted());
      const project = made[0].project_id as string;
      assert.equal((await list(`id=${one}&project_id=${project}&tenant_id=${project}`)).length, 1);
      assert.equal((await list('project_id=nobody')).length, 0);
      const shown = (await list(`id=${one}`))[0];
      assert.deepEqual(idsOf(await list(`id=${one}&created_at=${shown.created_at}`)), [one]);
      assert.deepEqual(idsOf(await list(`id=${one}&revision_number=${shown.revision_number}`)), [one]);
      assert.deepEqual(await list(`id=${one}&revision_number=77`), []);
      assert.equal((await list('changed_since=2001-01-01T00:00:00Z')).length, (await list('')).length);
      assert.deepEqual(await list('changed_since=2999-01-01T00:00:00Z'), []);
      if (unnamed) return;
      assert.deepEqual(idsOf(await list('name=x0&name=x1')).toSorted(), [one, two].toSorted());
      assert.deepEqual(idsOf(await list('name=x1&id=nothing')), []);
    });

    test('finds by tags', async () => {
      const [redAndBig, red, blue] = idsOf(made);
      const only = async (query: string): Promise<Array<string | undefined>> => {
        const found = new Set(idsOf(await list(query)));
        return [redAndBig, red, blue].filter((id) => found.has(id!)); // five were made
      };
      assert.deepEqual(await only('tags=red'), [redAndBig, red]);
      assert.deepEqual(await only('tags=red,big'), [redAndBig]);
      assert.deepEqual(await only('tags-any=big,blue'), [redAndBig, blue]);
      assert.deepEqual(await only('not-tags=red,big'), [red, blue]);
      assert.deepEqual(await only('not-tags-any=big,blue'), [red]);
      assert.deepEqual(await only('tags=red&not-tags=big'), [red]);
    });

    test('shows the fields asked for, and no others', async () => {
      const [item] = await list(`id=${made[0].id}&fields=id&fields=project_id&fields=nothing`);
      assert.deepEqual(Object.keys(item), ['id', 'project_id']);
      const shown = await net.get(`${path}/${made[0].id}?fields=id`);
      assert.deepEqual(shown.body[key], { id: made[0].id });
    });

    test('sorts both ways, and refuses what it does not know', async () => {
      const up = idsOf(await list('sort_key=project_id&sort_dir=asc&sort_key=id&sort_dir=asc'));
      const down = idsOf(await list('sort_key=project_id&sort_dir=desc&sort_key=id&sort_dir=desc'));
      assert.deepEqual(down, up.toReversed());
      for (const query of [
        'sort_key=nothing',
        'sort_key=id&sort_dir=up',
        'nothing=1',
        'limit=x',
        'sort_key=id',
      ])
        assert.equal((await net.get(`${path}?${query}`)).status, 400, query);
      assert.equal((await net.get(`${path}?limit=1&marker=x`)).status, 404);
    });

    test('pages there and back', async () => {
      const all = idsOf(await list('sort_key=project_id&sort_dir=asc'));
      const walk = async (rel: 'next' | 'previous', first: string): Promise<string[]> => {
        const seen: string[] = [];
        for (let url: string | undefined = first; url !== undefined;) {
          const page: JsonValue = (await net.get(url)).body;
          const ids = idsOf(page[plural]);
          seen.splice(rel === 'next' ? seen.length : 0, 0, ...ids);
          const link: JsonValue = page[`${plural}_links`]?.find((each: JsonValue) => each.rel === rel);
          url = link && `${path}${new URL(link.href).search}`;
        }
        return seen;
      };
      const query = 'sort_key=project_id&sort_dir=asc&limit=2';
      assert.deepEqual(await walk('next', `${path}?${query}`), all);
      assert.deepEqual(await walk('previous', `${path}?${query}&page_reverse=true`), all);
    });

    test('changes and removes only the revision that If-Match names', async () => {
      const { id, revision_number: revision } = await net.make(path, body(6));
      const send = async (method: string, tag: string): Promise<number> =>
        (
          await net.call(method, `/v2.0/${path}/${id}`, {
            headers: { 'if-match': tag },
            ...(method === 'PUT' ? { body: { [key]: { description: 'new' } } } : {}),
          })
        ).status;
      assert.equal(await send('DELETE', `revision_number=${revision + 1}`), 412);
      assert.equal(await send('DELETE', 'revision_number=x'), 400);
      assert.equal(await send('DELETE', 'revision_number=1, revision_number=2'), 400);
      if (path !== 'security-group-rules') assert.equal(await send('PUT', '"something"'), 200);
      const now = (await net.get(`${path}/${id}`)).body[key].revision_number as number;
      assert.equal(await send('DELETE', `"revision_number=${now}"`), 204);
    });

    test('creates all of a bulk or none', async () => {
      const before = idsOf(await list('')).length;
      const bulk = async (...bodies: object[]): Promise<JsonValue> =>
        net.call('POST', `/v2.0/${path}`, { body: { [plural]: bodies } });
      const done = await bulk(body(7), body(8));
      assert.equal(done.status, 201);
      assert.equal(done.body[plural].length, 2);
      assert.equal(idsOf(await list('')).length, before + 2);
      const foreign = { project_id: 'somebody-else' };
      const refused = await bulk(body(9), { ...body(10), ...foreign });
      assert.ok(refused.status >= 400, String(refused.status));
      assert.equal((await bulk(body(9), { nonsense: true })).status, 400);
      assert.equal(idsOf(await list('')).length, before + 2);
    });
  });
}

describe('lists that come from memory', () => {
  before(async () => {
    for (const target_tenant of ['c', 'a', 'b'])
      await net.make('rbac-policies', {
        object_type: 'network',
        object_id: network.id,
        action: 'access_as_shared',
        target_tenant,
      });
  });

  test('RBAC policies are filtered, sorted and paged', async () => {
    const targets = async (query: string): Promise<string[]> =>
      (await net.get(`rbac-policies?${query}`)).body.rbac_policies.map(
        (each: JsonValue) => each.target_tenant,
      );
    assert.deepEqual(await targets('sort_key=target_tenant&sort_dir=desc'), ['c', 'b', 'a']);
    assert.deepEqual(await targets('sort_key=target_tenant&sort_dir=asc&limit=2'), ['a', 'b']);
    assert.deepEqual(await targets('target_tenant=a&target_tenant=c&sort_key=target_tenant&sort_dir=asc'), [
      'a',
      'c',
    ]);
    const page = (await net.get('rbac-policies?sort_key=target_tenant&sort_dir=asc&limit=2')).body;
    const next = new URL(page.rbac_policies_links[0].href);
    assert.deepEqual(await targets(next.search.slice(1)), ['c']);
  });

  test('IP availabilities are paged by the id of their network', async () => {
    const get = async (query: string): Promise<JsonValue> =>
      (await net.get(`network-ip-availabilities?${query}`, 'admin')).body;
    const all = (await get('sort_key=network_name&sort_dir=asc')).network_ip_availabilities as JsonValue[];
    const page = await get('sort_key=network_name&sort_dir=asc&limit=1');
    assert.deepEqual(page.network_ip_availabilities, all.slice(0, 1));
    const next = await get(new URL(page.network_ip_availabilities_links[0].href).search.slice(1));
    assert.deepEqual(next.network_ip_availabilities, all.slice(1, 2));
  });

  test('subnets are found by whether their network is shared', async () => {
    const open = await net.make('networks', { name: 'open', shared: true }, 'admin');
    const subnet = { network_id: open.id, ip_version: 4, cidr: '10.9.0.0/24' };
    const { id } = await net.make('subnets', subnet, 'admin');
    const found = async (shared: string): Promise<string[]> =>
      idsOf((await net.get(`subnets?shared=${shared}`)).body.subnets);
    assert.deepEqual(await found('true'), [id]);
    assert.ok((await found('false')).length > 0 && !(await found('false')).includes(id));
  });
});
