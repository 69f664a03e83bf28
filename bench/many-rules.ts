/**
 * Ten thousand rules in chains as security groups have them: one chain for each server, found by
 * its address, with the group's rules in it. Benchmarks load them here and into the kernel.
 */

export const SERVERS = 500;
const RULES_EACH = 19;
const FIRST_PORT = 1000;

/** As iptables-save prints it. Everything is accepted in the end: packets must cost the same. */
export function manyRules(): string {
  const chains = [':INPUT ACCEPT [0:0]', ':FORWARD ACCEPT [0:0]', ':OUTPUT ACCEPT [0:0]'];
  const rules = ['-A OUTPUT -j groups'];
  chains.push(':groups - [0:0]');
  for (let server = 0; server < SERVERS; server++) {
    chains.push(`:i${server} - [0:0]`);
    rules.push(`-A groups -d ${addressOf(server)}/32 -j i${server}`);
  }
  for (let server = 0; server < SERVERS; server++) {
    for (let i = 0; i < RULES_EACH; i++) {
      const match = `-s 10.0.0.0/8 -p udp -m udp --dport ${FIRST_PORT + i}`;
      rules.push(`-A i${server} ${match} -j RETURN`);
    }
  }
  rules.push('-A groups -j ACCEPT');
  return `*filter\n${chains.join('\n')}\n${rules.join('\n')}\nCOMMIT\n`;
}

export function addressOf(server: number): string {
  return `10.1.${server >> 8}.${server & 255}`;
}

export interface Datagram {
  readonly server: number;
  readonly port: number;
}

/** Datagrams that meet chains and rules evenly. */
export function datagram(i: number): Datagram {
  return { server: (i * 7919) % SERVERS, port: FIRST_PORT + ((i * 31) % RULES_EACH) };
}
