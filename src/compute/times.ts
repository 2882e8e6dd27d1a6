// Times as most of compute's older resources show them: no zone, microseconds. Rows hold ISO 8601.

export function microseconds(iso: string): string {
  return `${iso.replace('Z', '').padEnd(23, '0')}000`;
}
