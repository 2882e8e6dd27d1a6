// `/os-server-groups`: affinity and anti-affinity.
import { Type } from 'typebox';
import type { ComputeRoute } from '#compute/deps.ts';
import { countSchema, nameSchema, strict } from '#compute/schema-types.ts';
import { create, listAll, remove, show } from './handlers.ts';

const policies = (names: readonly string[]) =>
  Type.Object(
    {
      server_group: Type.Object(
        {
          name: nameSchema,
          policies: Type.Array(Type.Union(names.map((each) => Type.Literal(each))), {
            minItems: 1,
            maxItems: 1,
          }),
        },
        strict,
      ),
    },
    strict,
  );

const HARD = ['affinity', 'anti-affinity'];
const ALL = [...HARD, 'soft-affinity', 'soft-anti-affinity'];

const withRules = Type.Object(
  {
    server_group: Type.Object(
      {
        name: nameSchema,
        policy: Type.Union(ALL.map((each) => Type.Literal(each))),
        rules: Type.Optional(Type.Object({ max_server_per_host: Type.Optional(countSchema(1)) }, strict)),
      },
      strict,
    ),
  },
  strict,
);

const path = '/v2.1/os-server-groups';
const rule = (name: string): string => `os_compute_api:os-server-groups:${name}`;

export const serverGroupRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path, handler: listAll, policy: rule('index') },
  {
    method: 'POST',
    path,
    handler: create,
    policy: rule('create'),
    body: [
      { schema: policies(HARD) },
      { since: '2.15', schema: policies(ALL) },
      { since: '2.64', schema: withRules },
    ],
  },
  { method: 'GET', path: `${path}/:id`, handler: show },
  { method: 'DELETE', path: `${path}/:id`, handler: remove, success: 204 },
];
