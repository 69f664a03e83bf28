/** The topology that generated cases run on, and its dumps as a snapshot reads them. */
import { type Switch } from '../../../../src/dataplane/ovs/types/switch.ts';
import { openSnapshot } from '../../../../src/snapshot/read/open.ts';
import { folderOf } from '../../../snapshot/shared.ts';
import { type LiveCase } from './case.ts';
import { type LiveSwitch, type Ran } from './daemon.ts';

interface PortPlan {
  readonly name: string;
  readonly ofport: number;
  readonly type?: string;
  /** Columns of the Port row. */
  readonly port?: readonly string[];
  readonly options?: readonly string[];
}

const DUMMIES = (names: readonly (readonly [string, number, ...string[]])[]): PortPlan[] =>
  names.map(([name, ofport, ...port]) => ({ name, ofport, port }));

/** Every way a port can be: access, trunk, QinQ, no flooding, down, protected, tunnels. */
const PLAN: Readonly<Record<string, readonly PortPlan[]>> = {
  br0: [
    ...DUMMIES([
      ['p1', 1],
      ['p2', 2],
      ['p3', 3, 'tag=1'],
      ['p4', 4, 'trunks=1,100'],
      ['p5', 5, 'vlan_mode=dot1q-tunnel', 'tag=100'],
      ['p6', 6],
      ['p7', 7],
      ['p8', 8],
      ['p9', 9, 'protected=true'],
      ['p11', 11, 'protected=true'],
    ]),
    { name: 'to1', ofport: 10, type: 'patch', options: ['peer=to0'] },
    { name: 'vx1', ofport: 20, type: 'vxlan', options: ['remote_ip=flow', 'key=flow'] },
    {
      name: 'vx2',
      ofport: 21,
      type: 'vxlan',
      options: ['remote_ip=192.0.2.1', 'key=77', 'local_ip=192.0.2.100', 'ttl=9'],
    },
    {
      name: 'gre1',
      ofport: 22,
      type: 'gre',
      options: ['remote_ip=flow', 'key=flow', 'tos=inherit', 'ttl=inherit'],
    },
    { name: 'gnv1', ofport: 23, type: 'geneve', options: ['remote_ip=192.0.2.3', 'key=flow'] },
    {
      name: 'gnv2',
      ofport: 24,
      type: 'geneve',
      options: ['remote_ip=flow', 'key=flow', 'csum=true', 'df_default=false'],
    },
    { name: 'vx6', ofport: 25, type: 'vxlan', options: ['remote_ip="2001:db8::9"', 'key=flow'] },
  ],
  br1: [
    ...DUMMIES([
      ['q1', 1],
      ['q2', 2, 'tag=100'],
    ]),
    { name: 'to0', ofport: 10, type: 'patch', options: ['peer=to1'] },
  ],
};

export const BRIDGES = Object.keys(PLAN);
/** OpenFlow numbers of br0 by kind of port. */
export const PORTS = {
  plain: [1, 2, 3, 4, 5, 6, 7, 8, 9, 11],
  tunnels: [20, 21, 22, 23, 24, 25],
  patch: 10,
} as const;
const PROTOCOLS = 'OpenFlow10,OpenFlow11,OpenFlow12,OpenFlow13,OpenFlow14,OpenFlow15';
export const TLV_MAP =
  '{class=0x102,type=0,len=4}->tun_metadata0,{class=0x102,type=1,len=8}->tun_metadata1';
const METERS = [
  'meter=1,pktps,bands=type=drop,rate=100000',
  'meter=2,kbps,burst,stats,bands=type=drop,rate=100000,burst_size=1000',
];

/** How a dump is spelled. */
export interface Spelling {
  readonly version: '10' | '11' | '12' | '13' | '14' | '15';
  readonly names: boolean;
  readonly statistics: boolean;
}

export const PLAIN: Spelling = { version: '15', names: false, statistics: false };

export class World {
  private files: Record<string, string> = {};
  readonly live: LiveSwitch;

  private constructor(live: LiveSwitch) {
    this.live = live;
  }

  /** Builds bridges and ports; they stay for all cases. */
  static async build(live: LiveSwitch, frames: boolean): Promise<World> {
    const args: string[] = [];
    for (const [bridge, ports] of Object.entries(PLAN)) {
      args.push('--', 'add-br', bridge, '--', 'set', 'bridge', bridge, 'datapath-type=dummy');
      args.push('fail-mode=secure', `protocols=${PROTOCOLS}`);
      for (const { name, ofport, type = 'dummy', port = [], options = [] } of ports) {
        // With frames the switch has no kernel underneath that could encapsulate.
        if (frames && !['dummy', 'patch'].includes(type)) continue;
        args.push('--', 'add-port', bridge, name, ...port, '--', 'set', 'Interface', name);
        args.push(`type=${type}`, `ofport_request=${ofport}`);
        args.push(...options.map((option) => `options:${option}`));
        if (frames && type === 'dummy')
          args.push(`options:tx_pcap="${live.directory}/${name}.pcap"`);
      }
    }
    await live.vsctl(...args.slice(1));
    const world = new World(live);
    await world.adjust(frames);
    await world.readShape();
    return world;
  }

  private async adjust(frames: boolean): Promise<void> {
    const { live } = this;
    const at = this.at('br0');
    await live.ofctl(['mod-port', at, 'p6', 'no-flood']);
    await live.ofctl(['mod-port', at, 'p8', 'no-forward']);
    await live.appctl('netdev-dummy/set-admin-state', 'p7', 'down');
    for (const meter of METERS) await live.ofctl(['-O', 'OpenFlow13', 'add-meter', at, meter]);
    if (frames) return;
    await live.ofctl(['add-tlv-map', at, TLV_MAP]);
    await live.appctl('dpif/set-dp-features', 'br0', 'tnl_push_pop', 'false');
  }

  at(bridge: string): string {
    return `unix:${this.live.directory}/${bridge}.mgmt`;
  }

  private async readShape(): Promise<void> {
    const { live } = this;
    const read = async (path: string, text: Promise<string>) => {
      this.files[`hosts/live/ovs/${path}`] = await text;
    };
    const socket = `unix:${live.directory}/db.sock`;
    await read(
      'ovsdb-dump.json',
      printed(live.run('ovsdb-client', ['dump', '-f', 'json', socket])),
    );
    await read('dpif-show.txt', live.appctl('dpif/show'));
    for (const bridge of BRIDGES) {
      const at = this.at(bridge);
      await read(`${bridge}.of-show.txt`, printed(live.ofctl(['show', at])));
      await read(
        `${bridge}.meters.txt`,
        printed(live.ofctl(['-O', 'OpenFlow13', 'dump-meters', at])),
      );
      await read(`${bridge}.tlv-map.txt`, printed(live.ofctl(['dump-tlv-map', at])));
    }
  }

  /**
   * Replaces all flows and groups in one bundle.
   * @returns what the switch said against it; empty when it took everything.
   */
  async load(bridge: string, flows: readonly string[], groups: readonly string[]): Promise<string> {
    const lines = [
      'flow delete',
      'group delete',
      ...groups.map((group) => `group add ${group}`),
      ...flows.map((flow) => `flow add ${flow}`),
    ];
    const args = ['-O', 'OpenFlow15', '--no-names', 'bundle', this.at(bridge), '-'];
    const { status, output, errors } = await this.live.ofctl(args, `${lines.join('\n')}\n`);
    return status === 0 ? '' : `${output}${errors}`.trim() || 'refused';
  }

  /** Loads flows as a controller of one OpenFlow version does. */
  async loadAs(
    version: Spelling['version'],
    bridge: string,
    flows: readonly string[],
  ): Promise<string> {
    await this.live.ofctl(['del-flows', this.at(bridge)]);
    const args = ['-O', `OpenFlow${version}`, '--no-names', 'add-flows', this.at(bridge), '-'];
    const { status, output, errors } = await this.live.ofctl(args, `${flows.join('\n')}\n`);
    return status === 0 ? '' : `${output}${errors}`.trim() || 'refused';
  }

  async dumpFlows(bridge: string, { version, names, statistics }: Spelling): Promise<string> {
    const args = ['-O', `OpenFlow${version}`, names ? '--names' : '--no-names'];
    if (!statistics) args.push('--no-stats');
    return printed(this.live.ofctl([...args, 'dump-flows', this.at(bridge)]));
  }

  async canDump(bridge: string, version: Spelling['version']): Promise<boolean> {
    const args = ['-O', `OpenFlow${version}`, '--no-names', 'dump-flows', this.at(bridge)];
    return (await this.live.ofctl(args)).status === 0;
  }

  dumpGroups(bridge: string, version: Spelling['version']): Promise<string> {
    const args = ['-O', `OpenFlow${version}`, '--no-names', 'dump-groups', this.at(bridge)];
    return printed(this.live.ofctl(args));
  }

  /**
   * Loads the flows and groups of a case; addresses learned before are forgotten.
   * @returns what was said against it; empty when it is loaded.
   */
  async loadCase({ flows, groups }: LiveCase): Promise<string> {
    for (const [bridge, texts] of Object.entries(flows)) {
      const refused = await this.load(bridge, texts, bridge === 'br0' ? groups : []);
      if (refused !== '') return `${bridge} refused: ${refused.slice(0, 300)}`;
      await this.live.appctl('fdb/flush', bridge);
    }
    return '';
  }

  /** The dumps of this moment, as a snapshot holds them. */
  async dumps(spelling: Spelling): Promise<Readonly<Record<string, string>>> {
    const now: Record<string, string> = { ...this.files };
    for (const bridge of BRIDGES) {
      now[`hosts/live/ovs/${bridge}.flows.txt`] = await this.dumpFlows(bridge, spelling);
      now[`hosts/live/ovs/${bridge}.groups.txt`] = await this.dumpGroups(bridge, '15');
    }
    return now;
  }
}

/** The switch as the product reads it from dumps, and problems met. */
export function switchOf(files: Readonly<Record<string, string>>): {
  readonly sw: Switch;
  readonly problems: readonly string[];
} {
  const network = openSnapshot(folderOf(files));
  const sw = network.hosts.get('live')?.switch;
  if (sw === null || sw === undefined) throw new Error('the dumps hold no switch');
  for (const { flows, groups, meters, ports } of sw.bridges) {
    void [flows.length, groups.length, meters.length, ports.length];
  }
  const problems = network.problems.map(
    ({ file, line, column, message, text }) => `${file}:${line}:${column}: ${message} (${text})`,
  );
  return { sw, problems };
}

async function printed(ran: Promise<Ran> | Promise<string>): Promise<string> {
  const done = await ran;
  if (typeof done === 'string') return done;
  if (done.status !== 0) throw new Error(done.errors);
  return done.output;
}
