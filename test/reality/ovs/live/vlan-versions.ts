/**
 * What mod_vlan_vid and mod_vlan_pcp do to a tag depends on the OpenFlow version that installed
 * the flow: the same texts, installed by one version, dumped and read by the same.
 */
import { type TracesCase } from './run.ts';
import { type Spelling, type World } from './world.ts';

export const VERSIONS: readonly Spelling['version'][] = ['10', '11', '12', '13', '14', '15'];

const FLOWS = [
  'table=0,priority=50,in_port=1 actions=mod_vlan_vid:5,2',
  'table=0,priority=40,in_port=2 actions=mod_vlan_pcp:3,1',
  'table=0,priority=30,in_port=3,dl_vlan=7 actions=mod_vlan_vid:5,2',
  'table=0,priority=20,in_port=3 actions=mod_vlan_vid:6,mod_vlan_pcp:2,4',
  'table=0,priority=15,in_port=4,dl_vlan=0xffff actions=mod_vlan_vid:5,resubmit:9',
  'table=0,priority=15,in_port=9 actions=mod_vlan_vid:8,strip_vlan,1',
];

const PACKETS = [1, 2, 3, 4, 9].flatMap((port) =>
  ['', ',dl_vlan=7,dl_vlan_pcp=1', ',vlan_tci=0x7000'].map(
    (tag) =>
      `in_port=${port},dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02,dl_type=0x1234${tag}`,
  ),
);

/** The traces of all packets, flows installed by `version` and dumped by it. */
export async function askVlanTraces(
  world: World,
  version: Spelling['version'],
  dumped: Spelling['version'] = version,
): Promise<TracesCase | string> {
  // Later versions refuse to strip a tag that the match does not promise.
  const flows = version === '10' ? FLOWS : FLOWS.slice(0, -1);
  await world.load('br1', ['table=0,priority=0 actions=NORMAL'], []);
  const refused = await world.loadAs(version, 'br0', flows);
  if (refused !== '') return `OpenFlow ${version}: ${refused}`;
  const files = await world.dumps({ version: dumped, names: false, statistics: false });
  const packets: TracesCase['packets'][number][] = [];
  for (const flow of PACKETS) {
    const transcript = await world.live.appctl('ofproto/trace', 'br0', flow, '--names');
    packets.push({ flow, states: [], transcript });
  }
  return { id: `installed by OpenFlow ${version}, dumped by ${dumped}`, files, packets };
}
