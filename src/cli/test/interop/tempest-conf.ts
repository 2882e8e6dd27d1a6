/** Writes tempest's configuration from what a cloud says of itself. Pure; the facts come from cloud-facts.ts. */
import type { CloudFacts } from './cloud-facts.ts';

/** Rules for passwords that the cloud keeps; no API tells them. */
export interface SecurityFacts {
  readonly lockoutFailureAttempts: number;
  readonly lockoutDurationSeconds: number;
  readonly uniqueLastPasswordCount: number;
}

type Section = Readonly<Record<string, string | number | boolean | undefined>>;

export interface OwnFacts {
  readonly security: SecurityFacts;
  /** Address of a raw image that the cloud may fetch. */
  readonly webImage: string;
  /** The physical network on which hosts have bandwidth for ports that keep some free. */
  readonly physnet: string;
}

/**
 * Everything that the cloud offers is switched on: a feature that is off skips its tests, and a skip is no pass.
 * @param own of a cloud that was started for this
 */
export function tempestConf(facts: CloudFacts, directory: string, own?: OwnFacts): string {
  const sections = {
    ...general(facts, directory, own?.security),
    ...computing(facts),
    ...others(facts, own),
  };
  return Object.entries(sections)
    .map(([name, section]) => render(name, section))
    .join('\n');
}

type Sections = Readonly<Record<string, Section>>;

function general(facts: CloudFacts, directory: string, security: SecurityFacts | undefined): Sections {
  return {
    DEFAULT: { log_dir: `${directory}/logs`, log_file: 'tempest.log', debug: false },
    oslo_concurrency: { lock_path: `${directory}/lock` },
    auth: {
      use_dynamic_credentials: true,
      create_isolated_networks: true,
      admin_username: facts.admin.username,
      admin_password: facts.admin.password,
      admin_project_name: facts.admin.project,
      admin_domain_name: 'Default',
    },
    identity: {
      uri_v3: `${facts.origin}/identity/v3`,
      auth_version: 'v3',
      region: facts.region,
      user_lockout_failure_attempts: security?.lockoutFailureAttempts,
      user_lockout_duration: security?.lockoutDurationSeconds,
      user_unique_last_password_count: security?.uniqueLastPasswordCount,
    },
    'identity-feature-enabled': {
      api_v2: false,
      api_v2_admin: false,
      trust: facts.identity.trusts,
      security_compliance: security !== undefined,
      access_rules: true,
      application_credentials: true,
      project_tags: true,
    },
    service_available: {
      cinder: facts.volume !== undefined,
      glance: true,
      horizon: false,
      neutron: true,
      nova: true,
      swift: false,
    },
  };
}

function computing(facts: CloudFacts): Sections {
  return {
    compute: {
      image_ref: facts.images.main,
      image_ref_alt: facts.images.other,
      flavor_ref: facts.flavors.small,
      flavor_ref_alt: facts.flavors.larger,
      min_microversion: facts.compute.min,
      max_microversion: facts.compute.max,
      region: facts.region,
      build_timeout: 120,
      min_compute_nodes: facts.compute.hosts,
    },
    'compute-feature-enabled': {
      change_password: false,
      cold_migration: facts.compute.actions.has('migrate'),
      console_output: true,
      hostname_fqdn_sanitization: true,
      interface_attach: true,
      block_migration_for_live_migration: facts.compute.actions.has('os-migrateLive'),
      block_migrate_cinder_iscsi: facts.compute.actions.has('os-migrateLive'),
      live_migration: facts.compute.actions.has('os-migrateLive'),
      live_migrate_paused_instances: facts.compute.actions.has('os-migrateLive'),
      volume_backed_live_migration: facts.compute.actions.has('os-migrateLive'),
      pause: true,
      live_migrate_back_and_forth: true,
      rescue: facts.compute.actions.has('rescue'),
      stable_rescue: facts.compute.actions.has('rescue'),
      resize: facts.compute.actions.has('resize'),
      scheduler_enabled_filters: 'all',
      serial_console: true,
      shelve: facts.compute.actions.has('shelve'),
      shelve_migrate: facts.compute.actions.has('shelve'),
      snapshot: true,
      suspend: true,
      vnc_console: !facts.simulated,
      vnc_server_header: 'Pileus',
      volume_multiattach: facts.volume !== undefined,
      swap_volume: facts.volume !== undefined,
      attach_encrypted_volume: facts.volume !== undefined,
      // What it stands for is writing the metadata of servers, with two more that run.ts leaves out.
      xenapi_apis: true,
    },
  };
}

function others(facts: CloudFacts, own: OwnFacts | undefined): Sections {
  return {
    image: {
      region: facts.region, // It uploads random bytes as images of these formats; what is not what it says is refused here.
      container_formats: 'bare',
      disk_formats: 'raw',
      http_image: own?.webImage,
    },
    'image-feature-enabled': {
      api_v2: true,
      import_image: facts.image.imports,
      os_glance_reserved: true,
    },
    network: {
      public_network_id: facts.network.externalId,
      floating_network_name: facts.network.externalName,
      project_networks_reachable: false,
      region: facts.region,
    },
    placement: { min_microversion: '1.0', max_microversion: 'latest' },
    'network-feature-enabled': {
      ipv6: true,
      ipv6_subnet_attributes: true,
      port_security: true,
      floating_ips: true,
      api_extensions: networkExtensions(facts).join(','),
      qos_placement_physnet: own?.physnet,
    },
    scenario: { img_file: facts.images.file, img_disk_format: 'qcow2', dhcp_client: 'udhcpc' },
    validation: {
      run_validation: !facts.simulated,
      connect_method: 'floating',
      auth_method: 'keypair',
      image_ssh_user: 'root',
      image_alt_ssh_user: 'root',
      network_for_ssh: facts.network.externalName,
      ssh_key_type: 'ecdsa',
      // The guest's shell is busybox's.
      ssh_shell_prologue: 'PATH=$$PATH:/sbin:/usr/sbin;',
    },
    volume: {
      min_microversion: facts.volume?.min,
      max_microversion: facts.volume?.max,
      storage_protocol: facts.volume?.storageProtocol,
      vendor_name: facts.volume?.vendorName,
      manage_volume_ref: 'source-name,volume-%s',
      manage_snapshot_ref: 'source-name,snapshot-%s',
      backend_names: facts.volume?.backends.join(','),
      region: facts.region,
    },
    'volume-feature-enabled': {
      backup: true,
      clone: true,
      manage_volume: true,
      manage_snapshot: true,
      snapshot: true,
      extend_attached_volume: true,
      extend_attached_encrypted_volume: true,
      multi_backend: (facts.volume?.backends.length ?? 0) > 1,
      api_extensions: 'all',
    },
  };
}

/** Tempest looks for tags of networks under the name that the extension had before it was of all resources. */
function networkExtensions({ network: { extensions } }: CloudFacts): readonly string[] {
  return extensions.includes('standard-attr-tag') ? [...extensions, 'tag'] : extensions;
}

function render(name: string, section: Section): string {
  const lines = Object.entries(section)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key} = ${value === true ? 'True' : value === false ? 'False' : value}`);
  return `[${name}]\n${lines.join('\n')}\n`;
}
