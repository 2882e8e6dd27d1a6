// Refusals of the image service. The kind decides the HTTP status; messages are read by users.
import { DomainError } from '#platform/errors/domain-error.ts';

/** Absent, or not the caller's to see: both look alike. */
export class ImageNotFound extends DomainError {
  constructor(id: string) {
    super('not-found', 'image-not-found', `No image found with ID ${id}`);
  }
}

/** Of metadata definitions. */
export class MetadefNotFound extends DomainError {
  constructor(what: string, name: string) {
    super('not-found', 'metadef-not-found', `No metadata definition found: ${what} ${name.slice(0, 255)}`);
  }
}

export class TaskNotFound extends DomainError {
  constructor(id: string) {
    super('not-found', 'task-not-found', `No task found with ID ${id}`);
  }
}

export class MemberNotFound extends DomainError {
  constructor(member: string, imageId: string) {
    super('not-found', 'member-not-found', `${member} not found in the member list of the image ${imageId}.`);
  }
}

export class Invalid extends DomainError {
  constructor(message: string, code = 'invalid') {
    super('bad-request', code, message);
  }
}

export class Forbidden extends DomainError {
  constructor(message: string, code = 'forbidden') {
    super('forbidden', code, message);
  }
}

export class Conflict extends DomainError {
  constructor(message: string, code = 'conflict') {
    super('conflict', code, message);
  }
}

export class TooLarge extends DomainError {
  constructor(message: string, code = 'too-large') {
    super('too-large', code, message);
  }
}

/** The image was deleted while its data came. */
export class ImageGone extends DomainError {
  constructor(id: string) {
    super('gone', 'image-gone', `Image ${id} was deleted during the upload; its data is removed.`);
  }
}

export class WrongMediaType extends DomainError {
  constructor(got: string | undefined, wanted: string) {
    super(
      'unsupported-media-type',
      'unsupported-media-type',
      `The content type ${got ?? '(none)'} is not supported here: send ${wanted}.`,
    );
  }
}
