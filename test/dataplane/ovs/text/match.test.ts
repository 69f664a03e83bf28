import { describe, expect, it } from 'vitest';
import {
  parseFlow,
  parseFlowMod,
  parseFlowMods,
} from '../../../../src/dataplane/ovs/text/flow-mods.ts';
import { parseGroup, parseGroups, printGroup } from '../../../../src/dataplane/ovs/text/groups.ts';
import { parseMeters, printMeter } from '../../../../src/dataplane/ovs/text/meters.ts';
import { printFlow, printMatch } from '../../../../src/dataplane/ovs/text/print-flow.ts';
import { printTests } from '../../../../src/dataplane/ovs/text/print-match.ts';
import { parseTlvMap, printTlvMap } from '../../../../src/dataplane/ovs/text/tlv-map.ts';
import { parseCtNext, parseTraceFlow } from '../../../../src/dataplane/ovs/text/trace-flow.ts';

const tests = (text: string) =>
  parseFlow(`${text},actions=drop`).value.tests.map(
    ({ field, value, mask }) => `${field.name}=0x${value.toString(16)}/0x${mask.toString(16)}`,
  );

describe('the match of a flow', () => {
  it('states the prerequisites that its words imply', () => {
    expect(tests('tcp,tp_dst=80')).toEqual([
      'eth_type=0x800/0xffff',
      'ip_proto=0x6/0xff',
      'tcp_dst=0x50/0xffff',
    ]);
    expect(tests('udp6,tp_dst=53')).toContain('udp_dst=0x35/0xffff');
    expect(tests('icmp6,icmp_type=135,nd_target=fe80::1')).toContain('icmpv6_type=0x87/0xff');
  });

  it('reads every VLAN word as bits of the tag (ovs-fields(7))', () => {
    expect(tests('dl_vlan=5')).toEqual(['vlan_tci=0x1005/0x1fff']);
    expect(tests('dl_vlan=0xffff')).toEqual(['vlan_tci=0x0/0xffff']);
    expect(tests('dl_vlan_pcp=3')).toEqual(['vlan_tci=0x7000/0xf000']);
    expect(tests('vlan_vid=0x1000/0x1000')).toEqual(['vlan_tci=0x1000/0x1000']);
    expect(tests('dl_vlan=5,dl_vlan_pcp=3')).toEqual(['vlan_tci=0x7005/0xffff']);
  });

  it('splits double registers, first half first', () => {
    expect(tests('xreg0=0x100000002')).toEqual(['reg0=0x1/0xffffffff', 'reg1=0x2/0xffffffff']);
  });

  it('drops what the protocol does not have, and says which', () => {
    expect(parseFlowMod('nw_src=10.0.0.1,tp_dst=80,actions=drop').value.ignored).toEqual([
      'nw_src',
      'tp_dst',
    ]);
    expect(tests('nw_src=10.0.0.1')).toEqual([]);
  });

  it('keeps a tunnel option without TLV map as opaque, and places it with one', () => {
    const { value } = parseFlow('tun_metadata5=0x12,actions=drop');
    expect([value.tests, value.opaque]).toEqual([[], ['tun_metadata5=0x12']]);
    const tlvMap = [
      { index: 0, optionClass: 0xffff, optionType: 0, length: 4 },
      { index: 5, optionClass: 0x102, optionType: 1, length: 8 },
    ];
    const placed = parseFlow('tun_metadata5=0x12/0xff,actions=set_field:1->tun_metadata0', '', {
      tlvMap,
    });
    expect(placed.value.tests[0]?.field.width).toBe(64);
    expect(printFlow(placed.value)).toBe(
      'table=0, tun_metadata5=0x12/0xff actions=set_field:0x1->tun_metadata0',
    );
  });

  it('reads commands with what they select', () => {
    const { value, problems } = parseFlowMod('delete table=3, cookie=0x5/-1, out_port=LOCAL, tcp');
    expect(problems).toEqual([]);
    expect(value).toMatchObject({ command: 'delete', cookieMask: 2n ** 64n - 1n, outPort: 0xfffe });
    expect(parseFlowMod('delete priority=5,tcp').problems[0]?.text).toBe('priority=5');
    const file = parseFlowMods(
      '# flows\nadd ip actions=drop\n\nmodify arp actions=bogus\n',
      'f.txt',
    );
    expect(file.value.map((mod) => mod.command)).toEqual(['add', 'modify']);
    expect(file.problems.map((problem) => problem.line)).toEqual([4]);
  });

  it('reads names of ports and tables', () => {
    const options = {
      portNumber: (name: string) => (name === 'tap1' ? 7 : undefined),
      tableNumber: (name: string) => (name === 'egress' ? 71 : undefined),
    };
    const text = 'table=egress,in_port="tap1",actions=output:tap1,resubmit(tap1,egress)';
    const { value, problems } = parseFlow(text, 'f', options);
    expect(problems).toEqual([]);
    expect(printFlow(value)).toBe('table=71, in_port=7 actions=output:7,resubmit(7,71)');
    expect(printMatch(value, { portName: () => 'tap-1' })).toBe('in_port="tap-1"');
  });
});

describe('the packet of a trace', () => {
  it('has one value in each field, with its protocols', () => {
    const { value, problems } = parseTraceFlow(
      'in_port=4,tcp,nw_src=10.0.0.1,nw_dst=10.0.0.2,tp_dst=80',
    );
    expect(problems).toEqual([]);
    expect(printTests(value)).toBe('tcp,in_port=4,nw_src=10.0.0.1,nw_dst=10.0.0.2,tp_dst=80');
  });

  it('refuses what ofproto/trace refuses', () => {
    const wrong = (text: string) => parseTraceFlow(text).problems.map((problem) => problem.text);
    expect(wrong('udp,tp_dst=80')).toEqual(['tp_dst=80']);
    expect(wrong('nw_src=1.2.3.4')).toEqual(['nw_src=1.2.3.4']);
    expect(wrong('ip,nw_src=10.0.0.0/8')).toEqual(['nw_src=10.0.0.0/8']);
    expect(wrong('tcp,udp')).toEqual(['udp']);
    expect(wrong('dl_vlan=5,dl_vlan_pcp=3,ct_state=trk|new')).toEqual([]);
  });

  it('takes the states of --ct-next that a packet can have', () => {
    expect(parseCtNext('trk,new')).toBe(0x21);
    expect(parseCtNext('trk|est|rpl')).toBe(0x2a);
    expect(parseCtNext('trk,new,est')).toHaveProperty('fault');
    expect(parseCtNext('new')).toHaveProperty('fault');
  });
});

describe('groups, meters and tunnel options', () => {
  const groups = [
    ' group_id=2,type=ff,bucket=bucket_id:0,watch_port:1,actions=output:1,bucket=bucket_id:1,watch_group:1,actions=resubmit(,3)',
    ' group_id=4,type=indirect,bucket=bucket_id:0,actions=group:3',
    ' group_id=6,type=all',
    ' group_id=1,type=select,selection_method=hash,fields(ip_src,tcp_dst=65280),bucket=bucket_id:0,weight:5,actions=output:1,bucket=bucket_id:7,weight:2,watch_port:1,actions=set_field:0x5->reg0,output:1',
    ' group_id=3,type=all,bucket=actions=drop,bucket=actions=push_vlan:0x8100,set_field:4099->vlan_vid,output:1',
    ' group_id=5,type=select,selection_method=dp_hash,selection_method_param=7,bucket=bucket_id:0,actions=output:1',
  ];

  it('prints a group dump of ovs-ofctl 3.1 as it was', () => {
    const bytes = new TextEncoder().encode(
      `OFPST_GROUP_DESC reply (OF1.5) (xid=0x2):\n${groups.join('\n')}\n`,
    );
    const { value, problems } = parseGroups(bytes, 'groups.txt');
    expect(problems).toEqual([]);
    expect(value.map((group) => ` ${printGroup(group)}`)).toEqual(groups);
  });

  it('refuses groups that add-group refuses', () => {
    const wrong = (text: string) => parseGroup(text).problems.length > 0;
    expect(wrong('group_id=1,type=all,bucket=weight:5,actions=1')).toBe(true);
    expect(wrong('group_id=1,type=indirect,bucket=1,bucket=2')).toBe(true);
    expect(wrong('group_id=1,type=ff,bucket=1')).toBe(true);
    expect(wrong('type=all,bucket=1')).toBe(true);
    expect(wrong('group_id=1,type=all,fields(ip_src),bucket=1')).toBe(true);
    expect(wrong('group_id=1,type=all,bucket=goto_table:1')).toBe(true);
    expect(wrong('group_id=1,type=all,bucket=drop,bucket=resubmit(,3),set_field:5->reg0')).toBe(
      false,
    );
  });

  it('reads a meter dump of ovs-ofctl 3.1 and prints commands', () => {
    const dump =
      'OFPST_METER_CONFIG reply (OF1.3) (xid=0x2):\nmeter=1 kbps burst bands=\ntype=drop rate=100 burst_size=20\n\nmeter=controller pktps bands=\ntype=drop rate=9\n';
    const { value, problems } = parseMeters(dump, 'meters.txt');
    expect(problems).toEqual([]);
    expect(value.map(printMeter)).toEqual([
      'meter=1,kbps,burst,band=type=drop,rate=100,burst_size=20',
      'meter=controller,pktps,band=type=drop,rate=9',
    ]);
    const two = 'meter=4,pktps,stats,band=type=drop,rate=5,type=dscp_remark,rate=7,prec_level=1';
    expect(parseMeters(two, 'm').value.map(printMeter)).toEqual([two]);
    expect(parseMeters('meter=4,kbps,band=type=drop', 'm').problems.length).toBe(1);
  });

  it('reads a TLV map dump of ovs-ofctl 3.1', () => {
    const dump =
      'NXT_TLV_TABLE_REPLY (xid=0x2):\n max option space=256 max fields=64\n allocated option space=12\n\n mapping table:\n  class  type  length  match field\n ------  ----  ------  --------------\n 0xffff     0       4  tun_metadata0\n  0x102   0x1       8  tun_metadata5\n';
    const { value, problems } = parseTlvMap(dump, 'tlv.txt');
    expect(problems).toEqual([]);
    expect(printTlvMap(value)).toBe(
      '{class=0xffff,type=0x0,len=4}->tun_metadata0,{class=0x102,type=0x1,len=8}->tun_metadata5',
    );
  });
});
