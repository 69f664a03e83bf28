/**
 * Plans of hosts as a dump folder, so that whatever reads real hosts reads a compiled cloud too.
 * Every file is written when somebody asks for it.
 */
import { type DevicePlan, type HostPlan, type NamespacePlan } from '../plan.ts';
import { type Indexes, namespaceFiles } from './namespace-text.ts';
import { switchFiles } from './switch-text.ts';

/** The host's own namespace, as every dump calls it. */
const ROOT = 'root';

/** Files by path: `hosts/NAME/ovs/…`, `hosts/NAME/ns/NETNS/…`, `hosts/NAME/files/…`. */
export type DumpFiles = ReadonlyMap<string, () => string>;

export function hostFiles(plan: HostPlan): DumpFiles {
  const files = new Map<string, () => string>();
  const top = `hosts/${plan.name}`;
  const indexes = indexesOf(plan);
  files.set(`${top}/hostname.txt`, () => `${plan.name}\n`);
  files.set(`${top}/netns-list.txt`, () =>
    namedNamespaces(plan)
      .map((name, id) => `${name} (id: ${id})\n`)
      .join(''),
  );
  files.set(`${top}/daemon-cmdlines.txt`, () =>
    plan.commandLines.map((line) => `${line}\n`).join(''),
  );
  if (plan.switch !== null) {
    for (const [name, text] of switchFiles(plan.switch)) files.set(`${top}/ovs/${name}`, text);
  }
  for (const namespace of plan.namespaces) {
    for (const [name, text] of namespaceFiles(withLoopback(namespace), indexes)) {
      files.set(`${top}/ns/${namespace.name}/${name}`, text);
    }
  }
  for (const [path, text] of plan.files) files.set(`${top}/files/${path}`, () => text);
  return files;
}

function namedNamespaces(plan: HostPlan): readonly string[] {
  return plan.namespaces.map(({ name }) => name).filter((name) => name !== ROOT);
}

/** Indexes are unique on the whole host, which the kernel does not promise but allows. */
function indexesOf(plan: HostPlan): Indexes {
  const indexes = new Map<string, number>();
  let next = 2;
  for (const { name, devices } of plan.namespaces) {
    indexes.set(`${name} lo`, 1);
    for (const device of devices) indexes.set(`${name} ${device.name}`, next++);
  }
  const ids = new Map(namedNamespaces(plan).map((name, id) => [name, id]));
  return {
    of: (namespace, device) => indexes.get(`${namespace} ${device}`) ?? 0,
    // Root is known to a namespace as 0, as `ip netns` gives ids per namespace.
    netns: (from, to) => (from === to ? undefined : to === ROOT ? 0 : ids.get(to)),
  };
}

function withLoopback(plan: NamespacePlan): NamespacePlan {
  if (plan.devices.some((device) => device.kind === 'loopback')) return plan;
  const own = (version: 4 | 6, value: bigint, length: number) =>
    ({ address: { version, value }, length, scope: 'host' }) as const;
  const loopback: DevicePlan = {
    name: 'lo',
    kind: 'loopback',
    mac: 0n,
    mtu: 65536,
    up: true,
    master: null,
    peer: null,
    lower: null,
    addresses: [own(4, 0x7f00_0001n, 8), own(6, 1n, 128)],
    details: {},
  };
  return { ...plan, devices: [loopback, ...plan.devices] };
}
