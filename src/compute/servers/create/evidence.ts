// What happened before the launch's saga begins, kept with the action: hops authenticate, request and record.
import { createHash } from 'node:crypto';
import type { Call } from '#platform/http/api.ts';
import type { FlavorSnapshot, NetworkRequest } from '#compute/tables.ts';

/** One of the first hops of the launch record, as `instance_actions.request_json` holds them: `{ hops: [...] }`. */
export interface RequestHop {
  readonly hop: 'authenticate' | 'request' | 'record';
  readonly actor: string;
  readonly started_at: string;
  readonly ended_at: string;
  readonly evidence: Readonly<Record<string, unknown>>;
}

/** The login that made the token, as identity tells of it at the validation. */
function loginOf({ principal, receivedAt }: Call): Record<string, unknown> {
  const age = receivedAt - Date.parse(principal.issuedAt);
  return {
    issued_at: principal.issuedAt,
    methods: principal.methods,
    ...(principal.applicationCredentialId === undefined
      ? {}
      : { application_credential_id: principal.applicationCredentialId }),
    token_age_ms: Math.max(0, age), // clocks of two machines may differ
  };
}

export interface BuildParameters {
  readonly name: string;
  readonly flavor: FlavorSnapshot;
  readonly image_id: string | null;
  /** Disks but the root disk that the image makes. */
  readonly devices: readonly unknown[];
  readonly networks: NetworkRequest;
  readonly security_groups: readonly string[];
  readonly key_name: string | null;
  readonly availability_zone: string | null;
  readonly requested_host: string | null;
  readonly scheduler_hints: Readonly<Record<string, unknown>>;
  readonly count: number;
}

/** `handledAt`: when the validated request reached the handler. Times in milliseconds since the epoch. */
export function requestHops(
  call: Call,
  handledAt: number,
  recordedAt: number,
  rule: string,
  record: { readonly instance_id: string; readonly build?: BuildParameters },
): RequestHop[] {
  const { principal } = call;
  const iso = (time: number): string => new Date(time).toISOString();
  return [
    {
      hop: 'authenticate',
      actor: 'identity',
      started_at: iso(call.receivedAt),
      ended_at: iso(handledAt),
      evidence: {
        token_hash: createHash('sha256')
          .update(call.token ?? '')
          .digest('hex')
          .slice(0, 16),
        user_id: principal.userId,
        user_name: principal.userName,
        project_id: principal.projectId,
        project_name: principal.projectName,
        roles: principal.roles,
        expires_at: principal.expiresAt,
        login: loginOf(call),
      },
    },
    {
      hop: 'request',
      actor: 'compute-api',
      started_at: iso(call.receivedAt),
      ended_at: iso(recordedAt),
      evidence: {
        request_id: call.requestId,
        method: call.method,
        path: call.path,
        roles: principal.roles,
        policy_rule: rule,
      },
    },
    {
      hop: 'record',
      actor: 'compute-api',
      started_at: iso(handledAt),
      ended_at: iso(recordedAt),
      evidence: { ...record },
    },
  ];
}
