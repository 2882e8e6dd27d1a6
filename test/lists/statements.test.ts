// Every GET of every service costs the same number of SQL statements, and of requests to other services, whether there are
// few things or four times as many; and every list among them does get longer.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { collectRoutes } from '#cli/api-index/collect.ts';
import { growCompute } from './grow-compute.ts';
import { growIdentity } from './grow-identity.ts';
import { growImage } from './grow-image.ts';
import { growNetwork } from './grow-network.ts';
import { growPlacement } from './grow-placement.ts';
import { growVolume } from './grow-volume.ts';
import { asked, FIXED_LISTS, MAY_SCAN, NOT_ASKED, type Asked } from './routes.ts';
import { beginWalk, endWalk, type Walk } from './walk.ts';
import { startListWorld, type Cost, type ListWorld } from './world.ts';

const FEW = 2;
const MANY = 4 * FEW;
const SUMS = 'os-simple-tenant-usage'; // pages of servers, shown as sums of their projects
const PAGED = 60; // fewer: a list lost its pages

let world: ListWorld;
before(async () => {
  world = await startListWorld();
});
after(async () => world[Symbol.asyncDispose]());

async function grow(from: number, to: number): Promise<void> {
  for (let n = from; n < to; n++) {
    await growIdentity(world, n);
    await growPlacement(world, n);
    await growImage(world, n);
    const network = await growNetwork(world, n);
    await growCompute(world, n, network, await growVolume(world, n));
  }
}

interface Seen extends Cost {
  /** Values in the answer. */
  readonly size: number;
}

/** The cheapest of three tries: hosts report and outboxes look while requests are answered. The first fills caches. */
async function look(list: Asked): Promise<Seen> {
  let best: Seen | undefined;
  for (let turn = 0; turn < 3; turn++) {
    const before = world.spent();
    const body = await world.ok(list.service, 'GET', list.path(world.ids), list);
    const after = world.spent();
    const statements = after.statements - before.statements;
    const requests = after.requests - before.requests;
    if (!best || statements + requests <= best.statements + best.requests)
      best = { statements, requests, size: sizeOf(body) };
  }
  return best!; // there were three turns
}

async function lookAtAll(lists: readonly Asked[], complaints: string[]): Promise<Map<string, Seen>> {
  const all = new Map<string, Seen>();
  for (const list of lists) {
    try {
      all.set(list.name, await look(list));
    } catch (error) {
      complaints.push(`${list.name}: ${String(error)}`);
    }
  }
  return all;
}

/** Values in the whole answer, at any depth. */
function sizeOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce((sum: number, part) => sum + sizeOf(part), 1);
}

test('each list costs the same, however long it is', { timeout: 120_000 }, async () => {
  const lists = (await collectRoutes()).filter(({ route }) => route.method === 'GET').flatMap(asked);
  const complaints: string[] = [];
  await grow(0, FEW);
  const few = await lookAtAll(lists, []);
  await grow(FEW, MANY);
  const many = await lookAtAll(lists, complaints);
  for (const { name, isList } of lists) {
    const [small, large] = [few.get(name), many.get(name)];
    if (!small || !large) continue; // there is a complaint
    const cost = ({ statements, requests }: Cost): string =>
      `${statements} statements and ${requests} requests`;
    if (cost(small) !== cost(large))
      complaints.push(`${name}: ${cost(small)} with few, ${cost(large)} with many`);
    if (isList && large.size <= small.size)
      complaints.push(`${name}: grow it, or say in FIXED_LISTS why not`);
  }
  assert.deepEqual(complaints, []);
});

test("no member's request reads what grows with other projects from end to end", async () => {
  const mine = (await collectRoutes())
    .filter(
      ({ route, service }) => route.method === 'GET' && service !== 'identity' && service !== 'placement',
    )
    .flatMap(asked)
    .filter(({ as }) => as === undefined);
  const complaints = new Set<string>();
  for (const list of mine) {
    const scans = await world.scansOf(async () => world.ask(list.service, 'GET', list.path(world.ids), list));
    for (const scan of scans) {
      const table = /^SCAN (\w+)/.exec(scan)?.[1] ?? scan;
      if (!Object.hasOwn(MAY_SCAN, table)) complaints.add(`${list.name}: ${scan}`);
    }
  }
  assert.deepEqual([...complaints], []);
});

test(
  'pages meet without a gap or a double, also when things are made between them',
  { timeout: 120_000 },
  async () => {
    const lists = (await collectRoutes()).filter(({ route }) => route.method === 'GET').flatMap(asked);
    const walks: Walk[] = [];
    for (const list of lists.filter((each) => each.isList && !each.name.includes(SUMS))) {
      const walk = await beginWalk(world, list);
      if (walk) walks.push(walk);
    }
    assert.ok(walks.length >= PAGED, `only ${walks.length} lists are paged`);
    await grow(MANY, MANY + 1);
    const complaints: string[] = [];
    for (const walk of walks) complaints.push(...(await endWalk(world, walk)));
    assert.deepEqual(complaints, []);
  },
);

test('every exception is one to a route that there is', async () => {
  const names = (await collectRoutes()).map(({ service, route }) => `${service} ${route.path}`);
  const stale = [
    ...Object.keys(NOT_ASKED).filter((name) => !names.includes(name)),
    ...Object.keys(FIXED_LISTS).filter((start) => !names.some((name) => name.startsWith(start))),
  ];
  assert.deepEqual(stale, []);
});
