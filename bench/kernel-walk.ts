/**
 * What the kernel needs for the walk through a set of rules: datagrams leave by a device where
 * nobody takes them, in a network namespace of our own, with the rules and without; the
 * difference of system time is the walk. Needs root; null elsewhere.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface KernelWalk {
  /** Seconds a packet. */
  readonly walk_s: number;
  /** Seconds that iptables-restore takes to check the same text without loading it. */
  readonly load_s: number;
  readonly version: string;
}

const SENDER = fileURLToPath(new URL('send-datagrams.js', import.meta.url));
const ROUNDS = 5;

/** Measures with these rules; null when this machine cannot. */
export function kernelWalk(rules: string): KernelWalk | null {
  const name = `hopwise-bench-${process.pid}`;
  const within = (command: readonly string[], input?: string): string => {
    const args = ['netns', 'exec', name, ...command];
    return execFileSync('ip', args, { encoding: 'utf8', input, stdio: ['pipe', 'pipe', 'ignore'] });
  };
  try {
    execFileSync('ip', ['netns', 'add', name], { stdio: 'ignore' });
  } catch {
    return null;
  }
  try {
    within(['ip', 'link', 'set', 'lo', 'up']);
    within(['ip', 'link', 'add', 'sink', 'type', 'veth', 'peer', 'name', 'end']);
    within(['ip', 'link', 'set', 'end', 'up']);
    within(['ip', 'link', 'set', 'sink', 'arp', 'off', 'up']);
    within(['ip', 'addr', 'add', '10.1.255.254/8', 'dev', 'sink']);
    const version = within(['iptables', '--version']).trim();
    const started = performance.now();
    within(['iptables-restore', '--test'], rules);
    const load_s = (performance.now() - started) / 1000;
    const send = (): number => Number(within([process.execPath, SENDER]));
    let bare_s = Number.POSITIVE_INFINITY;
    let with_s = Number.POSITIVE_INFINITY;
    for (let round = 0; round < ROUNDS; round++) {
      within(['iptables-restore'], '*filter\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n');
      bare_s = Math.min(bare_s, send());
      within(['iptables-restore'], rules);
      with_s = Math.min(with_s, send());
    }
    return { walk_s: with_s - bare_s, load_s, version };
  } catch {
    return null;
  } finally {
    execFileSync('ip', ['netns', 'del', name], { stdio: 'ignore' });
  }
}
