/** The options that say which packet is asked about, over which network: of trace and of why. */
import { type Command, InvalidArgumentError } from 'commander';
import { type Asked, type Understood } from '../trace/ask.ts';
import { UsageError } from './exit-codes.ts';

export interface QuestionFlags {
  readonly icmp?: boolean;
  readonly tcp?: number;
  readonly udp?: number;
  readonly flow?: string;
  readonly ipv6?: boolean;
  readonly size?: number;
  readonly df?: boolean;
  readonly snapshot?: string;
  readonly cloud?: string;
  readonly ovs?: readonly string[];
  readonly ns?: readonly string[];
  readonly api?: readonly string[];
  readonly conf?: readonly string[];
}

/** What FROM and TO may be, for the help of commands that take them. */
export const ENDS = `
FROM and TO are one of
  a1                     the name of a server, a port or a host
  3f2a19c0               a port's or server's id, of a port also its first eight characters
  tap3f2a19c0-7e         a device of a port
  10.0.0.5               an address; as FROM it has to belong to one port only
  a1@net-a, 10.0.0.5@net-a   the same on one network
  compute1:eth1          an interface of a host, in any of its namespaces
  router:edge            a router, by name or id
  external:198.51.100.1  somebody outside of the cloud
TO may also be
  dhcp, dhcp6, slaac     FROM asks for an address
  metadata               FROM asks the metadata service
  arp:10.0.0.1           FROM asks who has the address`;

/** Adds FROM, TO and the options. */
export function addQuestionOptions(command: Command): Command {
  return command
    .argument('<from>', 'who sends')
    .argument('<to>', 'who shall receive')
    .option(
      '-s, --snapshot <dir>',
      'dump folder, sos report or archive (default: the bundled demonstration)',
    )
    .option('--cloud <file>', 'a cloud.yaml: the packet walks what its agents would configure')
    .option('--ovs <host:bridge=file...>', 'single dumps of Open vSwitch instead of a snapshot')
    .option('--ns <host:namespace=file...>', 'single outputs of ip, iptables-save… in a namespace')
    .option('--api <file...>', 'answers of the Neutron API, beside single dumps')
    .option('--conf <host=file...>', 'configuration of an agent, beside single dumps')
    .option('--icmp', 'an ICMP echo request (default)')
    .option('--tcp <port>', 'a TCP connection to this port', portNumber)
    .option('--udp <port>', 'a UDP datagram to this port', portNumber)
    .option('--flow <fields>', 'set header fields, in the flow syntax of ovs-appctl ofproto/trace')
    .option('-6, --ipv6', 'use the IPv6 addresses of FROM and TO')
    .option('--size <bytes>', 'payload bytes', byteCount)
    .option('--df', "don't fragment");
}

/** The understood; what is wrong ends the command. */
export function must<T>(understood: Understood<T>): T {
  if (understood.kind === 'understood') return understood.value;
  throw new UsageError(understood.message, ...understood.details);
}

const PROTOCOLS = ['icmp', 'tcp', 'udp'] as const;

/** The flags as the words of a question. */
export function askedWith(from: string, to: string, flags: QuestionFlags): Asked {
  const named = PROTOCOLS.filter((name) => flags[name] !== undefined && flags[name] !== false);
  const [protocol] = named;
  if (named.length > 1) {
    throw new UsageError(`give one of ${named.map((name) => `--${name}`).join(', ')}`);
  }
  const port = flags.tcp ?? flags.udp;
  return {
    from,
    to,
    ...(protocol === undefined ? {} : { protocol }),
    ...(port === undefined ? {} : { port }),
    ...(flags.size === undefined ? {} : { size: flags.size }),
    ...(flags.df === undefined ? {} : { dontFragment: flags.df }),
    ...(flags.flow === undefined ? {} : { flow: flags.flow }),
    ...(flags.ipv6 === true ? { version: 6 as const } : {}),
  };
}

function portNumber(text: string): number {
  return numberBelow(text, 65536, 'a port is a number from 0 to 65535');
}

function byteCount(text: string): number {
  return numberBelow(text, 65508, 'a size is a number of bytes from 0 to 65507');
}

function numberBelow(text: string, limit: number, sentence: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value >= limit) throw new InvalidArgumentError(sentence);
  return value;
}
