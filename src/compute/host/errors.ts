// Why an operation on a host fails. `retriable`: another host may do better.
import { DomainError, type ErrorFields, type ErrorKind } from '#platform/errors/domain-error.ts';

export class HostError extends DomainError {
  readonly retriable: boolean;

  constructor(
    kind: ErrorKind,
    code: string,
    message: string,
    options: { retriable: boolean; fields?: ErrorFields; cause?: unknown },
  ) {
    super(kind, code, message, options);
    this.retriable = options.retriable;
  }
}

/** The image can not be used, here or anywhere. */
export class ImageUnusable extends HostError {
  constructor(imageId: string, why: string, cause?: unknown) {
    super('bad-request', 'image-unusable', `Image ${imageId} can not be used: ${why}`, {
      retriable: false,
      fields: { image_id: imageId },
      cause,
    });
  }
}

/** What was loaded is not what the image service says it is. */
export class ChecksumMismatch extends HostError {
  constructor(imageId: string, algorithm: string, expected: string, actual: string) {
    const short = (sum: string): string => `${sum.slice(0, 12)}…`;
    super(
      'conflict',
      'image-checksum',
      `Image ${imageId} fails its checksum: ${algorithm} is ${short(actual)}, expected ${short(expected)}. Upload it again.`,
      {
        retriable: true,
        fields: { image_id: imageId, algorithm, expected, actual },
      },
    );
  }
}

export class PortNotUp extends HostError {
  constructor(portId: string, missing: string, waitedMs: number) {
    super(
      'timeout',
      'port-not-up',
      `Port ${portId} did not come up within ${Math.round(waitedMs / 1000)} s: ${missing} is missing.`,
      {
        retriable: true,
        fields: { port_id: portId, missing },
      },
    );
  }
}

/** Errors that no other host would mend: the request's own. */
export function isRetriable(error: unknown): boolean {
  if (error instanceof HostError) return error.retriable;
  if (error instanceof DomainError)
    return ![
      'bad-request',
      'forbidden',
      'not-found',
      'over-limit',
      'unauthorized',
      'conflict',
      'gone',
    ].includes(error.kind);
  return true;
}
