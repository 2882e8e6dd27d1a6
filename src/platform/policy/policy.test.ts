// The rule language and the enforcer: precedence, literals, substitution, and that nothing malformed opens a door.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Principal } from '#platform/auth/principal.ts';
import { Enforcer, PolicyDenied, readPolicyFile, type Target } from './enforcer.ts';
import { parseRule, PolicySyntaxError } from './policy-language.ts';

const CALLER: Principal = {
  userId: 'u1',
  userName: 'ann',
  userDomainId: 'default',
  userDomainName: 'Default',
  projectId: 'p1',
  system: false,
  roles: ['member', 'Reader'],
  issuedAt: '2000-01-01T00:00:00Z',
  expiresAt: '2999-01-01T00:00:00Z',
  auditIds: [],
  methods: ['password'],
};
const { projectId: _none, ...UNSCOPED } = CALLER;
const ADMIN: Principal = { ...CALLER, roles: ['admin'] };

function allows(check: string, target: Target = {}, caller: Principal = CALLER): boolean {
  return new Enforcer([{ name: 'x', check, description: '' }]).allows('x', caller, target);
}

for (const [check, expected] of [
  ['', true],
  ['@', true],
  ['!', false],
  ['role:member', true],
  ['role:MEMBER', true],
  ['role:reader', true],
  ['role:admin', false],
  ['not role:admin', true],
  ['NOT role:admin AND role:member', true],
  ['role:member or role:admin and role:nobody', true],
  ['role:nobody and role:admin or role:member', true],
  ['(role:member or role:admin) and role:nobody', false],
  ['not role:member or role:member', true],
  ['not (role:member or role:admin)', false],
  ['not not role:member', true],
  ['((role:member))', true],
  ['project_id:p1', true],
  ['project_id:p2', false],
  ['tenant_id:%(project_id)s', true],
  ['project_id:%(absent)s', false],
  ['not project_id:%(absent)s', true],
  ['project_id:%(nothing)s', false],
  ["'p1':%(project_id)s", true],
  ['"p1":%(project_id)s', true],
  ["'a b':%(spaced)s", true],
  ["'p2':%(project_id)s", false],
  ['user_id:%(owner.user.id)s', true],
  ['user_id:%(dotted.name)s', true],
  ['domain_id:None', true],
  ['project_id:None', false],
  ['None:%(nothing)s', true],
  ['None:%(word)s', false],
  ['None:%(absent)s', false],
  ['True:%(on)s', true],
  ['False:%(on)s', false],
  ['7:%(seven)s', true],
  ['roles:member', true],
  ['is_admin:False', true],
  ['unknown_credential:None', false],
  ['unknown_credential:%(nothing)s', false],
  ['constructor:%(word)s', false],
  ['project_id:x-%(project_id)s', false],
  ['rule:nowhere', false],
  ['not rule:nowhere', false],
  ['rule:nowhere or role:member', true],
] as const) {
  test(`"${check}" ${expected ? 'allows' : 'denies'}`, () => {
    const target = {
      project_id: 'p1',
      nothing: null,
      word: 'None',
      on: true,
      seven: 7,
      spaced: 'a b',
      'dotted.name': 'u1',
      owner: { user: { id: 'u1' } },
    };
    assert.equal(allows(check, target), expected);
  });
}

test('a caller without a project owns nothing that has no project', () => {
  for (const target of [{ project_id: null }, { project_id: undefined }, {}, { project_id: 'None' }]) {
    assert.equal(allows('project_id:%(project_id)s', target, UNSCOPED), false);
  }
  assert.equal(allows('project_id:None', {}, UNSCOPED), true);
});

for (const text of [
  'role:admin or',
  'and role:admin',
  '(role:admin',
  'role:admin)',
  'role:admin role:member',
  'member',
  ':member',
  'role:',
  '"role:admin',
  "role:admin or 'Member:%(x)s",
  'not',
  '()',
  'http://decide.example/%(name)s',
  'https://decide.example/',
]) {
  test(`refuses ${text}`, () => assert.throws(() => parseRule(text), PolicySyntaxError));
}

test('refuses rules that refer to each other in a circle, at once', () => {
  for (const overrides of [
    { a: 'rule:a' },
    { a: 'not rule:b', b: 'rule:c or role:admin', c: 'rule:a and rule:b' },
    { context_is_admin: 'rule:admin_or_owner', admin_or_owner: 'not rule:context_is_admin' },
  ]) {
    assert.throws(() => new Enforcer([], overrides), /circle/);
  }
});

test('an unknown rule is denied, and an override replaces a default', () => {
  const defaults = [{ name: 'x', check: 'role:admin', description: '' }];
  const plain = new Enforcer(defaults);
  assert.equal(plain.allows('y', ADMIN, {}), false);
  assert.throws(() => plain.enforce('x', CALLER, {}), PolicyDenied);
  assert.doesNotThrow(() => plain.enforce('x', ADMIN, {}));
  const opened = new Enforcer(defaults, { x: 'rule:admin_api or role:member', admin_api: '!' });
  assert.equal(opened.allows('x', CALLER, {}), true);
  assert.equal(opened.allows('x', ADMIN, {}), false);
  assert.throws(() => new Enforcer(defaults, { x: 'role:' }), PolicySyntaxError);
});

test('a policy file maps names to checks, and is named when it does not', () => {
  const directory = mkdtempSync(join(tmpdir(), 'pileus-policy-'));
  try {
    const file = join(directory, 'policy.yaml');
    for (const [text, expected] of [
      ['"x": "role:admin"\ny: ""\n', { x: 'role:admin', y: '' }],
      ['# nothing yet\n', {}],
    ] as const) {
      writeFileSync(file, text);
      assert.deepEqual(readPolicyFile(file), expected);
    }
    for (const text of ['- a\n', 'x: 1\n', 'x: [\n', 'just text']) {
      writeFileSync(file, text);
      assert.throws(
        () => readPolicyFile(file),
        (error: Error) => error.message.startsWith(file),
      );
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});

interface Model {
  readonly text: string;
  readonly value: boolean;
}

const { rule } = fc.letrec<{ rule: Model }>((tie) => ({
  rule: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom<Model[]>(
      { text: '@', value: true },
      { text: '!', value: false },
      { text: 'role:member', value: true },
      { text: 'role:admin', value: false },
      { text: 'project_id:%(project_id)s', value: true },
      { text: "'other':%(project_id)s", value: false },
    ),
    fc.array(tie('rule'), { minLength: 2, maxLength: 4 }).map((parts) => ({
      text: parts.map((part) => `(${part.text})`).join(' and '),
      value: parts.every((part) => part.value),
    })),
    fc.array(tie('rule'), { minLength: 2, maxLength: 4 }).map((parts) => ({
      text: parts.map((part) => `( ${part.text} )`).join(' or '),
      value: parts.some((part) => part.value),
    })),
    tie('rule').map((part) => ({ text: `not (${part.text})`, value: !part.value })),
  ),
}));

test('a rule of any shape is worth what its parts say', () => {
  fc.assert(fc.property(rule, (each) => allows(each.text, { project_id: 'p1' }) === each.value));
});

test('`and` binds tighter than `or` in chains of any length', () => {
  const word = fc.boolean();
  fc.assert(
    fc.property(
      fc.array(fc.array(word, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 5 }),
      (groups) => {
        const text = groups
          .map((group) => group.map((each) => (each ? '@' : '!')).join(' and '))
          .join(' or ');
        return allows(text) === groups.some((group) => group.every(Boolean));
      },
    ),
  );
});

test('text that is no rule is refused with a syntax error and nothing else', () => {
  const piece = fc.constantFrom(
    '(',
    ')',
    '"',
    "'",
    ':',
    '%',
    '%(x)s',
    'and',
    'or',
    'not',
    'role:a',
    ' ',
    '@',
    '\n',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece).map((parts) => parts.join('')),
      ),
      (text) => {
        try {
          parseRule(text);
        } catch (error) {
          assert.ok(error instanceof PolicySyntaxError);
        }
      },
    ),
  );
});
