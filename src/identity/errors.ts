// The refusals of the identity service. Handlers and the token provider throw them; `fault.ts` gives them upstream's body.
import { DomainError } from '#platform/errors/domain-error.ts';

const UNAUTHORIZED = 'The request you have made requires authentication.';

/** One message for every reason, so that an answer does not tell which users, projects or credentials exist. */
export class Unauthorized extends DomainError {
  /** `reason` goes to the log, never to the caller. */
  constructor(reason: string) {
    super('unauthorized', 'unauthorized', UNAUTHORIZED, { fields: { reason } });
  }
}

/** Told only to who gave the right password. */
export class PasswordExpired extends DomainError {
  constructor(userId: string) {
    super(
      'unauthorized',
      'password-expired',
      `The password is expired and needs to be changed for user: ${userId}.`,
    );
  }
}

export class NotFound extends DomainError {
  constructor(what: string, id: string) {
    super(
      'not-found',
      `${what.replaceAll(' ', '-')}-not-found`,
      `Could not find ${what}: ${id.slice(0, 255)}.`,
      {
        fields: { id },
      },
    );
  }
}

export class Conflict extends DomainError {
  constructor(what: string, details: string) {
    super('conflict', 'conflict', `Conflict occurred attempting to store ${what} - ${details}.`);
  }
}

export class Invalid extends DomainError {
  constructor(message: string) {
    super('bad-request', 'invalid', message);
  }
}

export class Forbidden extends DomainError {
  constructor(action: string) {
    super(
      'forbidden',
      'forbidden-action',
      `You are not authorized to perform the requested action: ${action}`,
    );
  }
}

/** The state of things forbids it, not a policy: the message says what stands in the way. */
export class Refused extends DomainError {
  constructor(message: string) {
    super('forbidden', 'refused', message);
  }
}
