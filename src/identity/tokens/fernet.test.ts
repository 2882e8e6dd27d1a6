import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openFernet, parseFernetKey, sealFernet } from './fernet.ts';
import { KeyRepository } from './key-repository.ts';
import { decodePayload, encodePayload, newAuditId, type TokenPayload } from './payload.ts';

// The vector of the specification (generate.json).
const KEY = parseFernetKey('cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=');
const TOKEN =
  'gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA';

test('seals and opens what the specification says', () => {
  const iv = Buffer.from(Array.from({ length: 16 }, (_, i) => i));
  assert.equal(sealFernet(KEY, Buffer.from('hello'), Date.parse('1985-10-26T01:20:00-07:00'), iv), TOKEN);
  assert.equal(openFernet([KEY], TOKEN)?.toString(), 'hello');
  assert.equal(openFernet([KEY], `${TOKEN}==`)?.toString(), 'hello');
});

test('opens nothing that was changed, cut, or sealed with another key', () => {
  for (let at = 0; at < TOKEN.length; at++) {
    const other = TOKEN[at] === 'A' ? 'Q' : 'A';
    assert.equal(openFernet([KEY], TOKEN.slice(0, at) + other + TOKEN.slice(at + 1)), undefined);
  }
  assert.equal(openFernet([KEY], TOKEN.slice(0, -4)), undefined);
  assert.equal(openFernet([KEY], 'not a token'), undefined);
  assert.equal(openFernet([parseFernetKey(Buffer.alloc(32, 7).toString('base64url'))], TOKEN), undefined);
});

test('a payload survives its binary form', () => {
  const payloads: TokenPayload[] = [
    {
      userId: 'a'.repeat(32),
      methods: ['password'],
      scope: { kind: 'unscoped' },
      issuedAt: 1_700_000_000_123,
      expiresAt: 1_700_003_600_000,
      auditIds: [newAuditId()],
    },
    {
      userId: 'default',
      methods: ['token', 'application_credential'],
      scope: { kind: 'domain', id: 'default' },
      issuedAt: 1,
      expiresAt: 2,
      auditIds: [newAuditId(), newAuditId()],
      applicationCredentialId: '0123456789abcdef0123456789abcdef',
    },
  ];
  for (const payload of payloads) assert.deepEqual(decodePayload(encodePayload(payload)), payload);
  assert.equal(decodePayload(Buffer.from('short')), undefined);
});

test('keys rotate: older tokens open as long as their key is kept, files are for their owner only', () => {
  const directory = mkdtempSync(join(tmpdir(), 'keys-'));
  try {
    const ours = new KeyRepository(directory, 3);
    const theirs = new KeyRepository(directory, 3);
    const first = ours.seal(Buffer.from('first'), 0);
    ours.rotate();
    const second = ours.seal(Buffer.from('second'), 0);
    assert.equal(theirs.open(second)?.toString(), 'second', 'another process knows the staged key');
    assert.equal(ours.open(first)?.toString(), 'first');
    ours.rotate();
    assert.equal(ours.open(first), undefined);
    assert.equal(theirs.open(ours.seal(Buffer.from('third'), 0))?.toString(), 'third');
    assert.equal(readdirSync(directory).length, 3);
    for (const name of readdirSync(directory)) {
      assert.equal(statSync(join(directory, name)).mode & 0o777, 0o600);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});
