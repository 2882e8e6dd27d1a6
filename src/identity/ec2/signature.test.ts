// The expected values come from the library that clients of the identity API sign with.
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import { s3SignatureOf, signatureOf, timesOf, type SignedRequest } from './signature.ts';

const SECRET = 'the secret';
const EMPTY: SignedRequest = { verb: 'GET', host: 'h', path: '/p', params: {}, headers: {}, bodyHash: '' };
const PARAMS = { Action: 'DescribeInstances', Timestamp: '2026-01-02T03:04:05Z', 'a b': 'c/d~é' };
const HEADERS = {
  Authorization:
    'AWS4-HMAC-SHA256 Credential=key/20260102/region/ec2/aws4_request,SignedHeaders=host;x-amz-date,Signature=x',
  'X-Amz-Date': '20260102T030405Z',
  Host: ' cloud.example:8788 ',
};
const four = { params: { z: '1', a: '2 3' }, headers: HEADERS, bodyHash: hash('sha256', 'body', 'hex') };
const presigned = {
  'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
  'X-Amz-Credential': 'key/20260102/region/ec2/aws4_request',
  'X-Amz-Date': '20260102T030405Z',
  'X-Amz-SignedHeaders': 'host',
};

const CASES: ReadonlyArray<readonly [string, Partial<SignedRequest>, string | undefined]> = [
  ['version 0', { params: { ...PARAMS, SignatureVersion: '0' } }, 'HTs8AtpEVCBFx94+5t6hAo0gTJk='],
  [
    'version 1, its own signature left out',
    { params: { ...PARAMS, SignatureVersion: '1', Signature: 'x' } },
    'O0HTNpb3OVO7q9eYyP2SA3ikOwE=',
  ],
  [
    'version 2',
    {
      params: { ...PARAMS, SignatureVersion: '2' },
      host: 'cloud.example:8788',
      path: '/services/Cloud',
    },
    'IOCeGdV0yvG7QpzIqENozrdimRJdpMVJdQ3UGkc42d8=',
  ],
  [
    'version 4 by header',
    { ...four, verb: 'get' },
    '892877081bc944be342a02f35c54d47aba0774b720b4b499da8775b1be42f6bb',
  ],
  [
    'version 4 of a POST',
    { ...four, verb: 'POST' },
    '9f8b4bdb9fed63b0b6a574bd43edb6010abaf733846b2ae9c9d095ebc6fd2f5f',
  ],
  [
    'version 4 by query',
    {
      params: { ...presigned, 'X-Amz-Signature': 'x' },
      headers: { Host: 'cloud.example' },
      bodyHash: hash('sha256', '', 'hex'),
    },
    '6b1b54c5f265e8da5e76ab0d33e9045887af819b7abe149509eda2514c4becf2',
  ],
  ['version 4 of another day', { params: { ...presigned, 'X-Amz-Date': '20260103T030405Z' } }, undefined],
  ['an unknown version', { params: { ...PARAMS, SignatureVersion: '3' } }, undefined],
  ['none', {}, undefined],
];

for (const [name, parts, expected] of CASES) {
  test(`the signature of a request: ${name}`, () => {
    assert.equal(signatureOf({ ...EMPTY, ...parts }, SECRET), expected);
  });
}

test('the signature of an S3 request: versions 1 and 4, for the services that speak it', () => {
  const of = (text: string): string | undefined => s3SignatureOf(Buffer.from(text), SECRET);
  assert.equal(of('GET\n\n\nFri, 02 Jan 2026 03:04:05 GMT\n/bucket/key'), '/rzeeuZqFOUlX1rJMD+WPRvhXkU=');
  const four = (scope: string): string =>
    `AWS4-HMAC-SHA256\n20260102T030405Z\n${scope}\n${hash('sha256', 'x', 'hex')}`;
  assert.equal(
    of(four('20260102/region/s3/aws4_request')),
    '177fec461d230723f1d8645ffe1d6f485e77584c99eae98093115750d2e283d0',
  );
  for (const bad of [
    four('20260102/region/ec2/aws4_request'),
    four('20260102/region/s3'),
    four('20260102/region/s3/aws4_request/more'),
    `${four('20260102/region/s3/aws4_request')}\nmore`,
    'AWS4-HMAC-SHA512\na\n20260102/region/s3/aws4_request\nb',
  ]) {
    assert.equal(of(bad), undefined, bad);
  }
});

test('when a request says it was signed', () => {
  const at = Date.parse('2026-01-02T03:04:05Z');
  assert.deepEqual(timesOf({ ...EMPTY, params: { Timestamp: '2026-01-02T03:04:05' } }), { signedAt: at });
  assert.deepEqual(timesOf({ ...EMPTY, headers: HEADERS }), { signedAt: at });
  assert.deepEqual(timesOf({ ...EMPTY, params: { Expires: '2026-01-02T03:04:05Z' } }), { expires: at });
  assert.deepEqual(timesOf(EMPTY), {});
});
