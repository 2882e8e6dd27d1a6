// What a storage backend refuses or fails with.
import { DomainError, type ErrorKind } from '#platform/errors/domain-error.ts';

export type VolumeBackendFault =
  /** There is no such volume or snapshot on the backend. */
  | 'absent'
  /** It has snapshots, or somebody is connected. */
  | 'busy'
  /** The backend is full. */
  | 'no-space'
  /** The backend does not do that. */
  | 'unsupported'
  /** The backend or its daemon does not answer. Whether the request took effect is unknown. */
  | 'unreachable'
  | 'failed';

const KINDS: Readonly<Record<VolumeBackendFault, ErrorKind>> = {
  absent: 'not-found',
  busy: 'conflict',
  'no-space': 'over-limit',
  unsupported: 'not-supported',
  unreachable: 'unavailable',
  failed: 'unavailable',
};

export class VolumeBackendError extends DomainError {
  readonly fault: VolumeBackendFault;

  constructor(fault: VolumeBackendFault, message: string, options?: { readonly cause?: unknown }) {
    super(KINDS[fault], `volume-backend-${fault}`, message, options);
    this.name = 'VolumeBackendError';
    this.fault = fault;
  }
}
