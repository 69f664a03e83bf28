/** `hopwise trace --pcap`: the trace as a capture that other tools open. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readPcapng } from '../../src/packet/pcapng.ts';
import { hopwise } from './call.ts';

const scratch = mkdtempSync(join(tmpdir(), 'hopwise-pcap-'));
afterAll(() => rmSync(scratch, { recursive: true }));
const file = join(scratch, 'trace.pcapng');
const hasTshark = spawnSync('tshark', ['--version']).status === 0;
if (!hasTshark) console.warn('skipping captures in tshark: it is not installed');

describe('hopwise trace --pcap', () => {
  it('writes an interface for each place, and frames in order with what they are', async () => {
    const { code } = await hopwise(['trace', 'a1', 'a2', '--pcap', file]);
    expect(code).toBe(0);
    const { value, problems } = readPcapng(readFileSync(file), file);
    expect(problems).toEqual([]);
    const names = value.interfaces.map(({ name }) => name);
    expect(names).toContain('compute1:vm-a1:eth0');
    expect(names).toContain('compute1:br-vtep:eth1');
    expect(names).toContain('compute2:br-int:tap292c913e-fe');
    const requests = value.frames.filter(({ comments }) => comments.includes('request'));
    expect(requests.map(({ interfaceIndex }) => names[interfaceIndex])).toEqual([
      'compute1:vm-a1:eth0',
      'compute1:br-int:tapa185382d-85',
      'compute1:br-vtep:eth1',
      'compute2:br-vtep:eth1',
      'compute2:br-int:tap292c913e-fe',
      'compute2:vm-a2:eth0',
    ]);
    const times = value.frames.map(({ time_ns }) => time_ns);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });

  it('says when the file cannot be written', async () => {
    const { code, err } = await hopwise(['trace', 'a1', 'a2', '--pcap', join(scratch, 'no/t')]);
    expect(code).toBe(2);
    expect(err).toContain('cannot write');
  });

  it.skipIf(!hasTshark)('is whole, with right checksums, to tshark', async () => {
    await hopwise(['trace', 'a1', 'a2', '--pcap', file]);
    const words = ['-r', file, '-o', 'ip.check_checksum:TRUE', '-o', 'udp.check_checksum:TRUE'];
    const bad = '_ws.malformed || ip.checksum.status == 0 || icmp.checksum.status == 0';
    expect(execFileSync('tshark', [...words, '-Y', bad], { encoding: 'utf8' })).toBe('');
    const pings = execFileSync('tshark', [...words, '-Y', 'icmp.type == 8'], { encoding: 'utf8' });
    expect(pings.trim().split('\n')).toHaveLength(6);
  });
});
