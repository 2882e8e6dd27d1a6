// The part of northd that others see: datapaths and port bindings with their tunnel keys, `up` brought back to the
// northbound side, and the configuration number passed on. Logical flows are left out.
import type { Row } from '#platform/ovsdb/model.ts';
import type { northbound, southbound } from '../schema.ts';
import { DirtyQueue, type FakeContext } from './context.ts';

type SwitchPort = Row<(typeof northbound)['Logical_Switch_Port']>;
type RouterPort = Row<(typeof northbound)['Logical_Router_Port']>;
type Binding = Row<(typeof southbound)['Port_Binding']>;

interface WantedBinding {
  readonly type: string;
  readonly datapathOf: string;
  readonly options: Readonly<Record<string, string>>;
  readonly parent_port: string | null;
  readonly tag: number | null;
  readonly mac: readonly string[];
  readonly external_ids: Readonly<Partial<Record<string, string>>>;
}

const GLOBAL = ' global';

export class FakeNorthd {
  readonly #context: FakeContext;
  /** Names of ports, and uuids of switches and routers. */
  readonly #queue: DirtyQueue;
  #nextKey = 1;
  /** Ports whose coming up was missed, and whether it is time to look again. */
  readonly #lost = new Map<string, { due: boolean }>();
  #stopping = new AbortController();

  constructor(context: FakeContext) {
    this.#context = context;
    this.#queue = new DirtyQueue(context.clock, (names, signal) => this.#translate(names, signal));
    const { nb, sb } = context;
    nb.onChange((change) => {
      switch (change.table) {
        case 'Logical_Switch_Port':
        case 'Logical_Router_Port':
          this.#queue.add([(change.new ?? change.old).name]);
          break;
        case 'Logical_Switch':
        case 'Logical_Router':
          this.#queue.add([change.uuid]);
          break;
        case 'NB_Global':
          this.#queue.add([GLOBAL]);
          break;
      }
    });
    sb.onChange((change) => {
      if (change.table === 'Port_Binding') this.#queue.add([(change.new ?? change.old).logical_port]);
      if (change.table === 'Chassis_Private') this.#queue.add([GLOBAL]);
    });
  }

  start(): void {
    this.#stopping = new AbortController();
    this.#queue.start();
    this.recompute();
  }

  stop(): void {
    this.#stopping.abort();
    this.#queue.stop();
  }

  recompute(): void {
    const { nb, sb } = this.#context;
    for (const lost of this.#lost.values()) lost.due = true;
    this.#queue.add([
      GLOBAL,
      ...nb
        .table('Logical_Switch')
        .list()
        .map((row) => row._uuid),
      ...nb
        .table('Logical_Router')
        .list()
        .map((row) => row._uuid),
      ...nb
        .table('Logical_Switch_Port')
        .list()
        .map((row) => row.name),
      ...nb
        .table('Logical_Router_Port')
        .list()
        .map((row) => row.name),
      ...sb
        .table('Port_Binding')
        .list()
        .map((row) => row.logical_port),
      ...sb
        .table('Datapath_Binding')
        .list()
        .map((row) => row.external_ids['pileus-of'] ?? ''),
    ]);
  }

  async #translate(names: readonly string[], signal: AbortSignal): Promise<void> {
    const { clock, behaviours, nb } = this.#context;
    if (behaviours.northdMs) await clock.sleep(behaviours.northdMs, signal);
    // A port and the reference to it come in one update: of the switch that holds it nothing was heard apart.
    for (const name of names) {
      if (signal.aborted) return;
      if (name === GLOBAL) await this.#passOnConfiguration();
      else if (isUuid(name) && (nb.table('Logical_Switch').get(name) || nb.table('Logical_Router').get(name)))
        await this.#datapath(name);
    }
    for (const name of names) {
      if (signal.aborted) return;
      if (name !== GLOBAL) await this.#port(name);
    }
    for (const name of names) await this.#removeDatapath(name);
  }

  async #datapath(of: string): Promise<string> {
    const { sb, nb } = this.#context;
    const existing = sb.table('Datapath_Binding').find((row) => row.external_ids['pileus-of'] === of);
    if (existing) return existing._uuid;
    const tx = sb.transaction();
    const row = nb.table('Logical_Switch').get(of);
    const kind = row ? 'logical-switch' : 'logical-router';
    const name = row?.name ?? nb.table('Logical_Router').get(of)?.name ?? '';
    const reference = tx.insert('Datapath_Binding', {
      tunnel_key: this.#freeKey(sb.table('Datapath_Binding').list()),
      external_ids: { [kind]: of, name, 'pileus-of': of },
    });
    return (await tx.commit()).uuidOf(reference);
  }

  #freeKey(rows: ReadonlyArray<{ readonly tunnel_key: number }>): number {
    this.#nextKey = Math.max(this.#nextKey, ...rows.map((row) => row.tunnel_key + 1));
    return this.#nextKey++;
  }

  async #removeDatapath(of: string): Promise<void> {
    const { sb, nb } = this.#context;
    if (!isUuid(of) || nb.table('Logical_Switch').get(of) || nb.table('Logical_Router').get(of)) return;
    const row = sb.table('Datapath_Binding').find((each) => each.external_ids['pileus-of'] === of);
    if (!row) return;
    const tx = sb.transaction();
    for (const binding of sb.table('Port_Binding').where('datapath', row._uuid))
      tx.delete('Port_Binding', binding._uuid);
    await tx.delete('Datapath_Binding', row._uuid).commit();
  }

  async #port(name: string): Promise<void> {
    const { sb, nb } = this.#context;
    const wanted = this.#wanted(name);
    const existing = sb.table('Port_Binding').where('logical_port', name)[0];
    if (!wanted) {
      if (existing && !name.startsWith('cr-'))
        await sb.transaction().delete('Port_Binding', existing._uuid).commit();
      return;
    }
    const row = {
      type: wanted.type,
      options: wanted.options,
      parent_port: wanted.parent_port,
      tag: wanted.tag,
      mac: wanted.mac,
      external_ids: wanted.external_ids,
    };
    const datapath = await this.#datapath(wanted.datapathOf);
    if (!existing) {
      const tx = sb.transaction();
      const tunnel_key = this.#portKey(datapath);
      tx.insert('Port_Binding', { ...row, logical_port: name, datapath, tunnel_key });
      await tx.commit();
    } else if (isBoundOtherwise(existing, wanted)) {
      await sb.transaction().update('Port_Binding', existing._uuid, row).commit();
    }
    const port = nb.table('Logical_Switch_Port').where('name', name)[0];
    if (port) await this.#bringUp(port, sb.table('Port_Binding').where('logical_port', name)[0]);
  }

  #portKey(datapath: string): number {
    const used = this.#context.sb.table('Port_Binding').where('datapath', datapath);
    return Math.max(0, ...used.map((row) => row.tunnel_key)) + 1;
  }

  #wanted(name: string): WantedBinding | undefined {
    const { nb } = this.#context;
    const port = nb.table('Logical_Switch_Port').where('name', name)[0];
    if (port) return this.#ofSwitchPort(port);
    const routerPort = nb.table('Logical_Router_Port').where('name', name)[0];
    return routerPort ? this.#ofRouterPort(routerPort) : undefined;
  }

  #ofSwitchPort(port: SwitchPort): WantedBinding | undefined {
    const holder = this.#context.nb.table('Logical_Switch').where('ports', port._uuid)[0];
    if (!holder) return undefined;
    return {
      type: port.type === 'router' ? 'patch' : port.type,
      datapathOf: holder._uuid,
      options: plain(port.options),
      parent_port: port.parent_name,
      tag: port.tag,
      mac: port.addresses,
      external_ids: port.external_ids,
    };
  }

  #ofRouterPort(port: RouterPort): WantedBinding | undefined {
    const holder = this.#context.nb.table('Logical_Router').where('ports', port._uuid)[0];
    if (!holder) return undefined;
    const mac = [[port.mac, ...port.networks].join(' ')];
    return {
      type: 'patch',
      datapathOf: holder._uuid,
      options: {},
      parent_port: null,
      tag: null,
      mac,
      external_ids: port.external_ids,
    };
  }

  async #bringUp(port: SwitchPort, binding: Binding | undefined): Promise<void> {
    const { nb } = this.#context;
    const up = port.type === 'router' || binding?.up === true;
    if (port.up === up) return;
    if (up && this.#isMissed(port.name)) return;
    this.#lost.delete(port.name);
    await nb.transaction().update('Logical_Switch_Port', port._uuid, { up }).commit();
  }

  #isMissed(name: string): boolean {
    const { clock, behaviours } = this.#context;
    const lost = this.#lost.get(name);
    if (lost) return !lost.due;
    if (behaviours.losesPortUp?.(name) !== true) return false;
    const missed = { due: false };
    this.#lost.set(name, missed);
    const lookAgain = (): void => {
      missed.due = true;
      this.#queue.add([name]);
    };
    clock.sleep(behaviours.recomputeMs ?? 1000, this.#stopping.signal).then(lookAgain, () => undefined);
    return true;
  }

  async #passOnConfiguration(): Promise<void> {
    const { nb, sb, clock } = this.#context;
    const global = nb.table('NB_Global').list()[0];
    const sbGlobal = sb.table('SB_Global').list()[0];
    if (!global || !sbGlobal) return;
    if (sbGlobal.nb_cfg !== global.nb_cfg)
      await sb.transaction().update('SB_Global', sbGlobal._uuid, { nb_cfg: global.nb_cfg }).commit();
    const chassis = sb.table('Chassis_Private').list();
    const hv_cfg = Math.min(global.nb_cfg, ...chassis.map((row) => row.nb_cfg));
    if (global.sb_cfg === global.nb_cfg && global.hv_cfg === hv_cfg) return;
    const now = clock.now();
    await nb
      .transaction()
      .update('NB_Global', global._uuid, {
        sb_cfg: global.nb_cfg,
        hv_cfg,
        ...(global.sb_cfg === global.nb_cfg ? {} : { nb_cfg_timestamp: now, sb_cfg_timestamp: now }),
        ...(global.hv_cfg === hv_cfg ? {} : { hv_cfg_timestamp: now }),
      })
      .commit();
  }
}

function isBoundOtherwise(existing: Binding, wanted: WantedBinding): boolean {
  return (
    JSON.stringify(existing.options) !== JSON.stringify(wanted.options) ||
    existing.parent_port !== wanted.parent_port ||
    existing.tag !== wanted.tag
  );
}

function plain(map: Readonly<Partial<Record<string, string>>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(map).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
}

function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);
}
