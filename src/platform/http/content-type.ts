// What a request says of its body's form, and whether a service reads it as JSON. Called by mount.ts.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DomainError } from '#platform/errors/domain-error.ts';
import type { BodyRules } from './api.ts';

const JSON_NAMES = /^application\/(?:[\w.-]+\+)?json$/i;
const MEDIA_TYPE = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+\s*(?:;|$)/;

/** Stands for what is no media type. */
const MALFORMED = 'application/x-malformed';

/** A hook: Fastify refuses what is no media type, before a service has its say. An empty one is none. */
export function nameContentType(request: FastifyRequest, _reply: FastifyReply, done: () => void): void {
  const { headers } = request.raw;
  const type = headers['content-type'];
  if (type !== undefined && type.trim() === '') delete headers['content-type'];
  else if (type !== undefined && !MEDIA_TYPE.test(type)) headers['content-type'] = MALFORMED;
  done();
}

/** @throws DomainError unsupported-media-type where `rules` don't read the request's body as JSON */
export function checkContentType({ headers }: FastifyRequest, rules: BodyRules | undefined): void {
  const type = (headers['content-type']?.split(';')[0] ?? '').trim();
  if (rules?.isJson ? rules.isJson(type) : type === '' || JSON_NAMES.test(type)) return;
  throw new DomainError(
    'unsupported-media-type',
    type === '' ? 'no-media-type' : 'unsupported-media-type',
    type === ''
      ? 'A request with a body needs the header Content-Type: application/json.'
      : `The content type ${type} is not supported: send application/json.`,
  );
}
