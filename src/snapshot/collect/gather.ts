/**
 * Reads live hosts, several at a time, into the files of a dump folder. A host that cannot be
 * read is told as such and keeps nobody else from being read.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Connection, connect } from './connection.ts';
import { tarEntries } from './folder.ts';
import { type HostPart, hostScript } from './host-script.ts';
import { type Inventory, type InventoryHost } from './inventory.ts';
import { redacted } from './redact.ts';

export interface GatherOptions {
  /** Hosts that are read at one time. */
  readonly parallel: number;
  readonly timeout_ms: number;
  /** Only a part of each host; everything without it. */
  readonly part?: HostPart;
  /** Called whenever a host is done. */
  readonly progress?: (done: number, all: number, last: HostResult) => void;
}

const USUAL_GATHER: GatherOptions = { parallel: 16, timeout_ms: 60_000 };

/** How reading one host went. */
export interface HostResult {
  readonly host: string;
  /** null when everything was read. */
  readonly error: string | null;
  readonly files: number;
  readonly bytes: number;
  readonly took_ms: number;
  /** The host's clock minus this machine's, in seconds; null when it was not read. */
  readonly skew_s: number | null;
  /** How far the skew may be off: half of the time that the connection took to answer. */
  readonly uncertain_s: number | null;
}

export interface Gathered {
  /** `hosts/NAME/…` → text. */
  readonly files: ReadonlyMap<string, string>;
  readonly results: readonly HostResult[];
}

/** Connections of one run, closed together. */
export interface Connections {
  of(host: string): Connection;
  close(): Promise<void>;
}

export function openConnections(inventory: Inventory): Connections {
  // A socket's path may have 107 bytes (sys/un.h), and ssh adds a hash of 40.
  const sockets = mkdtempSync(join(tmpdir().length < 40 ? tmpdir() : '/tmp', 'hw-'));
  const open = new Map(inventory.hosts.map((host) => [host.name, connect(host, sockets)]));
  return {
    of: (host) => {
      const found = open.get(host);
      if (found === undefined) throw new Error(`the inventory has no host ${host}`);
      return found;
    },
    close: async () => {
      await Promise.all([...open.values()].map((each) => each.close()));
      rmSync(sockets, { recursive: true, force: true });
    },
  };
}

/** Reads the hosts of an inventory. */
export async function gather(
  hosts: readonly InventoryHost[],
  connections: Connections,
  options: GatherOptions = USUAL_GATHER,
): Promise<Gathered> {
  const files = new Map<string, string>();
  const results: HostResult[] = [];
  const waiting = [...hosts];
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { result, entries } = await gatherHost(next, connections.of(next.name), options);
      for (const [path, text] of entries) files.set(path, text);
      results.push(result);
      options.progress?.(results.length, hosts.length, result);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, options.parallel) }, work));
  results.sort((a, b) => (a.host < b.host ? -1 : 1));
  return { files, results };
}

type Entries = readonly (readonly [string, string])[];

async function gatherHost(
  { name }: InventoryHost,
  connection: Connection,
  { timeout_ms, part }: GatherOptions,
): Promise<{ readonly result: HostResult; readonly entries: Entries }> {
  const begun = Date.now();
  const ran = await connection.run(hostScript(part ?? null), timeout_ms);
  const failed = (error: string) => {
    const nothing = { files: 0, bytes: 0, skew_s: null, uncertain_s: null };
    return { result: { host: name, error, took_ms: ran.took_ms, ...nothing }, entries: [] };
  };
  if (ran.code === null) return failed(ran.err === '' ? `no answer in ${timeout_ms} ms` : ran.err);
  if (ran.code !== 0) return failed(lastLine(ran.err) || `the remote shell ended with ${ran.code}`);
  const decoder = new TextDecoder();
  const entries: [string, string][] = [];
  let bytes = 0;
  for (const [path, body] of tarEntries(ran.out)) {
    const parts = path.split('/');
    // An archive names only what lies below its own folder.
    if (parts.some((part) => part === '..' || part === '')) continue;
    bytes += body.length;
    entries.push([`hosts/${name}/${path}`, redacted(decoder.decode(body))]);
  }
  const taken = Number.parseFloat(entries.find(([path]) => path.endsWith('/date.txt'))?.[1] ?? '');
  if (!Number.isFinite(taken)) return failed('the answer was cut off');
  return {
    result: {
      host: name,
      error: null,
      files: entries.length,
      bytes,
      took_ms: ran.took_ms,
      // The host looked at its clock at the very beginning.
      skew_s: Math.round((taken - begun / 1000) * 1000) / 1000,
      uncertain_s: Math.min(ran.took_ms, 1000) / 1000,
    },
    entries,
  };
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
