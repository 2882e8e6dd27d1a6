// /v2.0/agents: the chassis of OVN as agents. They come and go with OVN; nothing is stored here, their descriptions neither.
import { Reply, type Call, type Route } from '#platform/http/api.ts';
import type { AgentView } from '../northbound.ts';
import { badRequest, conflict, notFound } from '../errors.ts';
import { ADMIN, rules } from '../policy.ts';
import { Bool, Description, has, readBool, readText, updateBody } from '../rest/attributes.ts';
import type { Input, NetworkDeps, View } from '../rest/deps.ts';
import { answerViews } from '../rest/listing.ts';
import { parseQuery } from '../rest/query.ts';

export const agentPolicy = rules({ get_agent: ADMIN, update_agent: ADMIN, delete_agent: ADMIN });

const ATTRIBUTES = new Set([
  'id',
  'agent_type',
  'binary',
  'host',
  'alive',
  'admin_state_up',
  'availability_zone',
  'topic',
  'description',
]);

function time(iso: string | null): string | null {
  return iso === null ? null : iso.slice(0, 19).replace('T', ' ');
}

function view(agent: AgentView): View {
  return {
    id: agent.id,
    agent_type: agent.agentType,
    binary: agent.binary,
    host: agent.host,
    alive: agent.alive,
    admin_state_up: agent.adminStateUp,
    availability_zone: agent.availabilityZones.join(','),
    topic: 'n/a',
    description: agent.description,
    configurations: agent.configurations,
    created_at: time(agent.createdAt),
    started_at: time(agent.createdAt),
    heartbeat_timestamp: time(agent.heartbeatAt),
    resources_synced: null,
    resource_versions: {},
  };
}

/** Who may see no agent sees an empty list, as with every list of the network API. */
async function list(call: Call, deps: NetworkDeps): Promise<View> {
  if (!call.allows('get_agent')) return { agents: [] };
  const query = parseQuery(call.query, ATTRIBUTES);
  const wanted = ([name, values]: [string, readonly string[]], agent: View): boolean =>
    values.some((value) => String(agent[name]).toLowerCase() === value.toLowerCase());
  const agents = deps.northbound
    .agents()
    .map(view)
    .filter((agent) => [...query.filters].every((filter) => wanted(filter, agent)));
  return answerViews(call, 'agents', query, agents, deps);
}

async function show(call: Call, deps: NetworkDeps): Promise<View> {
  return { agent: view(findAgent(call, deps)) };
}

/** @throws NetworkError 404 */
function findAgent(call: Call, deps: NetworkDeps): AgentView {
  const agent = deps.northbound.agents().find((each) => each.id === call.params['id']);
  if (!agent) throw notFound('agent', call.params['id'] ?? '');
  return agent;
}

/** A controller cannot be switched off from here: of an agent nothing but its description is to change. */
async function update(call: Call, deps: NetworkDeps): Promise<View> {
  const agent = findAgent(call, deps);
  const input = (call.body as { agent: Input }).agent;
  if (!readBool(input, 'admin_state_up', true))
    throw badRequest('BadRequest', 'Bad agent request: OVN agent status cannot be updated.');
  if (!has(input, 'description')) return { agent: view(agent) };
  const description = readText(input, 'description');
  await deps.northbound.describeAgent(agent.id, description);
  return { agent: view({ ...agent, description }) };
}

async function remove(call: Call, deps: NetworkDeps): Promise<Reply> {
  const agent = findAgent(call, deps);
  if (agent.alive)
    throw conflict(
      'AgentInUse',
      `Agent ${agent.id} is alive and would come back: stop ovn-controller on ${agent.host} first.`,
    );
  await deps.northbound.removeAgent(agent.id);
  return new Reply(204);
}

const body = updateBody('agent', { admin_state_up: Bool, description: Description });

export const agentRoutes: readonly Route<NetworkDeps>[] = [
  { method: 'GET', path: '/v2.0/agents', handler: list },
  { method: 'GET', path: '/v2.0/agents/:id', handler: show, policy: 'get_agent' },
  {
    method: 'PUT',
    path: '/v2.0/agents/:id',
    handler: update,
    body,
    errors: [409],
    policy: 'update_agent',
  },
  {
    method: 'DELETE',
    path: '/v2.0/agents/:id',
    handler: remove,
    success: 204,
    errors: [409],
    policy: 'delete_agent',
  },
];
