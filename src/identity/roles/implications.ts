// Which role implies which: who has the one has the other too.
import type { Call } from '#platform/http/api.ts';
import type { RoleRow } from '../database.ts';
import type { IdentityDeps } from '../deps.ts';
import { RoleGraph } from '../directory/role-graph.ts';
import { Conflict, Forbidden, Invalid, NotFound, Refused } from '../errors.ts';
import { lookUp } from '../resource.ts';
import { findRole, insertImplication, listImplications, listRoleRows, removeImplication } from './store.ts';
import { roleRefView } from './view.ts';

interface Pair {
  readonly prior: RoleRow;
  readonly implied: RoleRow;
}

export async function listImpliedRoles(call: Call, deps: IdentityDeps): Promise<unknown> {
  const graph = await deps.directory.roleGraph();
  const prior = graph.roles.get(call.params['id'] ?? '');
  if (!prior) throw new NotFound('role', call.params['id'] ?? '');
  return {
    role_inference: inference(call, graph, prior),
    links: { self: `${call.baseUrl}${call.path}` },
  };
}

export async function listInferences(call: Call, deps: IdentityDeps): Promise<unknown> {
  const graph = await deps.directory.roleGraph();
  const priors = [...graph.roles.values()].filter((role) => graph.impliedBy(role.id).length > 0);
  return {
    role_inferences: priors.map((prior) => inference(call, graph, prior)),
    links: { self: `${call.baseUrl}${call.path}` },
  };
}

function inference(call: Call, graph: RoleGraph, prior: RoleRow): unknown {
  return {
    prior_role: roleRefView(prior, call.baseUrl),
    implies: graph.impliedBy(prior.id).flatMap((id) => {
      const role = graph.roles.get(id);
      return role ? [roleRefView(role, call.baseUrl)] : [];
    }),
  };
}

export async function showImplication(call: Call, deps: IdentityDeps): Promise<unknown> {
  return pairView(call, await existingPair(call, deps));
}

export async function checkImplication(call: Call, deps: IdentityDeps): Promise<unknown> {
  await existingPair(call, deps);
  return undefined;
}

export async function createImplication(call: Call, deps: IdentityDeps): Promise<unknown> {
  const pair = await pairOf(call, deps);
  const { prior, implied } = pair;
  if (implied.name === 'admin' && implied.domain_id === '')
    throw new Forbidden('admin cannot be an implied role.');
  if (implied.domain_id !== '' && prior.domain_id === '') {
    throw new Refused('A role of the whole cloud cannot imply a role of a domain.');
  }
  await deps.db.transaction(async (trx) => {
    const graph = new RoleGraph(await listRoleRows(trx, {}), await listImplications(trx));
    if (graph.implies(implied.id, prior.id)) throw new Invalid('Roles cannot imply each other in a circle.');
    if (graph.impliedBy(prior.id).includes(implied.id)) {
      throw new Conflict('role_implication', 'the role implies the other already');
    }
    await insertImplication(trx, { prior_role_id: prior.id, implied_role_id: implied.id });
  });
  await deps.revocations.announce({ all: true });
  return pairView(call, pair);
}

export async function removeOneImplication(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { prior, implied } = await existingPair(call, deps);
  await deps.db.transaction(async (trx) =>
    removeImplication(trx, { prior_role_id: prior.id, implied_role_id: implied.id }),
  );
  await deps.revocations.announce({ all: true });
  return undefined;
}

function pairView(call: Call, { prior, implied }: Pair): unknown {
  return {
    role_inference: {
      prior_role: roleRefView(prior, call.baseUrl),
      implies: roleRefView(implied, call.baseUrl),
    },
    links: { self: `${call.baseUrl}${call.path}` },
  };
}

async function existingPair(call: Call, deps: IdentityDeps): Promise<Pair> {
  const pair = await pairOf(call, deps);
  const graph = await deps.directory.roleGraph();
  if (!graph.impliedBy(pair.prior.id).includes(pair.implied.id)) {
    throw new NotFound('role implication', `${pair.prior.id} implies ${pair.implied.id}`);
  }
  return pair;
}

async function pairOf(call: Call, deps: IdentityDeps): Promise<Pair> {
  return {
    prior: await getRole(deps, call.params['id'] ?? ''),
    implied: await getRole(deps, call.params['implied_id'] ?? ''),
  };
}

async function getRole(deps: IdentityDeps, id: string): Promise<RoleRow> {
  const row = await lookUp(id, async (key) => findRole(deps.db.kysely, key));
  if (!row) throw new NotFound('role', id);
  return row;
}
