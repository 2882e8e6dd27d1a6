// Databases are their owner's alone, and making them so takes no lock away.
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import { keepToOwner } from './owner-only.ts';

const dir = mkdtempSync(join(tmpdir(), 'pileus-owner-'));
after(() => rmSync(dir, { recursive: true }));
const modeOf = (path: string): number => statSync(path).mode & 0o777;

test('a new database and its journals are 0600, and an older one becomes so', () => {
  const path = join(dir, 'new.db');
  keepToOwner(path);
  using database = new DatabaseSync(path);
  database.exec('PRAGMA journal_mode = WAL; CREATE TABLE a (b)');
  assert.deepEqual([path, `${path}-wal`, `${path}-shm`].map(modeOf), [0o600, 0o600, 0o600]);
  chmodSync(path, 0o644);
  keepToOwner(path);
  assert.equal(modeOf(path), 0o600);
});

test('keeps the locks that this process has', () => {
  const path = join(dir, 'locked.db');
  keepToOwner(path);
  using holder = new DatabaseSync(path);
  holder.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  keepToOwner(path);
  using other = new DatabaseSync(path);
  assert.throws(() => other.exec('BEGIN EXCLUSIVE'), /locked/);
});
