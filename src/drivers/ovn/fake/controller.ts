// ovn-controller of one simulated host: its chassis, and the claims of ports whose interfaces are plugged there.
import type { Row } from '#platform/ovsdb/model.ts';
import type { ChassisOptions } from '../fake.ts';
import type { southbound } from '../schema.ts';
import { DirtyQueue, type FakeContext } from './context.ts';

const GLOBAL = ' global';

type Binding = Row<(typeof southbound)['Port_Binding']>;

/** Of several requested chassis the first is the port's own; without a wish it is whichever comes. */
function isFirst(binding: Binding, host: string): boolean {
  const [first = ''] = (binding.options['requested-chassis'] ?? '').split(',');
  return first === '' || first === host;
}

/** No two tunnels end at one address; chassis that were removed leave theirs. */
function freeAddress(taken: ReadonlySet<string>): string {
  for (let index = taken.size + 1; ; index++) {
    const ip = `192.0.2.${index % 250}:${Math.floor(index / 250)}`;
    if (!taken.has(ip)) return ip;
  }
}

export class FakeController {
  readonly #context: FakeContext;
  readonly #host: string;
  readonly #options: ChassisOptions;
  readonly #queue: DirtyQueue;
  readonly #plugged = new Set<string>();

  constructor(context: FakeContext, host: string, options: ChassisOptions) {
    this.#context = context;
    this.#host = host;
    this.#options = options;
    this.#queue = new DirtyQueue(context.clock, (names, signal) => this.#work(names, signal));
    context.sb.onChange((change) => {
      if (change.table === 'SB_Global') this.#queue.add([GLOBAL]);
      if (change.table !== 'Port_Binding') return;
      const { logical_port: name } = change.new ?? change.old;
      if (this.#isPlugged(change.new ?? change.old) || (change.old && this.#holds(change.old)))
        this.#queue.add([name]);
    });
  }

  /** Adds the chassis where it is absent. */
  async register(): Promise<void> {
    const { sb } = this.#context;
    if (this.#chassis() !== undefined) return;
    const settings = {
      'ovn-bridge-mappings': this.#options.bridgeMappings ?? 'physnet1:br-ex',
      'ovn-cms-options': this.#options.cmsOptions ?? '',
      'datapath-type': 'netdev',
    };
    const tx = sb.transaction();
    const ip = freeAddress(
      new Set(
        sb
          .table('Encap')
          .list()
          .map((row) => row.ip),
      ),
    );
    const encap = tx.insert('Encap', { type: 'geneve', ip, chassis_name: this.#host });
    const chassis = tx.insert('Chassis', {
      name: this.#host,
      hostname: this.#host,
      encaps: [encap],
      other_config: settings,
    });
    tx.insert('Chassis_Private', { name: this.#host, chassis });
    await tx.commit();
  }

  start(): void {
    this.#queue.start();
    const bound = this.#context.sb.table('Port_Binding').list((row) => this.#holds(row));
    this.#queue.add([GLOBAL, ...this.#withSubports(this.#plugged), ...bound.map((row) => row.logical_port)]);
  }

  stop(): void {
    this.#queue.stop();
  }

  plug(portId: string): void {
    this.#plugged.add(portId);
    this.#queue.add(this.#withSubports([portId]));
  }

  unplug(portId: string): void {
    this.#plugged.delete(portId);
    this.#queue.add(this.#withSubports([portId]));
  }

  /** A port that another carries as a VLAN has that one's interface. */
  #isPlugged({ logical_port, parent_port }: Pick<Binding, 'logical_port' | 'parent_port'>): boolean {
    return this.#plugged.has(parent_port ?? logical_port);
  }

  #withSubports(names: Iterable<string>): string[] {
    const bindings = this.#context.sb.table('Port_Binding');
    return [...names].flatMap((name) => [
      name,
      ...bindings.where('parent_port', name).map((row) => row.logical_port),
    ]);
  }

  #chassis(): string | undefined {
    return this.#context.sb.table('Chassis').where('name', this.#host)[0]?._uuid;
  }

  async #work(names: readonly string[], signal: AbortSignal): Promise<void> {
    for (const name of names) {
      if (name !== GLOBAL) continue;
      await this.register();
      await this.#answer();
    }
    const ports = names.filter((name) => name !== GLOBAL);
    if (ports.length > 0) await this.#bind(ports, signal);
  }

  async #answer(): Promise<void> {
    const { sb, clock } = this.#context;
    const nb_cfg = sb.table('SB_Global').list()[0]?.nb_cfg ?? 0;
    const own = sb.table('Chassis_Private').where('name', this.#host)[0];
    if (own && own.nb_cfg !== nb_cfg)
      await sb
        .transaction()
        .update('Chassis_Private', own._uuid, { nb_cfg, nb_cfg_timestamp: clock.now() })
        .commit();
  }

  /** Claims and releases; claimed ports come up together, as flows are installed together. */
  async #bind(names: readonly string[], signal: AbortSignal): Promise<void> {
    const { sb, clock, behaviours } = this.#context;
    const chassis = this.#chassis();
    if (chassis === undefined) return;
    const claims = names.filter((name) => this.#claims(name));
    if (claims.length > 0 && behaviours.claimMs) await clock.sleep(behaviours.claimMs, signal);
    const tx = sb.transaction();
    for (const name of names) {
      const binding = sb.table('Port_Binding').where('logical_port', name)[0];
      if (!binding) continue;
      const changes = this.#changes(binding, chassis);
      if (Object.keys(changes).length > 0) tx.update('Port_Binding', binding._uuid, changes);
    }
    if (tx.operations.length > 0) await tx.commit();
    if (claims.length > 0 && behaviours.upMs) await clock.sleep(behaviours.upMs, signal);
    const up = sb.transaction();
    for (const name of claims) {
      const binding = sb.table('Port_Binding').where('logical_port', name)[0];
      if (binding?.chassis === chassis && binding.up !== true && this.#claims(name))
        up.update('Port_Binding', binding._uuid, { up: true });
    }
    if (up.operations.length > 0) await up.commit();
  }

  /**
   * What this chassis changes of a binding: it is the port's own, one of the additional ones while the port moves, or none
   * of them. A port that comes from an additional chassis to its own has its flows already, and stays up.
   */
  #changes(
    binding: Binding,
    chassis: string,
  ): Partial<Pick<Binding, 'chassis' | 'additional_chassis' | 'up'>> {
    const claims = this.#claims(binding.logical_port);
    const main = claims && isFirst(binding, this.#host);
    const additional = binding.additional_chassis.includes(chassis);
    const others = binding.additional_chassis.filter((each) => each !== chassis);
    return {
      ...(main && binding.chassis !== chassis
        ? { chassis, ...(additional && binding.up === true ? {} : { up: false }) }
        : {}),
      ...(!main && binding.chassis === chassis ? { chassis: null, up: false } : {}),
      ...(claims && !main && !additional ? { additional_chassis: [...others, chassis] } : {}),
      ...((!claims || main) && additional ? { additional_chassis: others } : {}),
    };
  }

  #holds(binding: Pick<Binding, 'chassis' | 'additional_chassis'>): boolean {
    const chassis = this.#chassis();
    return (
      chassis !== undefined && (binding.chassis === chassis || binding.additional_chassis.includes(chassis))
    );
  }

  #claims(name: string): boolean {
    const { sb, behaviours } = this.#context;
    const binding = sb.table('Port_Binding').where('logical_port', name)[0];
    if (!binding || !this.#isPlugged(binding) || binding.type !== '') return false;
    const requested = binding.options['requested-chassis'] ?? '';
    if (requested !== '' && !requested.split(',').includes(this.#host)) return false;
    return behaviours.neverClaims?.(this.#host, name) !== true;
  }
}
