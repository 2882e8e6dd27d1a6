// The exceptions of routes.test.ts.
import type { Exceptions } from './exceptions.ts';

/** A reader who writes: the rule is 403. */
export const FOR_READERS: Exceptions = {
  'compute POST /v2.1/os-keypairs': [201, 'key pairs belong to the user, whatever their role'],
  'compute DELETE /v2.1/os-keypairs/:name': [404, "key pairs belong to the user: this is another user's"],
  'compute DELETE /v2.1/os-security-groups': [404, 'the path exists upstream without an operation for it'],
};

/** A member of another project who names what is not theirs: the rule is 404, 403 where a rule of the route comes first. */
export const FOR_STRANGERS: Exceptions = {
  'identity GET /v3/regions/:id': [200, 'regions are for all to read'],
  'compute GET /v2.1/os-quota-sets/:id/defaults': [200, 'default quotas are the same for all projects'],
  'network GET /v2.0/extensions/:alias': [200, 'extensions are for all to read'],
};
