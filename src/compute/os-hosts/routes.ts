// `/os-hosts`, until 2.42: what `/os-services` and `/os-hypervisors` tell since, in older words.
import { Type } from 'typebox';
import type { ComputeRoute } from '#compute/deps.ts';
import { strict } from '#compute/schema-types.ts';
import { list, refusePowerAction, show, update } from './handlers.ts';

const enableOrDisable = Type.String({
  pattern: String.raw`^\s*([Ee][Nn][Aa][Bb]|[Dd][Ii][Ss][Aa][Bb])[Ll][Ee]\s*$`,
});
const body = Type.Object(
  { status: Type.Optional(enableOrDisable), maintenance_mode: Type.Optional(enableOrDisable) },
  { ...strict, minProperties: 1 },
);

const path = '/v2.1/os-hosts';
const one = `${path}/:host`;
const until = '2.42';
const may = (name: string): string => `os_compute_api:os-hosts:${name}`;
const errors = [501];

export const hostRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path, handler: list, policy: may('list'), until },
  { method: 'GET', path: one, handler: show, policy: may('show'), until },
  { method: 'PUT', path: one, handler: update, policy: may('update'), body, errors, until },
  { method: 'GET', path: `${one}/startup`, handler: refusePowerAction, policy: may('start'), errors, until },
  {
    method: 'GET',
    path: `${one}/shutdown`,
    handler: refusePowerAction,
    policy: may('shutdown'),
    errors,
    until,
  },
  { method: 'GET', path: `${one}/reboot`, handler: refusePowerAction, policy: may('reboot'), errors, until },
];
