/**
 * Health checks of haproxy on the clock: each server with `check` is connected to every `inter`;
 * `fall` failures in a row take it out, `rise` successes bring it back (configuration manual §5.2).
 */
import { type HaproxyServer } from '../../dataplane/endpoint/haproxy/types.ts';
import { type IpAddress } from '../../dataplane/routing/types.ts';
import { writeIp } from '../../text/address-text.ts';
import { connectionQuestion } from '../../trace/connection-question.ts';
import { daemonsOf } from '../../trace/programs/daemons.ts';
import { type Question } from '../../trace/types.ts';
import { type Clock } from '../clock/clock.ts';
import { traceNow } from '../probes.ts';
import { type Stage } from './stage.ts';

interface Checked {
  readonly key: string;
  readonly host: string;
  readonly namespace: string;
  readonly name: string;
  readonly server: HaproxyServer;
  readonly question: Question;
  up: boolean;
  /** Its process has not checked it yet. */
  first: boolean;
  /** Results in a row that speak against its present state. */
  against: number;
  /** The last result, and what the network had been through by then. */
  last: { readonly well: boolean; readonly disturbances: number } | null;
}

/** The checks of all balancers; where nothing has happened since, a result holds for the next. */
export class HealthChecks {
  private readonly byPlace = new Map<string, Checked>();
  private readonly clock: Clock;
  private readonly stage: Stage;
  private readonly tell: (host: string, text: string) => void;

  constructor(clock: Clock, stage: Stage, tell: (host: string, text: string) => void) {
    this.clock = clock;
    this.stage = stage;
    this.tell = tell;
    for (const host of stage.network.hosts.keys()) this.find(host);
    stage.portAnswers = (host, namespace, address, port) =>
      this.byPlace.get(keyOf(host, namespace, address, port))?.up ?? true;
    for (const one of this.byPlace.values()) {
      clock.after(one.server.checkInterval_us, () => this.check(one));
    }
  }

  /** A new process of the host's balancers: health begins anew, and one failure takes out. */
  reload(host: string): void {
    for (const [key, one] of this.byPlace) if (one.host === host) this.byPlace.delete(key);
    this.find(host);
    for (const one of this.byPlace.values()) {
      if (one.host !== host) continue;
      one.against = one.server.fall - 1;
      one.first = true;
      this.clock.after(one.server.checkInterval_us, () => this.check(one));
    }
  }

  private find(host: string): void {
    for (const daemon of daemonsOf(this.stage.compiled, host)) {
      if (daemon.kind !== 'haproxy' || daemon.namespace === null) continue;
      const { namespace } = daemon;
      for (const proxy of daemon.config.proxies) {
        for (const server of proxy.servers) {
          const address = server.checkAddress ?? server.address;
          const port = server.checkPort ?? server.port;
          if (!server.checked || address === null || port === null) continue;
          const key = keyOf(host, namespace, address, port);
          this.byPlace.set(key, {
            key,
            host,
            namespace,
            name: `${proxy.name}/${server.name} (${writeIp(address)}:${port})`,
            server,
            question: connectionQuestion(host, namespace, address, port),
            // A server counts as up until its checks say otherwise.
            up: true,
            first: false,
            against: 0,
            last: null,
          });
        }
      }
    }
  }

  /** Every check is a connection of its own, from another port. */
  private connects({ question }: Checked): boolean {
    const packet = { ...question.packet, sourcePort: this.stage.freePort() };
    return traceNow(this.stage, { ...question, packet })?.delivered === true;
  }

  private check(one: Checked): void {
    const { stage } = this;
    // A process with another file checks for itself.
    if (this.byPlace.get(one.key) !== one) return;
    this.clock.after(one.server.checkInterval_us, () => this.check(one));
    if (stage.cuts.deadHosts.has(one.host)) return;
    const { disturbances } = stage;
    const same = one.last !== null && one.last.disturbances === disturbances;
    const well = same ? one.last?.well === true : this.connects(one);
    one.last = { well, disturbances };
    one.against = well === one.up ? 0 : one.against + 1;
    if (well) one.first = false;
    if (one.against === 0 || one.against < (one.up ? one.server.fall : one.server.rise)) return;
    const count = well ? one.server.rise : one.first ? 1 : one.server.fall;
    one.up = well;
    one.against = 0;
    one.first = false;
    stage.disturbances++;
    const what = `${well ? 'UP' : 'DOWN'} after ${count} ${well ? 'good' : 'failed'} ${count === 1 ? 'check' : 'checks'}`;
    this.tell(one.host, `haproxy: ${one.name} is ${what}`);
  }
}

function keyOf(host: string, namespace: string, address: IpAddress, port: number): string {
  return `${host} ${namespace} ${writeIp(address)} ${port}`;
}
