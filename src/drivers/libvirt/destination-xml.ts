// The document a server migrates with: its own of this moment, so that every device keeps its address, with the paths and
// names of the destination. Used by live-migration.ts. Pure.
import { XMLParser } from 'fast-xml-parser';
import { diskElement, interfaceElement } from './domain-xml.ts';
import { HypervisorError } from './errors.ts';
import type { GuestSpec } from './port.ts';
import { element, renderXml } from './xml.ts';
import type { XmlChild, XmlElement } from './xml.ts';

const ATTRIBUTES = ':@';
const TEXT = '#text';

/** An element as the parser gives it when order is to be kept. */
type Parsed = Readonly<Record<string, readonly Parsed[] | string | Readonly<Record<string, string>>>>;

const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseTagValue: false,
  parseAttributeValue: false,
  htmlEntities: true,
});

/** @throws HypervisorError `invalid-spec`: the specification is of another server, or it has other devices. */
export function destinationXml(liveXml: string, spec: GuestSpec): string {
  const domain = (parser.parse(liveXml) as Parsed[]).map(elementOf).find(named('domain'));
  if (!domain) throw invalid(spec, 'there is no domain in the document');
  checkSame(domain, spec);
  return renderXml(
    mapChildren(domain, (child) => {
      if (child.name === 'os') return withKernel(child, spec);
      return child.name === 'devices' ? mapChildren(child, (device) => deviceThere(device, spec)) : child;
    }),
  );
}

function elementOf(node: Parsed): XmlElement | string {
  if (typeof node[TEXT] === 'string') return node[TEXT];
  const name = Object.keys(node).find((key) => key !== ATTRIBUTES) ?? '';
  const attributes = (node[ATTRIBUTES] ?? {}) as Readonly<Record<string, string>>;
  return element(name, attributes, ...(node[name] as readonly Parsed[]).map(elementOf));
}

/** libvirt would take the server's own word for these, and the caller be mistaken about what it runs. */
function checkSame(domain: XmlElement, spec: GuestSpec): void {
  const all = (name: string): XmlElement[] => childOf(domain, 'devices')?.children.filter(named(name)) ?? [];
  const here = {
    id: textOf(domain, 'uuid'),
    name: textOf(domain, 'name'),
    memoryKib: Number(textOf(domain, 'memory')),
    vcpus: Number(textOf(domain, 'vcpu')),
    disks: all('disk').map(targetOf).toSorted(),
    macs: all('interface').map(macOf).toSorted(),
  };
  const there: typeof here = {
    id: spec.id,
    name: spec.name,
    memoryKib: spec.memoryMb * 1024,
    vcpus: spec.vcpus,
    disks: spec.disks.map(({ target }) => target).toSorted(),
    macs: spec.interfaces.map(({ mac }) => mac.toLowerCase()).toSorted(),
  };
  if (JSON.stringify(here) !== JSON.stringify(there)) {
    const what = `${JSON.stringify(here)}, not ${JSON.stringify(there)}`;
    throw invalid(spec, `the server has other devices here: ${what}`);
  }
}

function withKernel(os: XmlElement, { kernel }: GuestSpec): XmlElement {
  return mapChildren(os, (child) => {
    if (child.name === 'kernel' && kernel) return element('kernel', {}, kernel.kernelPath);
    if (child.name === 'initrd' && kernel?.initrdPath !== undefined)
      return element('initrd', {}, kernel.initrdPath);
    return child;
  });
}

function deviceThere(device: XmlElement, spec: GuestSpec): XmlElement {
  switch (device.name) {
    case 'disk': {
      const disk = spec.disks.find(({ target }) => target === targetOf(device));
      return disk ? replaceChildren(device, diskElement(disk), STORAGE) : device;
    }
    case 'interface': {
      const nic = spec.interfaces.find(({ mac }) => mac.toLowerCase() === macOf(device));
      return nic ? replaceChildren(device, interfaceElement(nic), ['target']) : device;
    }
    case 'serial':
    case 'console': // the same port once more
      return mapChildren(device, (child) => {
        if (child.name === 'source') return withAttribute(child, 'path', spec.serialSocketPath);
        return child.name === 'log' ? withAttribute(child, 'file', spec.consoleLogPath) : child;
      });
    case 'graphics':
      return mapChildren(withAttribute(device, 'socket', spec.vncSocketPath), (child) =>
        withAttribute(child, 'socket', spec.vncSocketPath),
      );
    default:
      return device;
  }
}

/** What of a disk says where its content is. libvirt finds files below a file (`backingStore`) itself. */
const STORAGE = ['driver', 'source', 'auth', 'encryption', 'backingStore'];

/** The element with those of `from` in the place of its own children of these names. */
function replaceChildren(own: XmlElement, from: XmlElement, names: readonly string[]): XmlElement {
  const isOne = (child: XmlChild): boolean => typeof child === 'object' && names.includes(child.name);
  const children = [...own.children.filter((child) => !isOne(child)), ...from.children.filter(isOne)];
  return { ...own, attributes: { ...own.attributes, type: from.attributes['type'] }, children };
}

function mapChildren(parent: XmlElement, change: (child: XmlElement) => XmlElement): XmlElement {
  const children = parent.children.map((child) => (typeof child === 'object' ? change(child) : child));
  return { ...parent, children };
}

/** Only where it is set. */
function withAttribute(own: XmlElement, name: string, value: string): XmlElement {
  return own.attributes[name] === undefined
    ? own
    : { ...own, attributes: { ...own.attributes, [name]: value } };
}

function named(name: string): (child: XmlChild) => child is XmlElement {
  return (child): child is XmlElement => typeof child === 'object' && child.name === name;
}

const childOf = (parent: XmlElement, name: string): XmlElement | undefined =>
  parent.children.find(named(name));

const textOf = (parent: XmlElement, name: string): string =>
  childOf(parent, name)
    ?.children.filter((child) => typeof child === 'string')
    .join('') ?? '';

const targetOf = (disk: XmlElement): string => String(childOf(disk, 'target')?.attributes['dev']);

const macOf = (nic: XmlElement): string => String(childOf(nic, 'mac')?.attributes['address']).toLowerCase();

function invalid(spec: GuestSpec, message: string): HypervisorError {
  return new HypervisorError('invalid-spec', message, { serverId: spec.id });
}
