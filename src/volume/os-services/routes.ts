// `/os-services`: what runs of the volume service, and whether it takes work.
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import type { VolumeRoute } from '#volume/deps.ts';
import { ADMIN, rule } from '#volume/policies.ts';
import { orNull, strict } from '#volume/schema-types.ts';
import { Type } from 'typebox';
import { disable, disableLogReason, enable, failover, failoverHost, freeze, list, thaw } from './handlers.ts';
import { getLog, LOG_BINARIES, setLog } from './log-levels.ts';

const UPDATE = 'volume_extension:services:update';

export const servicePolicies: readonly PolicyRule[] = [
  rule('volume_extension:services:index', ADMIN, 'List the services.'),
  rule(UPDATE, ADMIN, 'Switch services on and off.'),
  rule('volume:freeze_host', ADMIN, 'Freeze a backend: nothing is made or deleted on it.'),
  rule('volume:thaw_host', ADMIN, 'Thaw a frozen backend.'),
  rule('volume:failover_host', ADMIN, 'Fail a backend over to its replica.'),
];

const text = Type.String({ minLength: 1, maxLength: 255, pattern: String.raw`^[^\u0000]*$` });
/** Read from 3.26 on, by who may be told one. */
const cluster = Type.Optional(orNull(text));
const ofService = { host: text, cluster, binary: Type.Optional(text), service: Type.Optional(text) };
const named = Type.Object(ofService, strict);
const withReason = Type.Object({ ...ofService, disabled_reason: text }, strict);
const host = Type.Optional(orNull(text));
const ofHost = Type.Object({ host, cluster }, strict);
const ofBackend = Type.Object({ host, cluster, backend_id: Type.Optional(orNull(text)) }, strict);

const someText = Type.Optional(orNull(Type.String({ maxLength: 255, pattern: String.raw`^[^\u0000]*$` })));
const ofLog = {
  binary: Type.Optional(Type.Enum([...LOG_BINARIES, '', '*'])),
  server: someText,
  prefix: someText,
};
const getLogBody = Type.Object(ofLog, strict);
const setLogBody = Type.Object({ ...ofLog, level: someText }, strict);

const path = '/os-services';

export const serviceRoutes: readonly VolumeRoute[] = [
  { method: 'GET', path, handler: list, policy: 'volume_extension:services:index' },
  { method: 'PUT', path: `${path}/enable`, handler: enable, policy: UPDATE, body: named },
  { method: 'PUT', path: `${path}/disable`, handler: disable, policy: UPDATE, body: named },
  {
    method: 'PUT',
    path: `${path}/disable-log-reason`,
    handler: disableLogReason,
    policy: UPDATE,
    body: withReason,
  },
  { method: 'PUT', path: `${path}/freeze`, handler: freeze, policy: 'volume:freeze_host', body: ofHost },
  { method: 'PUT', path: `${path}/thaw`, handler: thaw, policy: 'volume:thaw_host', body: ofHost },
  {
    method: 'PUT',
    path: `${path}/failover_host`,
    handler: failoverHost,
    policy: 'volume:failover_host',
    body: ofBackend,
  },
  {
    method: 'PUT',
    path: `${path}/failover`,
    handler: failover,
    policy: 'volume:failover_host',
    body: ofBackend,
    since: '3.26',
  },
  {
    method: 'PUT',
    path: `${path}/set-log`,
    handler: setLog,
    policy: UPDATE,
    body: setLogBody,
    success: 202,
    since: '3.32',
  },
  {
    method: 'PUT',
    path: `${path}/get-log`,
    handler: getLog,
    policy: UPDATE,
    body: getLogBody,
    since: '3.32',
  },
];
