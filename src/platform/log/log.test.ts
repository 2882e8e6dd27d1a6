// Log lines: fields, the request's ids, and no secrets.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newContext, runInContext } from '#platform/context/request-context.ts';
import { createLog } from './log.ts';

function lineOf(write: (log: ReturnType<typeof createLog>) => void): Record<string, unknown> {
  const lines: string[] = [];
  write(createLog({ destination: { write: (line: string) => void lines.push(line) } }));
  assert.equal(lines.length, 1);
  return JSON.parse(lines[0] ?? '') as Record<string, unknown>;
}

test('a line within a request names it, one outside does not', () => {
  const request = newContext();
  const inside = lineOf((log) => runInContext(request, () => log.info({ server_id: 's' }, 'started')));
  assert.deepEqual(
    [inside['request_id'], inside['trace_id'], inside['server_id'], inside['msg']],
    [request.requestId, request.traceId, 's', 'started'],
  );
  assert.equal(lineOf((log) => log.info('started'))['request_id'], undefined);
});

test('secrets are struck out by their names, as deep as bodies and errors hold them', () => {
  const secrets = {
    password: 'hunter2',
    adminPass: 'hunter2',
    'x-auth-token': 'hunter2',
    'x-subject-token': 'hunter2',
    user_data: 'hunter2',
    cookie: 'hunter2',
  };
  const error = Object.assign(new Error('refused'), { fields: secrets });
  for (const fields of [secrets, { headers: secrets }, { auth: { identity: secrets } }, { err: error }]) {
    const line = lineOf((log) => log.error(fields, 'failed'));
    assert.doesNotMatch(JSON.stringify(line), /hunter2/);
  }
});
