/** A program of a host whose configuration is known, and the namespace it runs in. */
import { type Dnsmasq } from '../../dataplane/endpoint/dnsmasq/types.ts';
import { type Haproxy } from '../../dataplane/endpoint/haproxy/types.ts';
import { type Radvd } from '../../dataplane/endpoint/radvd/types.ts';
import { type Keepalived } from '../../dataplane/vrrp/types.ts';
import { type Origin } from '../../text/problem.ts';

export type Daemon = Place & (DnsmasqRuns | HaproxyRuns | RadvdRuns | KeepalivedRuns);

interface Place {
  /** null when no namespace shows that it is there. */
  readonly namespace: string | null;
  /** The command line. */
  readonly origin: Origin;
}

interface DnsmasqRuns {
  readonly kind: 'dnsmasq';
  readonly config: Dnsmasq;
}

interface HaproxyRuns {
  readonly kind: 'haproxy';
  readonly config: Haproxy;
  /** The configuration file, as the command line names it. */
  readonly path: string;
}

interface RadvdRuns {
  readonly kind: 'radvd';
  readonly config: Radvd;
}

interface KeepalivedRuns {
  readonly kind: 'keepalived';
  readonly config: Keepalived;
  readonly path: string;
}
