// The headers come from the library that clients of the identity API sign with.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSignedWith, parametersOf } from './signature.ts';

const SHA1 =
  'OAuth oauth_nonce="n1", oauth_timestamp="1700000000", oauth_version="1.0", oauth_signature_method="HMAC-SHA1", oauth_consumer_key="key", oauth_token="tok", oauth_verifier="Ver1", oauth_signature="prbuLEvauH6ZJgCBMd%2FKGY13EKQ%3D"';
const SHA256 =
  'OAuth realm="r", oauth_nonce="n1", oauth_timestamp="1700000000", oauth_version="1.0", oauth_signature_method="HMAC-SHA256", oauth_consumer_key="key", oauth_signature="%2BBe6dXdpMRj9K%2B2cdiKOZJABQFn2hb2b1wNP%2BHKWLq8%3D"';

function isRight(header: string, url: string, token: string): boolean {
  const { origin, pathname, searchParams } = new URL(url);
  const call = {
    method: 'POST',
    url: origin + pathname,
    query: searchParams,
    parameters: parametersOf(header) ?? {},
  };
  return isSignedWith(call, { consumer: 'con sumer', token });
}

test('a signed request is known by its address, query, parameters and secrets', () => {
  const url = 'http://cloud.example/identity/v3/OS-OAUTH1/access_token?b=2&a=x%20y&a=%C3%A9';
  assert.ok(isRight(SHA1, url, 'own&er'));
  assert.ok(!isRight(SHA1, url, 'other'));
  assert.ok(!isRight(SHA1, `${url}&c=3`, 'own&er'));
  assert.ok(!isRight(SHA1.replace('n1', 'n2'), url, 'own&er'));
  assert.ok(!isRight(SHA1.replace('HMAC-SHA1', 'PLAINTEXT'), url, 'own&er'));
});

test('one that was signed for TLS is known behind a proxy that takes it off', () => {
  assert.ok(isRight(SHA256, 'http://cloud.example/identity/v3/OS-OAUTH1/request_token', ''));
  assert.ok(isRight(SHA256, 'https://cloud.example/identity/v3/OS-OAUTH1/request_token', ''));
});

test('headers that are none', () => {
  assert.equal(parametersOf(undefined), undefined);
  for (const header of [
    'Basic x',
    'OAuth x',
    'OAuth a="1", a="2"',
    'OAuth a="%zz"',
    `OAuth a="${'x'.repeat(9000)}"`,
  ]) {
    assert.equal(parametersOf(header), undefined, header.slice(0, 40));
  }
  assert.deepEqual({ ...parametersOf('oauth a="b%20c",__proto__="x"') }['a'], 'b c');
});
