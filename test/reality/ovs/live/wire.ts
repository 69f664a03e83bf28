/** Real frames through the live switch: sent in by a port, collected where they come out. */
import { existsSync, readFileSync } from 'node:fs';
import { type World } from './world.ts';

/** Frames by port, in hex. */
export type Sent = Readonly<Record<string, readonly string[]>>;

export class Wire {
  private readonly offsets = new Map<string, number>();
  private readonly world: World;
  private readonly ports: readonly string[];

  constructor(world: World, ports: readonly string[]) {
    this.world = world;
    this.ports = ports;
  }

  /** Frames written since the last call (libpcap's format, in the machine's byte order). */
  private collect(): Record<string, string[]> {
    const found: Record<string, string[]> = {};
    for (const port of this.ports) {
      const path = `${this.world.live.directory}/${port}.pcap`;
      if (!existsSync(path)) continue;
      const bytes = readFileSync(path);
      let at = this.offsets.get(port) ?? 24;
      while (at + 16 <= bytes.length) {
        const length = bytes.readUInt32LE(at + 8);
        if (at + 16 + length > bytes.length) break;
        const frames = found[port] ?? [];
        found[port] = frames;
        frames.push(bytes.subarray(at + 16, at + 16 + length).toString('hex'));
        at += 16 + length;
      }
      this.offsets.set(port, at);
    }
    return found;
  }

  private async lookups(): Promise<{ readonly all: number; readonly lost: number }> {
    const text = await this.world.live.appctl('dpctl/show');
    const [, hit, missed, lost] = /lookups: hit:(\d+) missed:(\d+) lost:(\d+)/.exec(text) ?? [];
    return { all: Number(hit) + Number(missed) + Number(lost), lost: Number(lost) };
  }

  /** Sends a frame in; sent anew when the switch lost it while it was busy with itself. */
  async send(port: string, hex: string): Promise<Sent> {
    this.collect();
    for (let attempt = 0; attempt < 5; attempt++) {
      const before = await this.lookups();
      await this.world.live.appctl('netdev-dummy/receive', port, hex);
      let now = await this.lookups();
      for (let i = 0; i < 200 && now.all === before.all; i++) now = await this.lookups();
      await this.world.live.appctl('version');
      if (now.lost === before.lost) break;
      this.collect();
    }
    return this.collect();
  }
}
