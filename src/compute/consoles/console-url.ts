// The address of a console: the cloud's own origin, with a token that opens one server's console for a while.

/** `vnc`: a page with a viewer. `serial`: a WebSocket that carries the serial port's bytes. */
export type ConsoleKind = 'vnc' | 'serial';

/** @param origin `http://127.0.0.1:8790` */
export function consoleUrl(origin: string, kind: ConsoleKind, token: string): string {
  if (kind === 'vnc') return `${origin}/console/vnc?token=${token}`;
  return `${origin.replace(/^http/, 'ws')}/console/serial?token=${token}`;
}
