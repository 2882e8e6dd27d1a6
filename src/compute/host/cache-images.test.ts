// Images that are loaded ahead: they are in the cache for the next launch, and one that is not there stops no other.
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { cacheImages } from './cache-images.ts';
import { createModelHost, IMAGE_ID } from './testing/model-host.ts';

test('images are loaded once, whatever else was asked for', async () => {
  await using host = await createModelHost();
  const absent = '44444444-2222-4333-8444-555555555555';
  for (let i = 0; i < 2; i++)
    await cacheImages(host.deps, { image_ids: [absent, IMAGE_ID], user_token: 'token' });
  const files = await readdir(join(host.dir, 'host', 'image-cache'));
  assert.equal(files.length, 1);
  assert.ok(files[0]?.startsWith(IMAGE_ID));
});
