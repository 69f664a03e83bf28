/**
 * The programs of every namespace in a walk: those whose configuration the snapshot has, and for
 * all other sockets somebody who answers.
 */
import { type Run } from '../../dataplane/outcome.ts';
import {
  type Answer,
  type Applications,
  type CompiledNamespace,
} from '../../dataplane/routing/stack.ts';
import { type IpAddress, type Namespace, type Socket } from '../../dataplane/routing/types.ts';
import { DHCP_PORT } from '../../packet/dhcp.ts';
import { DHCP6_PORT } from '../../packet/dhcp6.ts';
import { type Packet } from '../../traffic/packet.ts';
import { type CompiledNetwork } from '../compiled-network.ts';
import { exchangePrograms } from '../exchange.ts';
import { advertiser } from './advertiser.ts';
import { balancer } from './balancer.ts';
import { type Choices } from './choices.ts';
import { daemonsIn } from './daemons.ts';
import { dhcpServer } from './dhcp-server.ts';
import { valueOf } from './packets.ts';
import { type Program, refusing } from './program.ts';

/** What programs may know of the walk they are in. */
export interface ProgramContext {
  readonly compiled: CompiledNetwork;
  /** Payload bytes of what a client sends. */
  readonly size: number;
  readonly assume: Run<Packet>['assume'];
  readonly choices: Choices;
  /** Whether a port answers to a connection from a namespace. */
  answers(host: string, namespace: string, address: IpAddress, port: number): boolean;
}

/** Programs by namespace, for one walk. */
export function programsOf(
  context: ProgramContext,
): (config: CompiledNamespace) => Applications<Packet> {
  const exchange = exchangePrograms(context.size, context.assume);
  return (config) => {
    const usual = exchange(config);
    const programs = programsIn(context, config.of);
    return {
      ...usual,
      answer(run, socket, p, device) {
        for (const program of programs) {
          const answer = program.receive(run, socket, p, device);
          if (answer !== null) return answer;
        }
        return isDhcp(p) ? unknownServer(config.of, socket) : usual.answer(run, socket, p, device);
      },
    };
  };
}

function programsIn(context: ProgramContext, of: Namespace): readonly Program[] {
  const { compiled, choices, size, assume } = context;
  const programs: Program[] = [];
  for (const daemon of daemonsIn(compiled, of.host, of.name)) {
    if (daemon.kind === 'dnsmasq') programs.push(dhcpServer(daemon.config, of));
    else if (daemon.kind === 'radvd') programs.push(advertiser(daemon.config, of));
    else if (daemon.kind === 'haproxy') {
      const answers = (address: IpAddress, port: number): boolean =>
        context.answers(of.host, of.name, address, port);
      programs.push(balancer(daemon.config, of, { choices, size, assume, answers }));
    }
  }
  return programs;
}

function isDhcp(p: Packet): boolean {
  const port = Number(valueOf(p, 'tp_dst'));
  if (valueOf(p, 'ip_proto') !== 17n) return false;
  return port === DHCP_PORT.server || port === DHCP6_PORT.server;
}

/** Nobody answers DHCP by chance: without its files what a server says is not known. */
function unknownServer({ name }: Namespace, socket: Socket | null): Answer<Packet> {
  if (socket === null) {
    const evidence = 'no DHCP server is known here';
    return refusing({ reason: 'NOT_FOR_ME', where: `${name} udp`, evidence, origin: null });
  }
  return refusing({
    reason: 'SNAPSHOT_INCOMPLETE',
    where: `${name} ${socket.process}`,
    evidence: 'the configuration of this DHCP server is not in the snapshot',
    origin: null,
  });
}
