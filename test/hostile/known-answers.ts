// The exceptions of routes.test.ts.
import type { Exceptions } from './exceptions.ts';

/** A reader who writes: the rule is 403. */
export const FOR_READERS: Exceptions = {
  'identity DELETE /v3/auth/tokens': [
    404,
    'who may is asked once it is known of which token; here none is named',
  ],
  'placement DELETE /resource_providers/:id/inventories': [405, 'there was no such method before 1.5'],
  'compute POST /v2.1/os-keypairs': [201, 'key pairs belong to the user, whatever their role'],
  'compute DELETE /v2.1/os-keypairs/:name': [404, "key pairs belong to the user: this is another user's"],
  'compute DELETE /v2.1/os-security-groups': [404, 'the path exists upstream without an operation for it'],
  'compute POST /v2.1/os-baremetal-nodes': [400, 'never done, whoever asks'],
  'compute DELETE /v2.1/os-baremetal-nodes/:id': [400, 'never done, whoever asks'],
  'compute POST /v2.1/os-baremetal-nodes/:id/action': [400, 'never done, whoever asks'],
  'volume POST /v3/volumes/:id/action os-show_image_metadata': [200, 'an action that only shows'],
};

/** A member of another project who names what is not theirs: the rule is 404, 403 where a rule of the route comes first. */
export const FOR_STRANGERS: Exceptions = {
  'identity GET /v3/registered_limits/:id': [200, 'limits of the whole cloud are for all to read'],
  'placement DELETE /resource_providers/:id/inventories': [405, 'there was no such method before 1.5'],
  'identity GET /v3/regions/:id': [200, 'regions are for all to read'],
  'compute GET /v2.1/os-quota-sets/:id/defaults': [200, 'default quotas are the same for all projects'],
  'compute DELETE /v2.1/os-baremetal-nodes/:id': [400, 'never done, whoever asks'],
  'compute POST /v2.1/os-baremetal-nodes/:id/action': [400, 'never done, whoever asks'],
  'compute GET /v2.1/versions/:id': [200, 'a version of the API is for all to read'],
  'network GET /v2.0/extensions/:alias': [200, 'extensions are for all to read'],
  'volume GET /v3/extensions/:id': [200, 'extensions are for all to read'],
  'volume GET /v3/group_types/:id': [200, 'a public group type is for all to read'],
  'volume GET /v3/types/:id': [200, 'a public type is for all to read'],
  'volume GET /v3/types/:id/extra_specs': [200, 'a public type is for all to read'],
  'volume POST /v3/os-volume-transfer/:id/accept': [400, 'whoever has the key may take it; this is none'],
  'volume POST /v3/volume-transfers/:id/accept': [400, 'whoever has the key may take it; this is none'],
};

/** A body that is no body of the route: the rule is 400. */
export const FOR_NO_BODY: Exceptions = {
  'volume PUT /v3/os-services/get-log': [200, 'levels of all services are asked for with nothing'],
  'volume POST /v3/workers/cleanup': [202, 'nothing names all services that are down'],
  'identity PUT /v3/domains/:id/config': [403, 'no option is none that a domain may configure'],
  'identity PATCH /v3/domains/:id/config': [403, 'no option is none that a domain may configure'],
  'identity PATCH /v3/domains/:id/config/:group': [403, 'no option is none that a domain may configure'],
  'identity PATCH /v3/domains/:id/config/:group/:option': [
    403,
    'no option is none that a domain may configure',
  ],
  'identity POST /v3/OS-OAUTH1/consumers': [201, 'a consumer without a description may be made'],
  'identity PUT /v3/OS-OAUTH1/authorize/:id': [404, 'whether there is such a token comes first'],
  'image POST /v2/images': [201, 'an image without a name or a format may be made'],
  'image PATCH /v2/images/:image': [200, 'an empty list of changes changes nothing'],
};

/** An absurd id: the rule is 404 or 400. Each with the parameter's name. */
export const FOR_ABSURD_IDS: Exceptions = {
  ...Object.fromEntries(
    ['GET', 'PATCH', 'DELETE'].flatMap((method) =>
      [':group group', ':group/:option group', ':group/:option option'].map((each) => [
        `identity ${method} /v3/domains/:id/config/${each}`,
        [403, 'what no domain may configure'] as const,
      ]),
    ),
  ),
  'identity PUT /v3/regions/:id id': [201, 'makes the region, whose id is any text'],
  'identity DELETE /v3/regions/:id id': [204, 'deletes the region that PUT has made'],
  'identity PATCH /v3/regions/:id id': [200, 'changes the region that PUT has made'],
  'identity GET /v3/users/:id/application_credentials id': [200, 'a filter: nobody has none'],
  'identity POST /v3/users/:id/application_credentials id': [403, 'nobody makes them for another user'],
  'identity POST /v3/users/:id/password id': [401, 'whether there is such a user is not told'],
  'image POST /v2/metadefs/namespaces/:namespace/tags/:item item': [
    201,
    'makes the tag, whose name is any text',
  ],
  'image GET /v2/metadefs/namespaces/:namespace/tags/:item item': [200, 'shows the tag that POST has made'],
  'image PUT /v2/metadefs/namespaces/:namespace/tags/:item item': [409, 'there is a tag of the new name'],
  'image DELETE /v2/metadefs/namespaces/:namespace/tags/:item item': [
    204,
    'deletes the tag that POST has made',
  ],
  'compute GET /v2.1/os-baremetal-nodes/:id id': [501, 'there is no such service'],
  'compute GET /v2.1/os-hypervisors/:id/search id': [200, 'a part of a name: -1 is one of sim-1'],
  'compute GET /v2.1/os-hypervisors/:id/servers id': [200, 'a part of a name: -1 is one of sim-1'],
  'identity GET /v3/users/:id/access_rules id': [200, 'a filter: nobody has none'],
  'identity GET /v3/users/:id/OS-OAUTH1/access_tokens id': [200, 'a filter: nobody has none'],
  'identity GET /v3/domains/config/:group/default group': [403, 'a domain sets nothing of that name'],
  'identity GET /v3/domains/config/:group/:option/default group': [403, 'a domain sets nothing of that name'],
  'identity GET /v3/domains/config/:group/:option/default option': [
    403,
    'a domain sets nothing of that name',
  ],
  'network GET /v2.0/auto-allocated-topology/:id id': [
    200,
    'an administrator may make a network for any project, which this service does not know',
  ],
  'network DELETE /v2.0/auto-allocated-topology/:id id': [204, 'deletes the network that GET has made'],
  'compute GET /v2.1/os-quota-sets/:id id': [200, 'limits of a project need no project yet'],
  'compute GET /v2.1/os-quota-sets/:id/detail id': [200, 'limits of a project need no project yet'],
  'compute GET /v2.1/os-quota-sets/:id/defaults id': [200, 'default limits are the same for all'],
  'compute PUT /v2.1/os-quota-sets/:id id': [200, 'limits of a project may be set before it is there'],
  'compute GET /v2.1/os-quota-class-sets/:id id': [200, 'any text is a class'],
  'compute PUT /v2.1/os-quota-class-sets/:id id': [200, 'any text is a class'],
  'volume PUT /v3/default-types/:id id': [200, 'a project may have its default type before it is there'],
  'volume DELETE /v3/default-types/:id id': [204, 'without a default type of its own already'],
  'volume GET /v3/os-quota-sets/:id id': [200, 'limits of a project need no project yet'],
  'volume GET /v3/os-quota-sets/:id/defaults id': [200, 'default limits are the same for all'],
  'volume PUT /v3/os-quota-sets/:id id': [200, 'limits of a project may be set before it is there'],
  'volume DELETE /v3/os-quota-sets/:id id': [200, 'without limits of its own already'],
  'volume GET /v3/os-quota-class-sets/:id id': [200, 'any text is a class'],
  'volume PUT /v3/os-quota-class-sets/:id id': [200, 'any text is a class'],
  'network GET /v2.0/quotas/:id id': [200, 'limits of a project need no project yet'],
  'network GET /v2.0/quotas/:id/default id': [200, 'default limits are the same for all'],
  'network GET /v2.0/quotas/:id/details id': [200, 'limits of a project need no project yet'],
  'network GET /v2.0/quotas/:id/details.json id': [200, 'limits of a project need no project yet'],
  'network PUT /v2.0/quotas/:id id': [200, 'limits of a project may be set before it is there'],
  'network DELETE /v2.0/quotas/:id id': [204, 'deletes what PUT has set'],
  'placement PUT /allocations/:consumer consumer': [204, 'any uuid is a consumer'],
  'placement DELETE /allocations/:consumer consumer': [204, 'deletes what PUT has made'],
  'compute GET /v2.1/os-simple-tenant-usage/:id id': [200, 'a filter: no project has used nothing'],
  'compute DELETE /v2.1/os-quota-sets/:id id': [202, 'what was not set is not set'],
  'placement GET /allocations/:consumer consumer': [200, 'a filter: no consumer has no allocations'],
  'placement DELETE /resource_providers/:id/inventories id': [405, 'there was no such method before 1.5'],
  'placement PUT /resource_providers/:id/inventories/:class class': [
    409,
    'the generation is looked at first',
  ],
};

/** How each service of the field refuses a path or a method that it has not: without a token, and with one. */
export const FOR_UNROUTED: Readonly<
  Record<
    'identity' | 'compute' | 'placement' | 'image' | 'network' | 'volume',
    { tells: boolean; method: 404 | 405 }
  >
> = {
  identity: { tells: true, method: 405 },
  compute: { tells: false, method: 404 },
  placement: { tells: false, method: 405 },
  image: { tells: false, method: 405 },
  network: { tells: false, method: 405 },
  volume: { tells: false, method: 404 },
};

/** What was made for the attack and is for all to list. */
export const IN_LISTS_OF_OTHERS: Readonly<Record<string, string>> = {
  external: 'the network that all projects reach others through',
  service: 'the catalog is for all to read',
  endpoint: 'the catalog is for all to read',
  registered_limit: 'limits of the whole cloud are for all to read',
  volume_type: 'a public type is for all to read',
  volume_group_type: 'a public group type is for all to read',
};

/** How a service looks at bodies, as measured on the services of the field. */
export interface Manners {
  /** The body is read before the token is looked at. */
  readonly bodyFirst?: true;
  /** The rule of the route comes before what is in the body. */
  readonly ruleFirst?: true;
  /** Fields that nobody knows are taken: this service keeps what clients give it. */
  readonly takesAny?: true;
  /** A declared size comes before the token. */
  readonly sizeFirst?: true;
  /** Methods whose body is not looked at. */
  readonly ignores: readonly string[];
  /** The status for content types; what is not here is read as JSON. */
  readonly types: Readonly<Record<string, number>>;
}

const STRICT: Manners['types'] = {
  'text/xml': 415,
  'text/plain': 415,
  'application/x-www-form-urlencoded': 415,
  'multipart/form-data; boundary=a': 415,
  'application/octet-stream': 415,
  garbage: 415,
};

export const MANNERS: Readonly<Record<keyof typeof FOR_UNROUTED, Manners>> = {
  // Refuses with 400, too, what it does not read.
  identity: { bodyFirst: true, ruleFirst: true, takesAny: true, sizeFirst: true, ignores: [], types: {} },
  compute: { sizeFirst: true, ignores: ['GET', 'HEAD', 'DELETE'], types: { ...STRICT, 'text/plain': 400 } },
  placement: { ruleFirst: true, ignores: ['GET', 'HEAD', 'DELETE'], types: STRICT },
  image: { ignores: ['GET', 'HEAD'], types: {} },
  network: { ignores: ['GET', 'HEAD', 'DELETE'], types: {} },
  volume: { sizeFirst: true, ignores: [], types: STRICT },
};

/** A field that nobody knows: the rule is 400. Each with the path of the object in the body. */
export const FOR_UNKNOWN_FIELDS: Exceptions = {
  'compute POST /v2.1/servers os:scheduler_hints': [403, 'deployments know hints of their own'],
  'image POST /v2/images/:image/import': [403, 'the service of the field takes it too'],
  'image POST /v2/images/:image/import method': [403, 'the service of the field takes it too'],
  'image POST /v2/images/:image/members': [403, 'the service of the field takes it too'],
  'image PUT /v2/images/:image/members/:member': [403, 'the service of the field takes it too'],
  'image POST /v2/tasks': [403, 'the service of the field takes it too'],
  'image POST /v2/tasks input': [403, 'the service of the field takes it too'],
  'image POST /v2/tasks input image_properties': [403, 'properties of an image, which are any'],
  ...Object.fromEntries(
    [
      'PUT /v3/attachments/:id attachment connector',
      'POST /v3/volumes/:id/action os-initialize_connection os-initialize_connection connector',
      'POST /v3/volumes/:id/action os-terminate_connection os-terminate_connection connector',
    ].map((each) => [`volume ${each}`, [403, 'what a connector says of its host is any'] as const]),
  ),
  ...Object.fromEntries(
    [
      'POST /v3/types/:id/encryption encryption',
      'PUT /v3/types/:id/encryption/:key encryption',
      'POST /v3/attachments/:id/action os-complete os-complete',
      'POST /v3/backups/:id/action os-force_delete os-force_delete',
      'POST /v3/snapshots/:id/action os-unmanage os-unmanage',
      'POST /v3/snapshots/:id/action os-force_delete os-force_delete',
      'POST /v3/volumes/:id/action os-force_delete os-force_delete',
      'POST /v3/volumes/:id/action os-unmanage os-unmanage',
      'POST /v3/volumes/:id/action os-reserve os-reserve',
      'POST /v3/volumes/:id/action os-unreserve os-unreserve',
      'POST /v3/volumes/:id/action os-begin_detaching os-begin_detaching',
      'POST /v3/volumes/:id/action os-roll_detaching os-roll_detaching',
    ].map((each) => [`volume ${each}`, [403, 'the service of the field takes it too'] as const]),
  ),
  'volume POST /v3/volumes/:id/action os-show_image_metadata os-show_image_metadata': [
    200,
    'the service of the field takes it too',
  ],
};

/**
 * How many exceptions there are of each kind. They get fewer: who mends one lowers its number, and who needs one for a new
 * route says so by raising it.
 */
export const EXCEPTIONS: ReadonlyArray<readonly [what: string, exceptions: object, most: number]> = [
  ['readers', FOR_READERS, 9],
  ['strangers', FOR_STRANGERS, 14],
  ['lists', IN_LISTS_OF_OTHERS, 6],
  ['no body', FOR_NO_BODY, 10],
  ['unknown fields', FOR_UNKNOWN_FIELDS, 24],
  ['absurd ids', FOR_ABSURD_IDS, 56],
];
