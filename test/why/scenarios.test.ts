/** Why the packets of scenarios are stopped, and whether the changes that are told let them pass. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Why } from '../../src/why/types.ts';
import { explainWhy } from '../../src/why/why.ts';
import { ROOT } from '../sources.ts';
import {
  type FailingQuestion,
  failingQuestions,
  scenariosWithFailures,
} from './scenario-questions.ts';

/**
 * Scenarios in which some packet is stopped by more than a change of settings could mend, with the
 * reason. Of these only the first blocker is compared.
 */
const BY_NATURE: Readonly<Record<string, string>> = {
  'bonded-nics': 'the switch port behind one cable lacks the VLAN, and switches are nobody’s agent',
  'deck3-tenants-a-b': 'a network without a router has no way out',
  'e17-local-network': 'a local network ends at its host',
  'e25-dhcp-switched-off': 'no DHCP server was asked for',
  'e30-vip-group': 'the balancer has no listener on that port',
  'e47-ha-connections-dead': 'a router serves no connections',
  'e59-answer-past-the-balancer': 'the balancer is set to use the client’s address',
  'e60-amphora-unmanageable': 'the question names a port that nobody serves',
  'e61-silent-sub-port': 'the guest uses the wrong MAC address',
  'e64-tag-without-trunk': 'the guest tags without a trunk',
  'ha-connections-lost': 'a router serves no connections',
  'lb-local-other-host-fails': 'a local network ends at its host',
  'lb-two-vlans-isolated': 'networks without a router are apart on purpose',
  'lb-vxlan-multicast': 'nobody on that network has the address',
  'legacy-no-inbound': 'nobody outside knows a tenant’s addresses',
  'model2-several-flat': 'nobody has the address',
  'multi-segment-network': 'segments without a router are apart on purpose',
  'nova-network-managers': 'nobody has the address, or no DHCP server was asked for',
  'octavia-mgmt': 'the management network is apart on purpose',
  'octavia-vip': 'the amphora has no listener on that port',
  'ovs-local-network': 'a local network ends at its host',
  'ovs-vlan-out-na-spoof': 'the guest claims a neighbour’s address',
  'ovs-vlan41-in-dropped': 'nobody has the address',
  'ovs-vxlan-unknown-vni-dropped': 'nobody has the address',
  'port-forwarding': 'no forwarding was asked for that port',
  'router-several-next-hops': 'the next hop is a guest that does not forward',
  'router-static-routes': 'the next hop is a guest that does not forward',
  'sg-dhcp-server-in-vm': 'guests serve no DHCP',
  'sg-spoof-mac': 'the guest uses the wrong MAC address',
  'subnet-pools': 'nobody has the address',
  'trunk-unknown-tag': 'the guest tags with a VLAN that is no sub-port',
  'trunk-wrong-mac': 'the guest uses the wrong MAC address',
};

function whyOf({ cloud, network, question }: FailingQuestion): Why {
  const explained = explainWhy(network, question, {
    cloud,
    allBlockers: true,
    fixes: true,
    effectPairs: 0,
  });
  if (explained.kind === 'impossible') throw new Error(explained.why);
  return explained.why;
}

/** All of them where there is time; each tenth elsewhere. */
const EVERY = existsSync(join(ROOT, '../shared')) ? 1 : 10;
const NAMES = scenariosWithFailures().filter((_name, i) => i % EVERY === 0);

describe('scenarios with packets that are stopped', () => {
  it.each(NAMES)('%s: the first blocker is its cause, and the changes let it pass', (name) => {
    for (const failing of failingQuestions(name)) {
      const why = whyOf(failing);
      const { because, asked } = failing.expected;
      const [first] = why.blockers;
      if (because !== null) expect([asked, first?.blocker.code]).toEqual([asked, because]);
      // Whatever stops it has a change that was tried, or a sentence why none mends it.
      const untold = why.blockers.filter(
        ({ fixes, noFix }) => fixes.length === 0 && !/^no setting mends it: /.test(noFix ?? ''),
      );
      expect([asked, untold.map(({ blocker }) => blocker.code)]).toEqual([asked, []]);
      if (name in BY_NATURE) continue;
      expect([asked, why.afterAll]).toEqual([asked, 'REACHABLE']);
    }
  });
});
