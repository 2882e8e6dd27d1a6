// What the conversations about servers share: the newest compute API version, and a server to begin with.
import type { Person, Step } from '../conversation.ts';

export const LAUNCH_MS = 60_000;

/** The newest that this client knows; its default negotiates for some commands and is 2.1 for others. */
export const NEWEST_COMPUTE = { OS_COMPUTE_API_VERSION: '2.92' };
export const newest: Person = { like: 'demo', env: NEWEST_COMPUTE };
export const newestAdmin: Person = { like: 'admin', env: NEWEST_COMPUTE };

/** A server in the network `private`; keeps its id under its name. */
export function launched(name: string, options = ''): readonly Step[] {
  return [
    {
      run: `server create --image pileus-demo --flavor m1.nano --network private ${options} ${name}`,
      has: { name },
      keep: { [name]: 'id' },
    },
    {
      run: `server show ${name}`,
      has: { status: 'ACTIVE', 'OS-EXT-STS:power_state': /Running|1/ },
      withinMs: LAUNCH_MS,
    },
  ];
}

/** The guest has said that it is up, as often as it was booted: only then does it listen, for a soft reboot too. */
export const guestUp = (name: string, boots = 1): Step => ({
  run: `console log show ${name}`,
  on: 'real programs',
  text: new RegExp(Array.from({ length: boots }, () => 'PILEUS-READY').join('[\\s\\S]*')),
  withinMs: 90_000,
});

export const hasStatus = (name: string, status: string, has: object = {}): Step => ({
  run: `server show ${name}`,
  has: { status, 'OS-EXT-STS:task_state': null, ...has },
  withinMs: LAUNCH_MS,
});
