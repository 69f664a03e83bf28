/** radvd in a walk: answers router solicitations on the interfaces it advertises on. */
import { emitAdvertisement, ND_MESSAGE } from '../../dataplane/endpoint/radvd/advertisement.ts';
import { type AdvertisingInterface, type Radvd } from '../../dataplane/endpoint/radvd/types.ts';
import { type Interface, type Namespace } from '../../dataplane/routing/types.ts';
import { type Packet } from '../../traffic/packet.ts';
import { endsOf, icmp6, linkLocalTowards, valueOf } from './packets.ts';
import { made, type Program } from './program.ts';

const ICMPV6 = 58n;
const ALL_NODES = 0xff02_0000_0000_0000_0000_0000_0000_0001n;

/** The radvd of a namespace. */
export function advertiser(config: Radvd, of: Namespace): Program {
  return {
    receive(_run, _socket, p, device) {
      const asked = Number(valueOf(p, 'icmp_type')) === ND_MESSAGE.routerSolicitation;
      if (valueOf(p, 'ip_proto') !== ICMPV6 || !asked) return null;
      const own = config.interfaces.find(({ name, sends }) => sends && name === device);
      const on = of.interfaces.find(({ name }) => name === device);
      if (own === undefined || on === undefined || !hasLinkLocal(on)) return null;
      const answer = { p: made('reply', advertise(own, on, p)), device };
      return { said: [{ ...answer, knowsNeighbour: false, opens: false }], refusal: null };
    },
  };
}

/** radvd does without an interface from which it cannot speak (setup_linklocal_addr()). */
function hasLinkLocal({ addresses }: Interface): boolean {
  return addresses.some(({ address, scope }) => address.version === 6 && scope === 'link');
}

/** To whoever asked, or to all nodes when it has no address yet (RFC 4861 §6.2.6). */
function advertise(own: AdvertisingInterface, on: Interface, p: Packet): Packet {
  const { source } = endsOf(p);
  const ends = {
    version: 6,
    source: linkLocalTowards(on, source),
    destination: source === 0n ? ALL_NODES : source,
  } as const;
  return icmp6(p, ends, ND_MESSAGE.routerAdvertisement, emitAdvertisement(own, on.mac));
}
