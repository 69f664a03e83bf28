/**
 * Anti-spoofing of the Linux bridge agent: per tap a chain for its MACs and one for the senders of
 * its ARP, both dropping the rest (neutron/plugins/ml2/drivers/linuxbridge/agent/arp_protect.py).
 */
import { type NeutronPort } from '../../model/neutron.ts';
import { writeIp, writeMac } from '../../text/address-text.ts';

/** `ebtables-save` of the host; '' when no port is protected. */
export function arpProtection(
  ports: readonly { readonly port: NeutronPort; readonly tap: string }[],
): string {
  const guarded = ports.filter(
    ({ port }) => port.portSecurity && !port.deviceOwner.startsWith('network:'),
  );
  if (guarded.length === 0) return '';
  // Who may have every address is held to its MAC alone.
  const asked = guarded.filter(({ port }) => !hasAnyAddress(port));
  const chains = [
    ...asked.map(({ tap }) => `neutronARP-${tap}`),
    ...guarded.map(({ tap }) => `neutronMAC-${tap}`),
  ].sort();
  const lines = [
    '*nat',
    ':PREROUTING ACCEPT',
    ':OUTPUT ACCEPT',
    ':POSTROUTING ACCEPT',
    ...chains.map((chain) => `:${chain} DROP`),
    ...guarded.map(({ tap }) => `-A PREROUTING -i ${tap} -j neutronMAC-${tap}`),
    ...asked.map(({ tap }) => `-A PREROUTING -p ARP -i ${tap} -j neutronARP-${tap}`),
    ...asked.flatMap(({ port, tap }) => [
      ...sendersOf(port).map(
        (sender) => `-A neutronARP-${tap} -p ARP --arp-ip-src ${sender} -j ACCEPT`,
      ),
      `-A neutronARP-${tap} -j DROP`,
    ]),
    ...guarded.flatMap(({ port, tap }) => [
      `-A neutronMAC-${tap} -i ${tap} --among-src ${macsOf(port)} -j RETURN`,
      `-A neutronMAC-${tap} -j DROP`,
    ]),
    '',
  ];
  return lines.join('\n');
}

function hasAnyAddress({ allowedAddressPairs }: NeutronPort): boolean {
  return allowedAddressPairs.some(
    ({ prefix }) => prefix.length === 0 && prefix.address.version === 4,
  );
}

function sendersOf(port: NeutronPort): readonly string[] {
  const fixed = port.fixedIps
    .filter(({ address }) => address.version === 4)
    .map(({ address }) => writeIp(address));
  const pairs = port.allowedAddressPairs
    .filter(({ prefix }) => prefix.address.version === 4)
    .map(({ prefix: { address, length } }) =>
      length === 32 ? writeIp(address) : `${writeIp(address)}/${length}`,
    );
  return [...new Set([...fixed, ...pairs])].sort();
}

function macsOf(port: NeutronPort): string {
  const macs = [port.mac, ...port.allowedAddressPairs.map((pair) => pair.mac ?? port.mac)];
  return [...new Set(macs.map(writeMac))].sort().join(',');
}
