// Domain events: which id to register, which message then arrives, what it holds.
import { readDomain, readTypedParams } from './codec.ts';
import type { DomainRef, TypedParams } from './codec.ts';
import type { XdrReader } from './xdr.ts';

export interface DomainEvents {
  /** `event` is one of LifecycleEvent, `detail` depends on it. */
  lifecycle: { domain: DomainRef; event: number; detail: number };
  reboot: { domain: DomainRef };
  ioError: { domain: DomainRef; path: string; alias: string; action: number; reason: string };
  deviceAdded: { domain: DomainRef; alias: string };
  deviceRemoved: { domain: DomainRef; alias: string };
  deviceRemovalFailed: { domain: DomainRef; alias: string };
  jobCompleted: { domain: DomainRef; params: TypedParams };
  agentLifecycle: { domain: DomainRef; state: number; reason: number };
}

export type DomainEventKind = keyof DomainEvents;

interface EventCodec<T> {
  /** virDomainEventID */
  readonly id: number;
  /** Procedure number of the message. */
  readonly procedure: number;
  readonly read: (reader: XdrReader) => T;
}

// The messages nest differently in libvirt's definition; on the wire each is the callback id, then these fields.
const withAlias = (r: XdrReader) => ({ domain: readDomain(r), alias: r.string() });

export const domainEvents: { readonly [K in DomainEventKind]: EventCodec<DomainEvents[K]> } = {
  lifecycle: {
    id: 0,
    procedure: 318,
    read: (r) => ({ domain: readDomain(r), event: r.int(), detail: r.int() }),
  },
  reboot: { id: 1, procedure: 319, read: (r) => ({ domain: readDomain(r) }) },
  ioError: {
    id: 6,
    procedure: 324,
    read: (r) => ({
      domain: readDomain(r),
      path: r.string(),
      alias: r.string(),
      action: r.int(),
      reason: r.string(),
    }),
  },
  deviceAdded: { id: 19, procedure: 354, read: withAlias },
  deviceRemoved: { id: 15, procedure: 333, read: withAlias },
  deviceRemovalFailed: { id: 22, procedure: 367, read: withAlias },
  jobCompleted: {
    id: 21,
    procedure: 363,
    read: (r) => ({ domain: readDomain(r), params: readTypedParams(r) }),
  },
  agentLifecycle: {
    id: 18,
    procedure: 348,
    read: (r) => ({ domain: readDomain(r), state: r.int(), reason: r.int() }),
  },
};
