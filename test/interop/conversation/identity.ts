// Tokens, the catalog, who is who, and application credentials.
import type { Area } from '../conversation.ts';

const UUID_HEX = /^[0-9a-f]{32}$/;

const ALICE = {
  username: 'alice',
  project_name: 'research',
  user_domain_name: 'Default',
  project_domain_name: 'Default',
};

export const identity: Area = {
  name: 'identity',
  as: 'admin',
  people: {
    alice: { auth: { ...ALICE, password: 'first-secret' } },
    aliceAfter: { auth: { ...ALICE, password: 'second-secret' } },
    impostor: { auth: { ...ALICE, password: 'wrong' } },
    aliceOfDemo: { auth: { ...ALICE, password: 'first-secret', project_name: 'demo' } },
    system: {
      auth: {
        username: 'root',
        password: 'root-secret',
        user_domain_name: 'Default',
        system_scope: 'all',
      },
    },
    credential: {
      authType: 'v3applicationcredential',
      auth: { application_credential_id: '{credential}', application_credential_secret: 'app-secret' },
    },
  },
  steps: [
    {
      run: 'token issue',
      alone: true,
      has: { id: /^gAAAAA/, expires: /^\d{4}-.*\+0000$/, project_id: UUID_HEX },
      keep: { project: 'project_id', user: 'user_id' },
    },
    {
      run: 'token issue',
      as: 'demo',
      has: { id: /^gAAAAA/, user_id: UUID_HEX },
      keep: { demo: 'user_id', demoProject: 'project_id' },
    },
    { run: 'token issue -f value -c id', text: /^gAAAAA\S+\n?$/ },
    {
      run: 'catalog list',
      rows: [
        {
          Name: 'keystone',
          Type: 'identity',
          Endpoints: [{ interface: 'public', region: 'RegionOne', url: /\/identity/ }],
        },
        { Name: 'nova', Type: 'compute', Endpoints: [{ interface: 'public', url: /\/compute\/v2\.1/ }] },
        { Name: 'glance', Type: 'image' },
        { Name: 'neutron', Type: 'network' },
        { Name: 'placement', Type: 'placement' },
      ],
    },
    { run: 'catalog show compute', has: { type: 'compute', name: 'nova', id: UUID_HEX } },
    { run: 'catalog show nothing', fails: /service nothing not found/i },

    { run: 'region list', rows: [{ Region: 'RegionOne' }] },
    {
      run: 'region create --description "A second" RegionTwo',
      has: { region: 'RegionTwo', description: 'A second', parent_region: null },
    },
    {
      run: 'service create --name swan --description birds bird',
      has: { name: 'swan', type: 'bird', enabled: true },
      keep: { service: 'id' },
    },
    {
      run: 'service list --long',
      rows: [{ ID: '{service}', Name: 'swan', Type: 'bird', Description: 'birds', Enabled: true }],
    },
    {
      run: 'endpoint create --region RegionTwo bird public http://127.0.0.1:1/$(project_id)s',
      has: { service_type: 'bird', interface: 'public', region: 'RegionTwo' },
      keep: { endpoint: 'id' },
    },
    {
      run: 'endpoint list --service bird',
      rows: [{ ID: '{endpoint}', Region: 'RegionTwo', 'Service Type': 'bird', Interface: 'public' }],
      count: 1,
    },
    { run: 'endpoint set --disable {endpoint}' },
    { run: 'endpoint show {endpoint}', has: { enabled: false, service_name: 'swan' } },
    { run: 'endpoint delete {endpoint}' },
    { run: 'service delete {service}' },
    { run: 'region delete RegionTwo' },
    { run: 'endpoint list', lacks: [{ ID: '{endpoint}' }] },

    { run: 'domain list', rows: [{ ID: 'default', Name: 'Default', Enabled: true }] },
    {
      run: 'domain create --description "Of science" science',
      has: { name: 'science', enabled: true, description: 'Of science' },
      keep: { domain: 'id' },
    },
    { run: 'domain show science', has: { id: '{domain}', name: 'science' } },
    { run: 'domain delete science', fails: /please disable it first/ },
    { run: 'domain set --disable --name arts science' },
    { run: 'domain list', rows: [{ ID: '{domain}', Name: 'arts', Enabled: false }] },

    {
      run: 'project create --description "All of it" --property tier=gold --tag red research',
      has: {
        name: 'research',
        domain_id: 'default',
        enabled: true,
        description: 'All of it',
        is_domain: false,
        tier: 'gold',
        tags: ['red'],
      },
      keep: { research: 'id' },
    },
    { run: 'project create research', fails: /Conflict|already exists/i },
    { run: 'project create --or-show research', has: { id: '{research}' } },
    {
      run: 'project list',
      rows: [{ ID: '{research}', Name: 'research' }, { Name: 'demo' }, { Name: 'admin' }],
    },
    {
      run: 'project list --long --tags red',
      rows: [{ ID: '{research}', 'Domain ID': 'default', Enabled: true }],
      count: 1,
    },
    { run: 'project show research', has: { id: '{research}', description: 'All of it' } },
    { run: 'project set --description Some --tag blue research' },
    { run: 'project show research', has: { description: 'Some', tags: ['blue'] } },
    { run: 'project show nowhere', fails: /No project with a name or ID of 'nowhere' exists/ },
    { run: 'project list --my-projects', rows: [{ Name: 'admin' }] },
    { run: 'project list', as: 'demo', rows: [{ ID: '{demoProject}', Name: 'demo' }], count: 1 },

    {
      run: 'user create --project research --password first-secret --email alice@example.org --description "A user" alice',
      has: {
        name: 'alice',
        domain_id: 'default',
        enabled: true,
        email: 'alice@example.org',
        default_project_id: '{research}',
        password_expires_at: null,
      },
      keep: { alice: 'id' },
    },
    { run: 'user list', rows: [{ ID: '{alice}', Name: 'alice' }, { Name: 'demo' }] },
    {
      run: 'user list --long',
      rows: [
        {
          ID: '{alice}',
          Project: '{research}',
          Domain: 'default',
          Email: 'alice@example.org',
          Enabled: true,
        },
      ],
    },
    { run: 'user show alice', has: { id: '{alice}', description: 'A user' } },
    { run: 'user show nobody', fails: /No user with a name or ID of 'nobody' exists/ },
    { run: 'user show --domain arts alice', fails: /No user with a name or ID of 'alice' exists/ },

    {
      run: 'role list',
      rows: [
        { Name: 'admin' },
        { Name: 'manager' },
        { Name: 'member' },
        { Name: 'reader' },
        { Name: 'service' },
      ],
    },
    { run: 'role create observer', has: { name: 'observer', domain_id: null }, keep: { observer: 'id' } },
    { run: 'role set --description Watches observer' },
    { run: 'role show observer', has: { id: '{observer}', description: 'Watches' } },
    {
      run: 'implied role list',
      rows: [
        { 'Prior Role Name': 'admin', 'Implied Role Name': 'manager' },
        { 'Prior Role Name': 'member', 'Implied Role Name': 'reader' },
      ],
    },
    { run: 'implied role create observer --implied-role reader', has: { prior_role: '{observer}' } },
    { run: 'implied role list', rows: [{ 'Prior Role Name': 'observer', 'Implied Role Name': 'reader' }] },
    { run: 'role add --user alice --project research member' },
    {
      run: 'role assignment list --user alice --names',
      rows: [{ Role: 'member', User: 'alice@Default', Project: 'research@Default', Inherited: false }],
      count: 1,
    },
    {
      run: 'role assignment list --user alice --effective --names',
      rows: [{ Role: 'member' }, { Role: 'reader' }],
    },
    { run: 'role assignment list --project research', rows: [{ User: '{alice}', Project: '{research}' }] },
    { run: 'role assignment list --system all --names', rows: [{ User: 'admin@Default', System: 'all' }] },

    {
      run: 'group create --description "A group" crowd',
      has: { name: 'crowd', domain_id: 'default' },
      keep: { crowd: 'id' },
    },
    { run: 'group add user crowd alice' },
    { run: 'group contains user crowd alice', text: /alice in group crowd/ },
    { run: 'group list --user alice', rows: [{ ID: '{crowd}', Name: 'crowd' }], count: 1 },
    { run: 'user list --group crowd', rows: [{ Name: 'alice' }], count: 1 },
    { run: 'role add --group crowd --project demo reader' },
    {
      run: 'role assignment list --group crowd --names',
      rows: [{ Role: 'reader', Group: 'crowd@Default', Project: 'demo@Default' }],
    },
    { run: 'group remove user crowd alice' },
    { run: 'user list --group crowd', count: 0 },
    { run: 'group set --name throng crowd' },
    { run: 'group show throng', has: { id: '{crowd}', description: 'A group' } },
    { run: 'group delete throng' },
    { run: 'group list', lacks: [{ ID: '{crowd}' }] },

    { run: 'token issue', as: 'alice', has: { project_id: '{research}', user_id: '{alice}' } },
    { run: 'token issue', as: 'aliceOfDemo', fails: /HTTP 401/ },
    { run: 'user show alice', as: 'alice', has: { id: '{alice}' } },
    {
      run: 'application credential create --secret app-secret --description bot --role reader bot',
      as: 'alice',
      has: {
        name: 'bot',
        project_id: '{research}',
        roles: /reader/,
        unrestricted: false,
        secret: 'app-secret',
      },
      keep: { credential: 'id' },
    },
    {
      run: 'application credential create --expiration 2031-02-03T04:05:06 later',
      as: 'alice',
      has: { name: 'later', expires_at: /^2031-02-03T04:05:06/, secret: /.{40}/ },
    },
    {
      run: 'application credential list',
      as: 'alice',
      rows: [{ ID: '{credential}', Name: 'bot', Description: 'bot' }, { Name: 'later' }],
      count: 2,
    },
    {
      run: 'application credential show bot',
      as: 'alice',
      has: { id: '{credential}', project_id: '{research}' },
    },
    { run: 'token issue', as: 'credential', has: { project_id: '{research}', user_id: '{alice}' } },
    { run: 'network list', as: 'credential', rows: [{ Name: 'public' }], lacks: [{ Name: 'private' }] },
    { run: 'network create spy', as: 'credential', fails: /HttpException: 403|ForbiddenException: 403/ },
    { run: 'application credential delete later', as: 'alice' },
    {
      run: 'application credential show later',
      as: 'alice',
      fails: /No applicationcredential with a name or ID of 'later' exists|not found|No application/i,
    },

    { run: 'access rule list', as: 'alice', count: 0 },
    {
      run: 'credential create --type cert {alice} "a blob"',
      has: { type: 'cert', user_id: '{alice}', blob: 'a blob' },
      keep: { blob: 'id' },
    },
    {
      run: 'credential list --type cert',
      rows: [{ ID: '{blob}', 'User ID': '{alice}', Data: 'a blob' }],
      count: 1,
    },
    { run: 'credential delete {blob}' },

    { run: 'user create --password root-secret root', has: { name: 'root' }, keep: { root: 'id' } },
    { run: 'role add --user root --system all reader' },
    {
      run: 'role assignment list --system all --user root --names',
      rows: [{ Role: 'reader', System: 'all' }],
      count: 1,
    },
    { run: 'user list', as: 'system', rows: [{ Name: 'admin' }] },
    { run: 'user delete root', as: 'system', fails: /HTTP 403/ },
    { run: 'token issue', as: 'system', has: { system: 'all', user_id: '{root}' } },

    { run: 'token issue -f value -c id', as: 'alice', text: /^gAAAAA/ },
    { run: 'user password set --original-password first-secret --password second-secret', as: 'alice' },
    { run: 'network list', as: 'credential', rows: [{ Name: 'public' }] },
    { run: 'project list --my-projects', as: 'alice', fails: /HTTP 401|requires authentication/ },
    { run: 'token issue', as: 'aliceAfter', has: { user_id: '{alice}' } },
    {
      run: 'token issue',
      as: 'impostor',
      alone: true,
      fails: /The request you have made requires authentication. \(HTTP 401\)/,
    },
    { run: 'token issue -f json -c id', as: 'aliceAfter', text: /gAAAAA/ },
    { run: 'role remove --user alice --project research member' },
    { run: 'application credential list', as: 'aliceAfter', fails: /HTTP 401|requires authentication/ },
    { run: 'role assignment list --user alice', count: 0 },
    { run: 'user set --disable alice' },
    { run: 'user show alice', has: { enabled: false } },
    { run: 'user delete alice' },
    { run: 'user list', lacks: [{ ID: '{alice}' }] },
    { run: 'role delete observer' },
    { run: 'project delete research' },
    { run: 'project list', lacks: [{ ID: '{research}' }] },
    { run: 'domain delete arts' },
    { run: 'domain list', lacks: [{ ID: '{domain}' }] },
    { run: 'role create', fails: /the following arguments are required: <role-name>/ },
  ],
};
