// `/os-quota-sets` and `/os-quota-class-sets`: how much a project may have, and a project without limits of its own.
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import type { VolumeRoute } from '#volume/deps.ts';
import { ADMIN, READER, rule } from '#volume/policies.ts';
import { booleanSchema, strict } from '#volume/schema-types.ts';
import { Type } from 'typebox';
import { remove, show, showClass, showDefaults, update, updateClass } from './handlers.ts';

const x = (name: string): string => `volume_extension:${name}`;

export const quotaPolicies: readonly PolicyRule[] = [
  rule(x('quotas:show'), READER, "Show a project's limits and what it uses."),
  rule(x('quotas:update'), ADMIN, "Change a project's limits."),
  rule(x('quotas:delete'), ADMIN, "Give a project's limits back to the defaults."),
  rule(x('quota_classes:get'), ADMIN, 'Show the limits of a class.'),
  rule(x('quota_classes:update'), ADMIN, 'Change the limits of a class.'),
];

const limit = Type.Union([
  Type.Integer({ minimum: -1, maximum: 2_147_483_647 }),
  Type.String({ pattern: String.raw`^(-1|\d{1,9})$` }),
]);
/** Names depend on the types that there are, so that handlers check them. */
const name = Type.String({
  pattern: String.raw`^(?!tenant_id$|skip_validation$|class_name$)[^\u0000]{1,300}$`,
});
const limits = Type.Record(name, limit);
const note = Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()]));

const updateQuotaSet = Type.Object(
  {
    quota_set: Type.Intersect([
      limits,
      Type.Object({ tenant_id: note, skip_validation: Type.Optional(booleanSchema) }),
    ]),
  },
  strict,
);
const updateQuotaClassSet = Type.Object(
  { quota_class_set: Type.Intersect([limits, Type.Object({ class_name: note })]) },
  strict,
);

const path = '/os-quota-sets/:id';
const classPath = '/os-quota-class-sets/:id';

export const quotaRoutes: readonly VolumeRoute[] = [
  { method: 'GET', path, handler: show },
  { method: 'GET', path: `${path}/defaults`, handler: showDefaults },
  { method: 'PUT', path, handler: update, policy: x('quotas:update'), body: updateQuotaSet },
  { method: 'DELETE', path, handler: remove, policy: x('quotas:delete') },
  { method: 'GET', path: classPath, handler: showClass, policy: x('quota_classes:get') },
  {
    method: 'PUT',
    path: classPath,
    handler: updateClass,
    policy: x('quota_classes:update'),
    body: updateQuotaClassSet,
  },
];
