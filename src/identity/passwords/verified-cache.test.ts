import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '#platform/context/clock.ts';
import { PasswordHasher } from './hash.ts';
import { VerifiedPasswords } from './verified-cache.ts';

const COST = { memoryKiB: 64, passes: 1, parallelism: 1 };

class CountingHasher extends PasswordHasher {
  verified = 0;

  override async verify(password: string, phc: string): Promise<boolean> {
    this.verified += 1;
    return super.verify(password, phc);
  }
}

test('a right password costs one hash for its time, a wrong one costs one each', async () => {
  let now = 0;
  const clock: Clock = { now: () => now, sleep: async () => {} };
  const hasher = new CountingHasher(COST, 2);
  const phc = await hasher.hash('right');
  const cache = new VerifiedPasswords(hasher, clock, 300);
  const many = await Promise.all(Array.from({ length: 50 }, async () => cache.verify('right', phc)));
  assert.ok(many.every(Boolean));
  assert.ok(await cache.verify('right', phc));
  assert.equal(hasher.verified, 1);
  assert.equal(await cache.verify('wrong', phc), false);
  assert.equal(await cache.verify('wrong', phc), false);
  assert.equal(hasher.verified, 3);
  assert.equal(await cache.verify('right', await hasher.hash('another')), false, 'the password was changed');
  now = 300_001;
  assert.ok(await cache.verify('right', phc));
  assert.equal(hasher.verified, 5);
});

test('hashes are salted, of a known form, and nothing else verifies', async () => {
  const hasher = new PasswordHasher(COST, 2);
  const [one, two] = await Promise.all([hasher.hash('pw'), hasher.hash('pw')]);
  assert.notEqual(one, two);
  assert.match(one, /^\$argon2id\$v=19\$m=64,t=1,p=1\$/);
  assert.ok(await hasher.verify('pw', one));
  assert.equal(await hasher.verify('pw', 'plain'), false);
  assert.equal(await hasher.verifyNothing('pw'), false);
});
