/**
 * Where haproxy sends a connection: the frontend that accepts it, the rules it passes, the
 * backend and the servers that may be chosen. What load, earlier connections or unknown content
 * decide is a set, never a guess.
 */
import { type Origin } from '../../../text/problem.ts';
import { type IpAddress } from '../../routing/types.ts';
import { conditionHolds, type Incoming } from './condition.ts';
import { type Bind, type Haproxy, type HaproxyProxy, type HaproxyServer } from './types.ts';

/** What may become of a connection. */
export interface Fate {
  /** Servers one of which gets it; empty where none does. */
  readonly servers: readonly ChosenServer[];
  /** haproxy itself ends or answers it in some case, and why. */
  readonly refusals: readonly Refusal[];
}

export interface ChosenServer {
  readonly backend: HaproxyProxy;
  readonly server: HaproxyServer;
}

export interface Refusal {
  readonly why: string;
  readonly origin: Origin;
  /** haproxy answers the request itself (deny, redirect, return). */
  readonly answers: boolean;
}

/** Whether a server is up; asked for servers with health checks only. */
export type Health = (backend: HaproxyProxy, server: HaproxyServer) => boolean;

/** The frontend that listens on an address and port, and by which bind; null when none does. */
export function frontendOf(
  { proxies }: Haproxy,
  address: IpAddress,
  port: number,
): { readonly frontend: HaproxyProxy; readonly bind: Bind } | null {
  let best: { frontend: HaproxyProxy; bind: Bind } | null = null;
  for (const frontend of proxies) {
    if (frontend.disabled) continue;
    for (const bind of frontend.binds) {
      if (!listens(bind, address, port)) continue;
      // The kernel prefers the socket with an address (inet_lookup_listener()).
      if (best === null || (best.bind.address === null && bind.address !== null)) {
        best = { frontend, bind };
      }
    }
  }
  return best;
}

function listens(bind: Bind, address: IpAddress, port: number): boolean {
  if (bind.path !== null || port < bind.ports[0] || port > bind.ports[1]) return false;
  if (bind.address !== null) {
    return bind.address.version === address.version && bind.address.value === address.value;
  }
  return bind.version === null || bind.version === address.version;
}

/** Follows a connection through the frontend's rules to the servers it may reach. */
export function fateOf(
  haproxy: Haproxy,
  frontend: HaproxyProxy,
  incoming: Incoming,
  isUp: Health,
): Fate {
  const servers: ChosenServer[] = [];
  const refusals: Refusal[] = [];
  const toBackend = (backend: HaproxyProxy): void => {
    const chosen = passRules(haproxy, backend, incoming, refusals, () => undefined);
    if (!chosen) return;
    const usable = usableServers(backend, isUp);
    if (usable.length === 0) {
      refusals.push({
        why: `no server of ${backend.name} is up`,
        origin: backend.origin,
        answers: false,
      });
    }
    for (const server of balanced(backend, usable, incoming.source))
      servers.push({ backend, server });
  };
  const passed = passRules(haproxy, frontend, incoming, refusals, toBackend);
  if (passed) {
    if (frontend.defaultBackend !== null) {
      const backend = backendNamed(haproxy, frontend.defaultBackend);
      if (backend === undefined) refusals.push(missing(frontend, frontend.defaultBackend));
      else toBackend(backend);
    } else if (frontend.kind === 'listen') toBackend({ ...frontend, rules: [] });
    else {
      const why = `${frontend.name} has no backend for it`;
      refusals.push({ why, origin: frontend.origin, answers: frontend.mode === 'http' });
    }
  }
  return { servers, refusals };
}

/** Applies the rules in order; true when the connection may come out behind the last one. */
function passRules(
  haproxy: Haproxy,
  proxy: HaproxyProxy,
  incoming: Incoming,
  refusals: Refusal[],
  use: (backend: HaproxyProxy) => void,
): boolean {
  let accepted = false;
  for (const rule of proxy.rules) {
    const answer = conditionHolds(rule.condition, incoming);
    if (answer === 'no') continue;
    const sure = answer === 'yes';
    switch (rule.kind) {
      case 'accept':
        // It ends the evaluation of connection rules only.
        accepted = accepted || sure;
        break;
      case 'reject':
        if (accepted) break;
        refusals.push({ why: `tcp-request ${rule.target}`, origin: rule.origin, answers: false });
        if (sure) return false;
        break;
      case 'answer':
      case 'redirect':
        refusals.push({ why: `${rule.kind} ${rule.target}`, origin: rule.origin, answers: true });
        if (sure) return false;
        break;
      case 'use-backend': {
        const backend = backendNamed(haproxy, rule.target);
        if (backend === undefined) refusals.push(missing(proxy, rule.target));
        else use(backend);
        if (sure) return false;
        break;
      }
      // Simplification: `use-server` rules narrow nothing: all servers of the backend stay possible.
      case 'use-server':
        break;
    }
  }
  return true;
}

function backendNamed({ proxies }: Haproxy, name: string): HaproxyProxy | undefined {
  return proxies.find((one) => one.name === name && one.kind !== 'frontend' && !one.disabled);
}

function missing({ origin }: HaproxyProxy, name: string): Refusal {
  return { why: `there is no backend ${name}`, origin, answers: false };
}

/** Servers that are up; backup servers only when no other one is (option allbackups: all of them). */
function usableServers(backend: HaproxyProxy, isUp: Health): readonly HaproxyServer[] {
  const up = backend.servers.filter(
    (server) => !server.disabled && server.weight > 0 && (!server.checked || isUp(backend, server)),
  );
  const active = up.filter((server) => !server.backup);
  if (active.length > 0) return active;
  return backend.allBackups ? up : up.slice(0, 1);
}

/** Which of the usable servers the algorithm may choose for a client. */
function balanced(
  { balance, persistence }: HaproxyProxy,
  servers: readonly HaproxyServer[],
  source: IpAddress,
): readonly HaproxyServer[] {
  if (servers.length <= 1) return servers;
  // Whom a client was with before is not in any file.
  if (persistence.length > 0) return servers;
  if (balance.algorithm === 'first') return servers.slice(0, 1);
  if (balance.algorithm === 'source' && !balance.consistentHash && !balance.avalanche) {
    const map = serverMap(servers);
    const server = map[sourceHash(source) % map.length];
    return server === undefined ? servers : [server];
  }
  return servers;
}

/** src/lb_map.c get_server_sh(): the address's 32-bit words, one over the other. */
function sourceHash({ version, value }: IpAddress): number {
  let hash = 0;
  for (let shift = version === 4 ? 0n : 96n; shift >= 0n; shift -= 32n) {
    hash = (hash ^ Number((value >> shift) & 0xffff_ffffn)) >>> 0;
  }
  return hash;
}

/** Weights above this make the map long; haproxy itself allows 256. */
const LONGEST_MAP = 65_536;

/**
 * src/lb_map.c recalc_server_map(): every server as often as its weight says, spread evenly;
 * weights are divided by what they have in common.
 */
function serverMap(servers: readonly HaproxyServer[]): readonly HaproxyServer[] {
  const divisor = servers.reduce((sum, { weight }) => gcd(sum, weight), 0);
  const weights = servers.map(({ weight }) => weight / divisor);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (total > LONGEST_MAP) return [];
  const scores = servers.map(() => 0);
  const map: HaproxyServer[] = [];
  for (let slot = 0; slot < total; slot++) {
    let best = -1;
    let most = 0;
    for (const [index, weight] of weights.entries()) {
      scores[index] = (scores[index] ?? 0) + weight;
      const score = Math.trunc(((scores[index] ?? 0) + total) / total);
      if (best < 0 || score > most) [best, most] = [index, score];
    }
    scores[best] = (scores[best] ?? 0) - total;
    const server = servers[best];
    if (server !== undefined) map.push(server);
  }
  return map;
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
