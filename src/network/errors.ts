// Refusals of the network service and their form on the wire: `NeutronError` with a type that clients match on.
import { DomainError, type ErrorFields, type ErrorKind } from '#platform/errors/domain-error.ts';
import type { FaultContext, RenderedFault, SchemaProblem } from '#platform/http/api.ts';

/** `type` is the upstream exception's name: clients and tests look for it. */
export class NetworkError extends DomainError {
  readonly type: string;

  constructor(kind: ErrorKind, type: string, message: string, fields: ErrorFields = {}) {
    super(kind, type, message, { fields });
    this.type = type;
  }
}

const NOT_FOUND_TYPES: Readonly<Record<string, readonly [string, string]>> = {
  network: ['NetworkNotFound', 'Network'],
  subnet: ['SubnetNotFound', 'Subnet'],
  port: ['PortNotFound', 'Port'],
  binding: ['PortBindingNotFound', 'Binding'],
  trunk: ['TrunkNotFound', 'Trunk'],
  router: ['RouterNotFound', 'Router'],
  floatingip: ['FloatingIPNotFound', 'Floating IP'],
  security_group: ['SecurityGroupNotFound', 'Security group'],
  security_group_rule: ['SecurityGroupRuleNotFound', 'Security group rule'],
  subnetpool: ['SubnetPoolNotFound', 'Subnet pool'],
  address_scope: ['AddressScopeNotFound', 'Address scope'],
  address_group: ['AddressGroupNotFound', 'Address group'],
  rbac_policy: ['RbacPolicyNotFound', 'RBAC policy'],
  agent: ['AgentNotFound', 'Agent'],
  policy: ['QosPolicyNotFound', 'QoS policy'],
};

export function notFound(resource: string, id: string): NetworkError {
  const [type, name] = NOT_FOUND_TYPES[resource] ?? ['HTTPNotFound', resource];
  return new NetworkError('not-found', type, `${name} ${id} could not be found.`, { id });
}

export function invalidInput(message: string): NetworkError {
  return new NetworkError('bad-request', 'InvalidInput', `Invalid input for operation: ${message}.`);
}

export function badRequest(type: string, message: string): NetworkError {
  return new NetworkError('bad-request', type, message);
}

/** Of what belongs to a project, asked for with a token of none. */
export function ownerless(): NetworkError {
  return badRequest(
    'HTTPBadRequest',
    'Running without keystone AuthN requires that tenant_id is specified: the token has no project.',
  );
}

export function conflict(type: string, message: string): NetworkError {
  return new NetworkError('conflict', type, message);
}

const TYPE_OF_STATUS: Readonly<Record<number, string>> = {
  400: 'HTTPBadRequest',
  403: 'PolicyNotAuthorized',
  404: 'HTTPNotFound',
  405: 'HTTPMethodNotAllowed',
  409: 'HTTPConflict',
  412: 'HTTPPreconditionFailed',
  413: 'HTTPRequestEntityTooLarge',
  503: 'HTTPServiceUnavailable',
};

/** 401 has the form of the field's token middleware, which answers before any service does. */
export function renderFault(fault: FaultContext): RenderedFault {
  if (fault.status === 401)
    return { body: { error: { code: 401, title: 'Unauthorized', message: fault.message } } };
  const type =
    fault.error instanceof NetworkError
      ? fault.error.type
      : (TYPE_OF_STATUS[fault.status] ?? 'HTTPInternalServerError');
  return { body: { NeutronError: { type, message: fault.message, detail: '' } } };
}

const UNEXPECTED_KEY = /\('(.*)' was unexpected\)$/;

export function schemaMessage(problem: SchemaProblem): string {
  const unexpected = UNEXPECTED_KEY.exec(problem.message)?.[1];
  if (unexpected !== undefined) return `Unrecognized attribute(s) '${unexpected}'`;
  const attribute = problem.path.split('/').slice(2).join('.') || problem.path.slice(1) || 'body';
  const value = JSON.stringify(problem.value) ?? 'nothing';
  return `Invalid input for ${attribute}. Reason: ${value.slice(0, 200)} ${problem.message}.`;
}
