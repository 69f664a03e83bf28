/** Every daemon's configuration of every captured deployment and of the published examples. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  openDnsmasq,
  parseConfiguration,
} from '../../../src/dataplane/endpoint/dnsmasq/text/command-line.ts';
import { parseHaproxy } from '../../../src/dataplane/endpoint/haproxy/text/proxies.ts';
import { parseRadvd } from '../../../src/dataplane/endpoint/radvd/text.ts';
import { parseKeepalived, printKeepalived } from '../../../src/dataplane/vrrp/text/keepalived.ts';
import { type Problem } from '../../../src/text/problem.ts';
import { captured, capturedNames } from '../../captured.ts';
import { filesBelow, seeds, textAt } from '../../snapshot/shared.ts';

/** What is wrong with a file, by its path on a host; null for files of other daemons. */
function problemsOf(path: string, text: string): readonly Problem[] | null {
  if (/keepalived[^/]*\.conf$/.test(path)) {
    const { value, problems } = parseKeepalived(text, path);
    const again = parseKeepalived(printKeepalived(value), path);
    return [...problems, ...again.problems];
  }
  if (/radvd\.conf$/.test(path)) return parseRadvd(text, path).problems;
  if (/ns-metadata-proxy\/|haproxy[^/]*\.(conf|cfg)$/.test(path)) {
    return parseHaproxy(text, path).problems;
  }
  return /dnsmasq[^/]*\.conf$/.test(path) ? parseConfiguration(text, path).problems : null;
}

describe.each(capturedNames())('%s', (name) => {
  const { files } = captured(name);

  it('has no line in a daemon’s file that is not understood', () => {
    const problems = [...files].flatMap(([path, text]) => problemsOf(path, text) ?? []);
    expect(problems).toEqual([]);
  });

  it('runs dnsmasq with settings and files that are all understood', () => {
    let servers = 0;
    for (const [path, text] of files) {
      if (!path.endsWith('daemon-cmdlines.txt')) continue;
      const host = path.slice(0, -'daemon-cmdlines.txt'.length);
      for (const [index, line] of text.split('\n').entries()) {
        if (!line.startsWith('dnsmasq ')) continue;
        const { value, problems } = openDnsmasq(
          { text: line, file: path, line: index + 1 },
          (wanted) => {
            const file = `${host}files/${wanted.replace('/var/lib/neutron/', '')}`;
            const found = files.get(file);
            return found === undefined ? null : { file, text: found };
          },
        );
        servers++;
        expect(problems).toEqual([]);
        expect(value.ranges).toHaveLength(1);
        expect(value.hosts.length).toBeGreaterThan(0);
      }
    }
    expect(servers).toBeGreaterThan(0);
  });
});

describe.skipIf(!existsSync(seeds))('the published examples', () => {
  it('are understood, fragments as lines of a backend', () => {
    let read = 0;
    for (const path of filesBelow(seeds)) {
      const problems = problemsOf(path, textAt(path));
      if (problems === null) continue;
      read++;
      expect(problems, path).toEqual([]);
    }
    expect(read).toBeGreaterThan(2);
    const fragments = textAt(join(seeds, 'lbaas/haproxy-persistence-stanzas.txt'));
    expect(parseHaproxy(`backend b\n${fragments}`, 'stanzas').problems).toEqual([]);
  });
});
