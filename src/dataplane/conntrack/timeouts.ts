/** How long an entry lives after a packet: the defaults of both personalities, in seconds. */
import { type Personality } from './types.ts';

/** nf_conntrack_proto_*.c `*_timeouts`; the sysctls net.netfilter.nf_conntrack_*_timeout_*. */
const KERNEL = {
  tcp_syn_sent: 120,
  tcp_syn_recv: 60,
  tcp_established: 432_000,
  tcp_fin_wait: 120,
  tcp_close_wait: 60,
  tcp_last_ack: 30,
  tcp_time_wait: 120,
  tcp_close: 10,
  tcp_syn_sent2: 120,
  tcp_retrans: 300,
  tcp_unack: 300,
  udp: 30,
  udp_stream: 120,
  icmp: 30,
  sctp_closed: 10,
  sctp_cookie_wait: 3,
  sctp_cookie_echoed: 3,
  sctp_established: 210,
  sctp_shutdown_sent: 3,
  sctp_shutdown_recd: 3,
  sctp_shutdown_ack_sent: 3,
  sctp_heartbeat_sent: 30,
  gre: 30,
  gre_stream: 180,
  generic: 600,
  expectation: 300,
} as const;

/** lib/conntrack-tp.c `ct_tp_default`; ovs-vswitchd.conf.db(5) CT_Timeout_Policy. */
const USERSPACE = {
  tcp_syn_sent: 30,
  tcp_syn_recv: 30,
  tcp_established: 86_400,
  tcp_fin_wait: 900,
  tcp_time_wait: 45,
  tcp_close: 30,
  udp_first: 60,
  udp_single: 60,
  udp_multiple: 30,
  icmp_first: 60,
  icmp_reply: 30,
  expectation: 30,
} as const;

/** Seconds by name; sysctls or a timeout policy may replace some. */
export type Timeouts = Readonly<Record<string, number>>;

export function defaultTimeouts(personality: Personality): Timeouts {
  return personality === 'kernel' ? KERNEL : USERSPACE;
}

/** A timeout in microseconds of run time; zero for a name that has none. */
export function timeout_us(timeouts: Timeouts, name: string): number {
  return (timeouts[name] ?? 0) * 1_000_000;
}
