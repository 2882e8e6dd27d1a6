// The body of `POST /v3/auth/tokens`.
import { Type, type Static } from 'typebox';

const Text = Type.String({ maxLength: 4096 });
const DomainRef = Type.Object({ id: Type.Optional(Text), name: Type.Optional(Text) });

const UserRef = Type.Object({
  id: Type.Optional(Text),
  name: Type.Optional(Text),
  domain: Type.Optional(DomainRef),
});

const ProjectRef = Type.Object({
  id: Type.Optional(Text),
  name: Type.Optional(Text),
  domain: Type.Optional(DomainRef),
});

const Identity = Type.Object({
  methods: Type.Array(Type.String({ maxLength: 64 }), { maxItems: 10 }),
  password: Type.Optional(
    Type.Object({ user: Type.Intersect([UserRef, Type.Object({ password: Type.String() })]) }),
  ),
  token: Type.Optional(Type.Object({ id: Text })),
  totp: Type.Optional(
    Type.Object({ user: Type.Intersect([UserRef, Type.Object({ passcode: Type.String() })]) }),
  ),
  /** What it needs is in the Authorization header. */
  oauth1: Type.Optional(Type.Object({})),
  application_credential: Type.Optional(
    Type.Object({
      id: Type.Optional(Text),
      name: Type.Optional(Text),
      secret: Type.Optional(Text),
      user: Type.Optional(UserRef),
    }),
  ),
});

const Scope = Type.Union([
  Type.Literal('unscoped'),
  Type.Object({
    unscoped: Type.Optional(Type.Object({})),
    project: Type.Optional(ProjectRef),
    domain: Type.Optional(DomainRef),
    system: Type.Optional(Type.Object({ all: Type.Optional(Type.Boolean()) })),
    'OS-TRUST:trust': Type.Optional(Type.Object({ id: Type.Optional(Text) })),
  }),
]);

export const createToken = Type.Object({
  auth: Type.Object({ identity: Identity, scope: Type.Optional(Scope) }),
});

export type CreateToken = Static<typeof createToken>;
export type IdentityPart = Static<typeof Identity>;
export type ScopePart = Static<typeof Scope>;
export type DomainReference = Static<typeof DomainRef>;
