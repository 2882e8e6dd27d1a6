// The address of a console: the cloud's own origin, with a token that opens one server's console for a while.

/** `vnc`: a page with a viewer. `serial`: a WebSocket that carries the serial port's bytes. */
export type ConsoleKind = 'vnc' | 'serial';

/** @param origin `http://127.0.0.1:8790` */
export function consoleUrl(origin: string, kind: ConsoleKind, token: string): string {
  // noVNC's `path`: where below the host the page's WebSocket is. Clients without a page look there for it.
  if (kind === 'vnc') return `${origin}/console/vnc?path=console%2Fvnc%3Ftoken%3D${token}`;
  return `${origin.replace(/^http/, 'ws')}/console/serial?token=${token}`;
}
