// Levels of named loggers change what is written, by prefix, and nothing beside.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog } from './log.ts';
import { LogLevels } from './log-levels.ts';

test('the level of loggers is changed by the beginning of their names', () => {
  const lines: string[] = [];
  const root = createLog({ destination: { write: (line: string) => void lines.push(line) } });
  const levels = new LogLevels(root);
  const [api, outbox] = [levels.logger('volume.api'), levels.logger('volume.outbox')];
  assert.equal(levels.logger('volume.api'), api);
  assert.deepEqual(levels.get(''), { 'volume.api': 'INFO', 'volume.outbox': 'INFO' });
  api.debug('unseen');
  levels.set('volume.a', 'DEBUG');
  levels.set('volume.o', 'ERROR');
  api.debug('seen');
  outbox.warn('unseen');
  root.debug('unseen');
  assert.deepEqual(levels.get('volume.a'), { 'volume.api': 'DEBUG' });
  assert.equal(root.level, 'info');
  const [line, ...more] = lines.map((each) => JSON.parse(each) as Record<string, unknown>);
  assert.deepEqual([line?.['logger'], line?.['msg'], more], ['volume.api', 'seen', []]);
});
