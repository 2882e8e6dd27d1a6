/**
 * What is wrong in the things that were read: sentences that name what belongs to nobody, what is missing and what is
 * stuck. Pure. A server that something is being done with is left alone, but for how long it takes.
 */
import { compareCeph } from './compare-ceph.ts';
import { compareHosts } from './compare-hosts.ts';
import { compareImages } from './compare-images.ts';
import { compareNetwork } from './compare-network.ts';
import { compareVolumes } from './compare-volumes.ts';
import { Servers } from './servers.ts';
import type { Things } from './things.ts';

/** What an operation may take past its deadline before the loop that ends late ones has done so. */
const GRACE_MS = 40_000;
/** A message is retried in pauses of 10 s at most; one that is older has a receiver that fails or is absent. */
const OLD_MESSAGE_MS = 60_000;

export function compareThings(things: Things): string[] {
  const servers = new Servers(things);
  return [
    ...stuckServers(things, servers),
    ...stuckWork(things),
    ...claims(things, servers),
    ...bandwidth(things, servers),
    ...compareNetwork(things, servers),
    ...compareHosts(things, servers),
    ...compareImages(things),
    ...compareCeph(things, servers),
    ...compareVolumes(things, servers),
  ].toSorted();
}

function stuckServers({ at, records }: Things, servers: Servers): string[] {
  const late = records.actions
    .filter((action) => Date.parse(action.deadline_at) + GRACE_MS < at)
    .map(
      ({ action, instance_id, deadline_at }) =>
        `stuck: the ${action} of server ${instance_id} should have ended at ${deadline_at}`,
    );
  const idle = servers.resting.flatMap((server) => {
    const who = Servers.describe(server);
    if (server.task_state !== null)
      return [`stuck: ${who} has the task ${server.task_state}, and nothing is being done`];
    if (server.vm_state === 'building') return [`stuck: ${who} is being built by nobody`];
    return [];
  });
  const silent = servers.resting
    .filter((server) => server.vm_state === 'error' && server.fault_json === null)
    .map((server) => `missing: ${Servers.describe(server)} has no reason for its error`);
  return [...late, ...idle, ...silent];
}

function stuckWork({ at, records }: Things): string[] {
  const running = new Set(records.actions.map((action) => action.id));
  const steps = records.openSteps
    .filter((step) => !running.has(step.saga_id))
    .map((step) => `stuck: step ${step.step} of action ${step.saga_id}, which has ended, is ${step.state}`);
  const messages = records.outbox
    .filter((message) => Date.parse(message.created_at) + OLD_MESSAGE_MS < at)
    .map(
      ({ method, queue, created_at, attempts }) =>
        `stuck: message ${method} to ${queue} of ${created_at} is not delivered after ${attempts} attempts`,
    );
  const northbound = records.northboundWork
    .filter((work) => Date.parse(work.marked_at) + OLD_MESSAGE_MS < at)
    .map((work) => `stuck: OVN does not have the change of ${work.kind} ${work.id} of ${work.marked_at}`);
  return [...steps, ...messages, ...northbound];
}

function claims({ records }: Things, servers: Servers): string[] {
  const orphans = records.allocations
    .filter(({ consumer_type, consumer_id }) => consumer_type === 'INSTANCE' && servers.isAbsent(consumer_id))
    .map(
      ({ provider, consumer_id }) =>
        `orphan: resources of ${provider} are claimed for ${consumer_id}, no server`,
    );
  const forgotten = records.allocations
    .filter(
      ({ consumer_type, consumer_id }) => consumer_type === 'MIGRATION' && !servers.isMoving(consumer_id),
    )
    .map(
      ({ provider, consumer_id }) =>
        `orphan: resources of ${provider} are held by the migration ${consumer_id}, which is over`,
    );
  const holders = new Set(records.allocations.map((each) => each.consumer_id));
  const unheld = records.migrations
    .filter(
      (each) => each.status === 'finished' && !servers.isBusy(each.instance_id) && !holders.has(each.uuid),
    )
    .map(
      (each) =>
        `missing: the migration ${each.uuid} of server ${each.instance_id} holds nothing on ${each.source_compute}`,
    );
  const claimed = new Map(records.allocations.map((each) => [each.consumer_id, each.provider]));
  const wrong = servers.resting.flatMap((server) => {
    const provider = claimed.get(server.id);
    const who = Servers.describe(server);
    if (server.host === null)
      return provider === undefined ? [] : [`orphan: ${who} has no host and claims resources of ${provider}`];
    return provider === undefined ? [`missing: ${who} on ${server.host} claims no resources`] : [];
  });
  return [...orphans, ...forgotten, ...unheld, ...wrong];
}

/** What the ports of a server ask for is claimed with it, and nothing more. */
function bandwidth({ records }: Things, servers: Servers): string[] {
  return servers.resting.flatMap((server) => {
    const asked = new Map<string, number>();
    if (server.host !== null)
      for (const { resources } of JSON.parse(server.port_requests_json) as Array<{
        resources: Record<string, number>;
      }>)
        for (const [name, amount] of Object.entries(resources))
          asked.set(name, (asked.get(name) ?? 0) + amount);
    const claimed = new Map(
      records.bandwidth
        .filter((each) => each.consumer_id === server.id)
        .map((each) => [each.resource_class, each.used]),
    );
    return [...new Set([...asked.keys(), ...claimed.keys()])].flatMap((name) => {
      const [has, wants] = [claimed.get(name) ?? 0, asked.get(name) ?? 0];
      if (has === wants) return [];
      const kind = has < wants ? 'missing' : 'orphan';
      return [`${kind}: ${Servers.describe(server)} claims ${has} of ${name}, its ports ask for ${wants}`];
    });
  });
}
