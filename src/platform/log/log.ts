// Structured logs (pino). Messages are constant strings, data are fields; secrets are redacted by key.
import { pino, type DestinationStream, type Logger } from 'pino';
import { currentContext } from '#platform/context/request-context.ts';

export type Log = Logger;

const SECRET_KEYS = [
  'password',
  'original_password',
  'passcode',
  'passphrase',
  'cookie',
  'token',
  'secret',
  'authorization',
  'admin_pass',
  'adminPass',
  'x-auth-token',
  'x-subject-token',
  'x-service-token',
  'private_key',
  'user_data',
];

/** `level` as pino names them. `destination` defaults to standard error. */
export function createLog(options: { level?: string; destination?: DestinationStream } = {}): Log {
  return pino(
    {
      level: options.level ?? 'info',
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: {
        paths: SECRET_KEYS.flatMap((key) => [`["${key}"]`, `*["${key}"]`, `*.*["${key}"]`]),
        censor: '***',
      },
      mixin: () => {
        const context = currentContext();
        return context ? { request_id: context.requestId, trace_id: context.traceId } : {};
      },
    },
    options.destination ?? pino.destination(2),
  );
}

/** A log that drops everything: for tests that do not look at it. */
export const silentLog: Log = pino({ level: 'silent' });
