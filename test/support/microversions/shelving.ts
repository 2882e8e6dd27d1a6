// Rows of compute's microversions about servers that are interrupted, rescued, shelved or evacuated.
import assert from 'node:assert/strict';
import { message, NOBODY, unknownField, type Row, type Step } from './row.ts';
import type { Client, World } from './world.ts';
import { bootedFromVolume } from './volumes.ts';

const offloadedOf = new WeakMap<World, Promise<string>>();

/** A server that is shelved and on no host, made once for all rows. */
async function offloaded(world: World): Promise<string> {
  const known = offloadedOf.get(world) ?? makeOffloaded(world);
  offloadedOf.set(world, known);
  return known;
}

async function makeOffloaded(world: World): Promise<string> {
  const top = world.at(93);
  const { image: imageRef, flavor: flavorRef } = world;
  const server = { name: world.unique('shelved'), imageRef, flavorRef, networks: 'none' };
  const made = await top.send('POST', '/servers', { server });
  assert.equal(made.status, 202, JSON.stringify(made.body));
  const id = made.body.server.id as string;
  await world.settled(id);
  await shelve(world, id);
  return id;
}

async function shelve(world: World, id: string): Promise<void> {
  assert.equal((await world.at(93).act(id, { shelve: null })).status, 202);
  assert.equal((await world.settled(id)).status, 'SHELVED_OFFLOADED');
}

/** Of a server that is not there: the schema has spoken before. */
const tryEvacuate = async (client: Client, evacuate: object) => client.act(NOBODY, { evacuate });

async function volumesOfShelved({ below, from, world }: Step): Promise<void> {
  const path = `/servers/${await offloaded(world)}/os-volume_attachments`;
  const volumeId = await world.multiattachVolume();
  const body = { volumeAttachment: { volumeId } };
  if (from.minor < 60) {
    const refused = await below.send('POST', path, body);
    assert.equal(refused.status, 409, JSON.stringify(refused.body));
  }
  const version = world.at(Math.max(from.minor, 60)); // the volume is one for several
  assert.equal((await below.send('DELETE', `${path}/${volumeId}`)).status, 404);
  assert.equal((await version.send('POST', path, body)).status, 200);
  assert.equal((await below.send('DELETE', `${path}/${volumeId}`)).status, 409);
  assert.equal((await from.send('DELETE', `${path}/${volumeId}`)).status, 202);
}

async function zoneOfUnshelve({ below, from, world }: Step): Promise<void> {
  const id = await offloaded(world);
  const body = { unshelve: { availability_zone: 'no-such-zone' } };
  const refused = await from.act(id, body);
  assert.equal(refused.status, 400);
  assert.match(message(refused), /availability zone is not available/);
  unknownField(await from.act(id, { unshelve: { availability_zone: 'nova', more: 1 } }), 'more');
  assert.equal((await below.act(id, body)).status, 202, 'the body says nothing');
  assert.equal((await world.settled(id)).status, 'ACTIVE');
  await shelve(world, id);
}

async function hostOfUnshelve({ below, from, world }: Step): Promise<void> {
  const id = await offloaded(world);
  const body = { unshelve: { host: 'nowhere' } };
  if (below.minor >= 77) assert.equal((await below.act(id, body)).status, 400);
  assert.match(message(await from.act(id, body)), /host nowhere could not be found/);
  assert.equal((await from.act(id, body, 'member')).status, 403);
}

async function rescueOnVolume({ below, from, world }: Step): Promise<void> {
  const id = await bootedFromVolume(world);
  const body = { rescue: { rescue_image_ref: world.image } };
  const refused = await below.act(id, body);
  assert.equal(refused.status, 400, JSON.stringify(refused.body));
  assert.match(message(refused), /volume-backed/);
  assert.equal((await from.act(id, body)).status, 200);
  assert.equal((await world.settled(id)).status, 'RESCUE');
  await from.send('DELETE', `/servers/${id}`);
}

export const shelvingRows: readonly Row[] = [
  {
    version: '2.14',
    change: 'evacuate without onSharedStorage, and without an answer',
    proof: 'steps',
    check: async ({ below, from }) => {
      const shared = { onSharedStorage: false };
      assert.equal((await tryEvacuate(below, {})).status, 400);
      assert.equal((await tryEvacuate(below, shared)).status, 404);
      assert.equal((await tryEvacuate(from, {})).status, 404);
      unknownField(await tryEvacuate(from, shared), 'onSharedStorage');
    },
  },
  {
    version: '2.17',
    change: 'trigger_crash_dump',
    proof: 'steps',
    check: async ({ below, from, world }) => {
      const body = { trigger_crash_dump: null };
      assert.equal((await below.act(world.server, body)).status, 404);
      assert.equal((await from.act(world.server, body)).status, 202);
      assert.equal((await world.settled(world.server)).status, 'ACTIVE');
    },
  },
  {
    version: '2.20',
    change: 'volumes of shelved servers',
    proof: 'steps',
    check: volumesOfShelved,
  },
  {
    version: '2.29',
    change: 'force in evacuate',
    proof: 'steps',
    once: true,
    check: async ({ below, from }) => {
      const forced = { host: 'nowhere', force: true };
      unknownField(await tryEvacuate(below, forced), 'force');
      assert.equal((await tryEvacuate(from, forced)).status, 404);
    },
  },
  {
    version: '2.68',
    change: 'no forced evacuation and live migration',
    proof: 'steps',
    once: true,
    check: async ({ below, from }) => {
      const forced = { host: 'nowhere', force: true };
      assert.equal((await tryEvacuate(below, forced)).status, 404);
      unknownField(await tryEvacuate(from, forced), 'force');
    },
  },
  {
    version: '2.77',
    change: 'availability_zone in unshelve',
    proof: 'steps',
    check: zoneOfUnshelve,
  },
  {
    version: '2.87',
    change: 'rescue of servers on volumes',
    proof: 'steps',
    check: rescueOnVolume,
  },
  {
    version: '2.91',
    change: 'host in unshelve',
    proof: 'steps',
    check: hostOfUnshelve,
  },
];
