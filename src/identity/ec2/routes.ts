// `/v3/users/{id}/credentials/OS-EC2`, `/v3/ec2tokens`, `/v3/s3tokens`. Rules are checked in the handlers, which know the owner.
import { Type, type Static } from 'typebox';
import type { Route } from '#platform/http/api.ts';
import type { IdentityDeps } from '../deps.ts';
import { Id } from '../resource.ts';
import { exchangeEc2, exchangeS3 } from './exchange.ts';
import { createEc2, listEc2, removeEc2, showEc2 } from './handlers.ts';

const ALL = '/v3/users/:id/credentials/OS-EC2';
const createBody = Type.Object({ tenant_id: Id });
export type CreateEc2 = Static<typeof createBody>;

const Values = Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()]));
const Signed = Type.Object({
  access: Type.Optional(Type.String()),
  signature: Type.Optional(Type.String()),
  /** S3's: what was signed, in URL-safe base64. */
  token: Type.Optional(Type.String()),
  verb: Type.Optional(Type.String()),
  host: Type.Optional(Type.String()),
  path: Type.Optional(Type.String()),
  params: Type.Optional(Values),
  headers: Type.Optional(Values),
  body_hash: Type.Optional(Type.String()),
});
/** Three names for the same: clients use each of them. */
const exchangeBody = Type.Object({
  credentials: Type.Optional(Signed),
  credential: Type.Optional(Signed),
  ec2Credentials: Type.Optional(Signed),
});
export type ExchangeBody = Static<typeof exchangeBody>;

export const ec2Routes: readonly Route<IdentityDeps>[] = [
  { method: 'GET', path: ALL, handler: listEc2 },
  { method: 'POST', path: ALL, body: createBody, handler: createEc2, success: 201 },
  { method: 'GET', path: `${ALL}/:access`, handler: showEc2 },
  { method: 'DELETE', path: `${ALL}/:access`, handler: removeEc2, success: 204 },
  {
    method: 'POST',
    path: '/v3/ec2tokens',
    policy: 'identity:ec2tokens_validate',
    body: exchangeBody,
    handler: exchangeEc2,
  },
  {
    method: 'POST',
    path: '/v3/s3tokens',
    policy: 'identity:s3tokens_validate',
    body: exchangeBody,
    handler: exchangeS3,
  },
];
