/**
 * Ports of Neutron by what a device shows of them: a list of all would be searched for every tap,
 * and that of a large cloud is long. Before: `neutron.ts`. After: `wires.ts`.
 */
import { type NeutronPort } from '../../model/neutron.ts';

interface Index {
  /** By the beginning of the id that device names hold (model/ids.ts portIdPrefix()). */
  readonly byPrefix: ReadonlyMap<string, NeutronPort>;
  /** By the lower 40 bits of the MAC address. */
  readonly byMac: ReadonlyMap<bigint, NeutronPort>;
}

const PREFIX = 11;
/** libvirt gives a tap the guest's MAC with `fe` in front. */
const LOW = 0xffffffffffn;

const indexes = new WeakMap<readonly NeutronPort[], Index>();

/** The port behind a device: by its name, else by its MAC; the first of the list counts. */
export function portWith(
  ports: readonly NeutronPort[],
  idPrefix: string | undefined,
  mac: bigint,
): NeutronPort | null {
  let index = indexes.get(ports);
  if (index === undefined) {
    const backwards = [...ports].reverse();
    index = {
      byPrefix: new Map(backwards.map((port) => [port.id.slice(0, PREFIX), port])),
      byMac: new Map(backwards.map((port) => [port.mac & LOW, port])),
    };
    indexes.set(ports, index);
  }
  const byId = idPrefix === undefined ? undefined : index.byPrefix.get(idPrefix);
  const low = mac & LOW;
  return byId ?? (low === 0n ? undefined : index.byMac.get(low)) ?? null;
}
