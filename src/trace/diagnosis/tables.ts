/**
 * What the agents use each OpenFlow table for (neutron_lib/plugins/ml2/ovs_constants.py), and so
 * what a drop there means.
 */
import { nearMisses } from '../../dataplane/ovs/pipeline/near-miss.ts';
import { field } from '../../packet/fields.ts';
import { type Reason } from '../../reasons/codes.ts';
import { writeMac } from '../../text/address-text.ts';
import { readField } from '../../traffic/words.ts';
import {
  type NeutronRef,
  networkOfKey,
  networkOfTag,
  networkRef,
  portByNumber,
  portLabel,
  portOfDevice,
  portRef,
} from '../objects.ts';
import { type Case, type Diagnosis, type Finding, flowsOf, numberIn } from './case.ts';
import { onHost, restartAgent } from './commands.ts';
import { isFallback, refusesRest } from './fallback.ts';
import { flowMiss } from './nearby.ts';

interface Meaning {
  readonly bridge: string;
  readonly tables: readonly number[];
  readonly code: Reason;
  /** What it means for the packet whose sender, network and MAC are filled in. */
  readonly says: (of: Subject) => string;
  /** Programming the bridge anew helps. */
  readonly restart: boolean;
}

interface Subject {
  readonly host: string;
  readonly who: string;
  readonly network: string;
  readonly key: number;
  readonly target: string;
}

const AGENT = 'neutron-openvswitch-agent';

const MEANINGS: readonly Meaning[] = [
  {
    bridge: 'br-int',
    tables: [72, 73, 81, 82, 93],
    code: 'SG_NO_MATCHING_RULE',
    restart: false,
    says: ({ who }) => `no rule of the firewall of ${who} lets it pass`,
  },
  {
    bridge: 'br-tun',
    tables: [0],
    code: 'TUNNEL_ENDPOINT_MISSING',
    restart: true,
    says: ({ host }) => `br-tun of ${host} does not know the tunnel port it came in by`,
  },
  {
    bridge: 'br-tun',
    tables: [3, 4, 6],
    code: 'VNI_MAP_MISSING',
    restart: true,
    says: ({ host, network, key }) => `${host} has no local VLAN for tunnel key ${key}${network}`,
  },
  {
    bridge: 'br-tun',
    tables: [9],
    code: 'DVR_MAC_MISSING',
    restart: true,
    says: ({ host }) => `br-tun of ${host} does not know the sender’s distributed router`,
  },
  {
    bridge: 'br-int',
    tables: [1, 2],
    code: 'DVR_MAC_MISSING',
    restart: true,
    says: ({ host, target }) =>
      `br-int of ${host} does not know which port ${target} of a distributed router’s packet is`,
  },
  {
    bridge: 'br-tun',
    tables: [20],
    code: 'L2POP_ENTRY_MISSING',
    restart: true,
    says: ({ host, target }) => `br-tun of ${host} does not know behind which tunnel ${target} is`,
  },
  {
    bridge: 'br-tun',
    tables: [22],
    code: 'FLOOD_BLOCKED',
    restart: true,
    says: ({ host, network }) => `br-tun of ${host} floods to nobody on this local VLAN${network}`,
  },
];

const DROPS: readonly Reason[] = ['OF_EXPLICIT_DROP', 'OF_TABLE_MISS'];
const PLACE = /^(\S+) table (\d+)$/;
/** Tables of the firewall that only refuse or accept: the one before decided. */
const VERDICTS: ReadonlySet<number> = new Set([91, 92, 93, 94]);

export const agentTables: Diagnosis = (of) => {
  const [, bridge, number] = PLACE.exec(of.drop.where) ?? [];
  if (!DROPS.includes(of.drop.reason) || bridge === undefined) return null;
  const flows = flowsOf(of).filter(({ step }) => step.bridge === bridge);
  // Table 93 counts what others refused.
  const decided = flows.findLast(({ step }) => !VERDICTS.has(step.table));
  const table = Number(number) === 93 ? (decided?.step.table ?? 93) : Number(number);
  const hit = decided?.step.flow ?? null;
  const direct = decided?.step.table === Number(number);
  // A flow that drops by itself, and is not its table's last resort, is nobody's of the agents.
  if (direct && of.drop.reason === 'OF_EXPLICIT_DROP' && !isFallback(hit) && !refusesRest(hit)) {
    return null;
  }
  if (bridge === 'br-tun' && table === 0 && fromInside(of, decided?.words ?? of.words)) {
    return unconnected(of);
  }
  const meaning = MEANINGS.find((one) => one.bridge === bridge && one.tables.includes(table));
  if (meaning === undefined) return null;
  const words = decided?.words ?? of.words;
  const { subject, neutron } = subjectOf(of, words);
  const own = of.compiled.network.hosts
    .get(of.host)
    ?.switch?.bridges.find(({ name }) => name === bridge);
  const above = decided?.step.flow?.priority ?? 0;
  return {
    code: codeOf(meaning, words),
    because: [meaning.says(subject)],
    neutron,
    nearMisses: own === undefined ? [] : nearMisses(own, table, words, above).map(flowMiss),
    confirm: [onHost(of.host, `ovs-ofctl dump-flows ${bridge} table=${table}`)],
    ...(meaning.restart
      ? {
          fix: {
            summary: `restart ${AGENT} on ${of.host}, which programs ${bridge} anew`,
            commands: [restartAgent(of.host, AGENT)],
          },
        }
      : {}),
  };
};

/** Whether br-tun had the frame from br-int, not out of a tunnel. */
function fromInside(of: Case, words: Uint32Array): boolean {
  const port = portByNumber(of.compiled.network, of.host, 'br-tun', numberIn(words, 'in_port'));
  return port?.type === 'patch';
}

function unconnected({ host }: Case): Finding {
  return {
    code: 'OF_TABLE_MISS',
    because: [`br-tun of ${host} has no flow that takes frames from br-int`],
    fix: {
      summary: `restart ${AGENT} on ${host}, which programs br-tun anew`,
      commands: [restartAgent(host, AGENT)],
    },
    confirm: [onHost(host, 'ovs-ofctl dump-flows br-tun table=0')],
  };
}

/** A known MAC that falls through to flooding lacks its entry; a broadcast lacks the flooding. */
function codeOf({ code }: Meaning, words: Uint32Array): Reason {
  if (code !== 'FLOOD_BLOCKED') return code;
  const group = (readField(words, field('eth_dst')) >> 40n) & 1n;
  return group === 0n ? 'L2POP_ENTRY_MISSING' : code;
}

function subjectOf(
  of: Case,
  words: Uint32Array,
): { readonly subject: Subject; readonly neutron: readonly NeutronRef[] } {
  const { network } = of.compiled;
  const guarded = portByNumber(network, of.host, 'br-int', numberIn(words, 'reg5'));
  const entered = portByNumber(network, of.host, 'br-int', numberIn(words, 'in_port'));
  const device = guarded ?? entered;
  const port = device === null ? null : portOfDevice(network, of.host, device.name);
  const key = numberIn(words, 'tun_id');
  const tag = numberIn(words, 'vlan_tci') & 0xfff;
  const net = key !== 0 ? networkOfKey(network, BigInt(key)) : networkOfTag(network, of.host, tag);
  const mac = readField(words, field('eth_dst'));
  const owner = network.neutron.ports.find((one) => one.mac === mac);
  return {
    subject: {
      host: of.host,
      who: port === null ? (device?.name ?? 'the port') : portLabel(network, port),
      network: net === null ? '' : ` of ${net.name}`,
      key,
      target:
        owner === undefined ? writeMac(mac) : `${writeMac(mac)} (${portLabel(network, owner)})`,
    },
    neutron: [
      ...(port === null ? [] : [portRef(network, port)]),
      ...(net === null ? [] : [networkRef(net)]),
    ],
  };
}
