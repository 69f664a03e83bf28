/** What Open vSwitch's own parser reads in frames: `ovs-ofctl parse-pcap`, line by line as fields. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A classic pcap file of Ethernet frames, one a second. */
export function pcapFile(frames: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(24 + frames.reduce((sum, { length }) => sum + 16 + length, 0));
  const view = new DataView(out.buffer);
  view.setUint32(0, 0xa1b2c3d4, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(16, 262_144, true);
  view.setUint32(20, 1, true);
  let at = 24;
  frames.forEach((bytes, i) => {
    view.setUint32(at, i, true);
    view.setUint32(at + 8, bytes.length, true);
    view.setUint32(at + 12, bytes.length, true);
    out.set(bytes, at + 16);
    at += 16 + bytes.length;
  });
  return out;
}

/** Runs `command` on a file that holds `bytes`; null when the command is not installed. */
export function onFile(
  bytes: Uint8Array,
  run: (path: string) => [string, string[]],
): string | null {
  const directory = mkdtempSync(join(tmpdir(), 'hopwise-packet-'));
  try {
    const path = join(directory, 'capture');
    writeFileSync(path, bytes);
    const [command, words] = run(path);
    const options = { encoding: 'utf8' as const, maxBuffer: 1 << 28, stdio: 'pipe' as const };
    return execFileSync(command, words, options);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Each frame's fields as Open vSwitch prints them; null when it is not installed. */
export function ovsFields(
  frames: readonly Uint8Array[],
): readonly ReadonlyMap<string, string>[] | null {
  const text = onFile(pcapFile(frames), (path) => ['ovs-ofctl', ['parse-pcap', path]]);
  if (text === null) return null;
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const parts = line.replaceAll(/\s/g, '').split(',');
      return new Map(
        parts.map((part): [string, string] => {
          const cut = part.indexOf('=');
          return cut === -1 ? ['name', part] : [part.slice(0, cut), part.slice(cut + 1)];
        }),
      );
    });
}
