/**
 * Emulated hosts for applying: each has its own network, mount, pid, hostname and IPC namespaces,
 * its own Open vSwitch with the userspace datapath and its own sshd, so that two hosts may both
 * have a `qrouter-X`. They stand on three layer 2 networks (management, underlay, external) in one
 * more namespace, and are reached over real ssh.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { type Socket } from 'node:net';
import { join } from 'node:path';

export interface VmSpec {
  readonly name: string;
  /** The host's end, as Neutron names it. */
  readonly tap: string;
  readonly mac: string;
  /** `10.0.0.11/24`. */
  readonly address: string;
  readonly gateway?: string;
  readonly mtu?: number;
}

export interface HostSpec {
  readonly name: string;
  /** The address tunnels use; it stands on `br-vtep`, which holds eth1. Null: on eth1 itself. */
  readonly vtep?: string;
  readonly underlay?: string;
  readonly vms?: readonly VmSpec[];
  /** Whether to start Open vSwitch; default yes. */
  readonly ovs?: boolean;
}

export interface EmulatedHost {
  readonly name: string;
  /** Of the host's first process, as this machine counts. */
  readonly pid: number;
  readonly address: string;
}

export interface Fixture {
  readonly folder: string;
  readonly hosts: ReadonlyMap<string, EmulatedHost>;
  /** Words of an inventory.yaml that reaches all hosts over ssh. */
  readonly inventory: string;
  /** Runs words in a host's namespaces; throws when they fail. */
  run(host: string, ...words: readonly string[]): string;
  /** Runs words inside of a guest. */
  inVm(host: string, vm: string, ...words: readonly string[]): string;
  /** Words that run something inside of a namespace of a host. */
  within(host: string, namespace: string | null, words: readonly string[]): readonly string[];
  stop(): void;
}

const TOOLS = ['unshare', 'nsenter', 'ip', 'ovs-vswitchd', 'ovsdb-server', 'iptables', 'ssh'];

/** Why emulated hosts cannot be made here; null when they can. */
export function unavailable(): string | null {
  if (process.getuid?.() !== 0) return 'not root';
  for (const tool of [...TOOLS, '/usr/sbin/sshd']) {
    const found = spawnSync('sh', ['-c', `command -v ${tool}`]);
    if (found.status !== 0) return `${tool} is missing`;
  }
  const tried = spawnSync('unshare', ['-m', '-u', '-i', '-n', '-p', '-f', '--mount-proc', 'true']);
  return tried.status === 0 ? null : 'namespaces cannot be made here';
}

const INIT = `
set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/netns /run/openvswitch /run/sshd /etc/openvswitch /var/log/openvswitch /var/lib/openvswitch /var/lib/hopwise /var/lib/neutron
for d in /etc/openvswitch /var/log/openvswitch /var/lib/openvswitch /var/lib/hopwise /var/lib/neutron /root; do mount -t tmpfs tmpfs $d; done
hostname "$1"
ip link set lo up
cat >/run/ovs.sh <<END
rm -f /run/openvswitch/*.pid
ovsdb-server /etc/openvswitch/conf.db --remote=punix:/run/openvswitch/db.sock --detach --no-chdir --pidfile --log-file=/dev/null >/dev/null 2>&1
ovs-vsctl --no-wait init
ovs-vswitchd --detach --no-chdir --pidfile --log-file=/var/log/openvswitch/vswitchd.log >/dev/null 2>&1
END
if [ "$3" = ovs ]; then
  ovsdb-tool create /etc/openvswitch/conf.db /usr/share/openvswitch/vswitch.ovsschema
  sh /run/ovs.sh
fi
mkdir /run/stubs
for p in haproxy dnsmasq; do command -v $p >/dev/null || cp "$2/stub" /run/stubs/$p; done
cat >/run/sshd.sh <<END
exec /usr/sbin/sshd -f /dev/null -o SetEnv=PATH=/run/stubs:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin -h "$2/hostkey" -o AuthorizedKeysFile="$2/key.pub" -o StrictModes=no -o UsePAM=no -o PermitRootLogin=yes -o PasswordAuthentication=no -o MaxStartups=100 -o PidFile=/run/sshd.pid
END
sh /run/sshd.sh
touch /run/ready
exec sleep 3600
`;

/**
 * Stands in for daemons of agents that this machine may lack: it goes into the background under
 * the command line it was given, and notes when it is told to read its files again.
 */
const STUB = `#!/usr/bin/perl
use POSIX;
(my $name = $0) =~ s{.*/}{};
exit 0 if fork;
POSIX::setsid();
$0 = join ' ', $name, @ARGV;
$SIG{HUP} = sub { open my $f, '>>', '/run/reloaded'; print $f "$name\\n"; close $f };
sleep 3600 while 1;
`;

/** The world outside stands on the external network. */
export const OUTSIDE = 'outside';
export const OUTSIDE_ADDRESS = '203.0.113.1';

let counter = 0;

/** Starts the hosts; the caller stops the fixture, also when a test failed. */
export async function startFixture(specs: readonly HostSpec[]): Promise<Fixture> {
  const parent = join('/tmp', 'hopwise-fixture');
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, 'f'));
  const mark = `${process.pid.toString(36)}${(counter++).toString(36)}`;
  const fabric = `hwf-${mark}`;
  const subnet = `198.18.${1 + ((process.pid * 7 + counter) % 250)}`;
  const children: ChildProcess[] = [];
  const hosts = new Map<string, EmulatedHost>();
  const words = (host: string, namespace: string | null, command: readonly string[]) => {
    if (host === OUTSIDE) return ['ip', 'netns', 'exec', fabric, ...command];
    const pid = String(hosts.get(host)?.pid ?? 0);
    const base = ['nsenter', '-t', pid, '-m', '-u', '-i', '-n', '-p', '--'];
    return namespace === null
      ? [...base, ...command]
      : [...base, 'ip', 'netns', 'exec', namespace, ...command];
  };
  const reaper = watch(folder, fabric, `hwm${mark}`);
  const stop = (): void => {
    for (const { pid } of hosts.values()) kill(pid);
    for (const child of children) if (child.pid !== undefined) kill(child.pid);
    // Servers of the world outside stand in no host.
    const outside = spawnSync('ip', ['netns', 'pids', fabric], { encoding: 'utf8' }).stdout;
    for (const pid of (outside ?? '').split('\n').filter(Boolean)) kill(Number(pid));
    spawnSync('ip', ['link', 'del', `hwm${mark}`]);
    spawnSync('ip', ['netns', 'del', fabric]);
    rmSync(folder, { recursive: true, force: true });
    reaper();
  };
  try {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'key')]);
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'hostkey')]);
    writeFileSync(join(folder, 'stub'), STUB, { mode: 0o755 });
    ip('netns', 'add', fabric);
    for (const bridge of ['mgmt', 'underlay', 'external']) {
      ip('-n', fabric, 'link', 'add', bridge, 'type', 'bridge');
      ip('-n', fabric, 'link', 'set', bridge, 'up');
    }
    ip('link', 'add', `hwm${mark}`, 'type', 'veth', 'peer', 'name', 'out', 'netns', fabric);
    ip('-n', fabric, 'link', 'set', 'out', 'master', 'mgmt', 'up');
    ip('addr', 'add', `${subnet}.1/24`, 'dev', `hwm${mark}`);
    ip('link', 'set', `hwm${mark}`, 'up');
    ip('-n', fabric, 'addr', 'add', `${OUTSIDE_ADDRESS}/24`, 'dev', 'external');
    ip('-n', fabric, 'link', 'set', 'lo', 'up');
    ip('netns', 'exec', fabric, 'perl', '-e', NO_OFFLOAD, 'external');
    for (const spec of specs) {
      const child = spawn(
        'unshare',
        // The host's processes end with its first one.
        [
          '-m',
          '-u',
          '-i',
          '-n',
          '-p',
          '-f',
          '--mount-proc',
          '--propagation',
          'private',
          '--kill-child',
          'sh',
          '-c',
          INIT,
          'init',
          spec.name,
          folder,
          spec.ovs === false ? '' : 'ovs',
        ],
        { stdio: ['ignore', 'ignore', 'inherit'] },
      );
      children.push(child);
      appendFileSync(join(folder, 'pids'), `${child.pid}\n`);
    }
    for (const [i, spec] of specs.entries()) {
      const pid = await firstProcess(children[i]?.pid ?? 0);
      const address = `${subnet}.${11 + i}`;
      hosts.set(spec.name, { name: spec.name, pid, address });
      for (const [nic, bridge] of [
        ['eth0', 'mgmt'],
        ['eth1', 'underlay'],
        ['eth2', 'external'],
      ] as const) {
        const port = `${bridge.slice(0, 4)}${i}`;
        ip(
          '-n',
          fabric,
          'link',
          'add',
          port,
          'type',
          'veth',
          'peer',
          'name',
          nic,
          'netns',
          String(pid),
        );
        ip('-n', fabric, 'link', 'set', port, 'master', bridge, 'up');
        const inside = ['-t', String(pid), '-n', '--', 'ip', 'link', 'set', nic, 'up'];
        execFileSync('nsenter', inside);
      }
    }
    for (const spec of specs) {
      const { pid, address } = hosts.get(spec.name)!;
      await until(() => existsSync(`/proc/${pid}/root/run/ready`), `${spec.name} did not start`);
      const lines = [
        `addr add ${address}/24 dev eth0`,
        ...(spec.underlay === undefined ? [] : [`addr add ${spec.underlay} dev eth1`]),
      ];
      execFileSync('nsenter', ['-t', String(pid), '-n', '--', 'ip', '-batch', '-'], {
        input: `${lines.join('\n')}\n`,
      });
      const run = (script: string) => {
        const [program, ...rest] = words(spec.name, null, ['sh', '-es']);
        execFileSync(program!, rest, { input: script, stdio: ['pipe', 'ignore', 'inherit'] });
      };
      run([...vtepLines(spec), ...(spec.vms ?? []).flatMap(vmLines)].join('\n'));
    }
  } catch (error) {
    stop();
    throw error;
  }
  const key = readFileSync(join(folder, 'hostkey.pub'), 'utf8').trim();
  const known = [...hosts.values()].map(({ address }) => `${address} ${key}\n`).join('');
  writeFileSync(join(folder, 'known_hosts'), known);
  const inventory = join(folder, 'inventory.yaml');
  const listed = [...hosts.values()].map(
    ({ name, address }) =>
      `  - {name: ${name}, ssh: root@${address}, identity: ${folder}/key, known_hosts: ${folder}/known_hosts}\n`,
  );
  writeFileSync(inventory, `hosts:\n${listed.join('')}`);
  const run = (host: string, namespace: string | null, command: readonly string[]): string => {
    const [program, ...rest] = words(host, namespace, command);
    return execFileSync(program!, rest, { encoding: 'utf8', maxBuffer: 1 << 28 });
  };
  return {
    folder,
    hosts,
    inventory,
    run: (host, ...command) => run(host, null, command),
    inVm: (host, vm, ...command) => run(host, `vm-${vm}`, command),
    within: words,
    stop,
  };
}

/**
 * Tidies up when this process ends without having done so, however it ends: somebody else waits
 * for the end of a pipe that only this process holds. The answer tells it that nothing is left.
 */
function watch(folder: string, fabric: string, wire: string): () => void {
  const script = `
read -r _ && exit 0
for p in $(cat "$1/pids" 2>/dev/null); do grep -qa unshare /proc/$p/cmdline 2>/dev/null && kill -9 $p; done
for p in $(ip netns pids "$2" 2>/dev/null); do kill -9 $p; done
ip link del "$3" 2>/dev/null; ip netns del "$2" 2>/dev/null; rm -rf "$1"`;
  const child = spawn('sh', ['-c', script, 'reaper', folder, fabric, wire], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  child.unref();
  (child.stdin as Socket).unref();
  child.stdin.on('error', () => undefined);
  return () => child.stdin.end('done\n');
}

/** The bridge that holds the tunnels' address, as the userspace datapath needs it. */
function vtepLines({ vtep }: HostSpec): readonly string[] {
  if (vtep === undefined) return [];
  return [
    'ovs-vsctl add-br br-vtep -- set bridge br-vtep datapath_type=netdev -- add-port br-vtep eth1',
    `ip addr add ${vtep} dev br-vtep`,
    'ip link set br-vtep up',
  ];
}

function vmLines(vm: VmSpec): readonly string[] {
  const inside = `ip -n vm-${vm.name}`;
  return [
    `ip netns add vm-${vm.name}`,
    `${inside} link set lo up`,
    `ip link add ${vm.tap} mtu ${vm.mtu ?? 1450} type veth peer name eth0 mtu ${vm.mtu ?? 1450} address ${vm.mac} netns vm-${vm.name}`,
    `ip link set ${vm.tap} up`,
    `${inside} link set eth0 up`,
    `${inside} addr add ${vm.address} dev eth0`,
    ...(vm.gateway === undefined ? [] : [`${inside} route add default via ${vm.gateway}`]),
    // The userspace datapath forwards checksums as they come.
    `ip netns exec vm-${vm.name} perl -e '${NO_OFFLOAD}' eth0`,
  ];
}

/** Turns checksum offload off: ioctl SIOCETHTOOL with ETHTOOL_STXCSUM 0 (linux/ethtool.h). */
export const NO_OFFLOAD =
  'socket(S,2,2,0); $v=pack("LL",0x17,0); $r=pack("a16Px16",$ARGV[0],$v); ioctl(S,0x8946,$r) or die "ethtool: $!"';

function ip(...words: readonly string[]): void {
  execFileSync('ip', words, { stdio: ['ignore', 'ignore', 'inherit'] });
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It is gone already.
  }
}

/** The first process inside of the namespaces: the only child of `unshare`. */
async function firstProcess(parent: number): Promise<number> {
  let found = 0;
  await until(() => {
    const text = readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8');
    found = Number(text.trim().split(' ')[0] ?? 0);
    return found > 0 && existsSync(`/proc/${found}/root/proc/1`);
  }, 'no host process');
  return found;
}

/** Waits until something holds, at most half a minute. */
export async function until(
  holds: () => boolean,
  message: string,
  most_ms = 30_000,
): Promise<void> {
  const start = Date.now();
  while (!holds()) {
    const waited = Date.now() - start;
    if (waited > most_ms) throw new Error(message);
    // What takes long is asked less often.
    await new Promise((resolve) => setTimeout(resolve, Math.min(300, 10 + waited / 10)));
  }
}
