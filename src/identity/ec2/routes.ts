// `/v3/users/{id}/credentials/OS-EC2`. Rules are checked in the handlers, which know the owner.
import { Type, type Static } from 'typebox';
import type { Route } from '#platform/http/api.ts';
import type { IdentityDeps } from '../deps.ts';
import { Id } from '../resource.ts';
import { createEc2, listEc2, removeEc2, showEc2 } from './handlers.ts';

const ALL = '/v3/users/:id/credentials/OS-EC2';
const createBody = Type.Object({ tenant_id: Id });
export type CreateEc2 = Static<typeof createBody>;

export const ec2Routes: readonly Route<IdentityDeps>[] = [
  { method: 'GET', path: ALL, handler: listEc2 },
  { method: 'POST', path: ALL, body: createBody, handler: createEc2, success: 201 },
  { method: 'GET', path: `${ALL}/:access`, handler: showEc2 },
  { method: 'DELETE', path: `${ALL}/:access`, handler: removeEc2, success: 204 },
];
