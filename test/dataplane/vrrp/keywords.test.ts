/** Every keyword that keepalived 2.2.7 takes, by its manual and its own check of a file. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseKeepalived } from '../../../src/dataplane/vrrp/text/keepalived.ts';

const LISTS = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../fixtures/vrrp/keywords.json'), 'utf8'),
) as Readonly<Record<string, string>>;

/** Names that blocks need behind their word. */
const NAMED: Readonly<Record<string, string>> = {
  vrrp_instance: 'V',
  vrrp_sync_group: 'G',
  vrrp_script: 's',
  vrrp_track_process: 'p',
  vrrp_track_file: 'f',
  track_file: 'f',
  bfd_instance: 'b',
  track_group: 'g',
  virtual_server_group: 'g',
  virtual_server: '10.0.0.1 80',
  real_server: '10.0.0.2 80',
};

/** A file with one word in a block, which may lie in others. */
function fileWith(path: string, word: string): string {
  const blocks = path === '' ? [] : path.split(' ');
  const open = blocks.map((one) => `${one} ${NAMED[one] ?? ''} {\n`).join('');
  return `${open}${word}\n${'}\n'.repeat(blocks.length)}`;
}

/** Problems that say a word is not known. */
function unknownWords(text: string) {
  return parseKeepalived(text, 'keepalived.conf').problems.filter(({ message }) =>
    message.startsWith('unknown'),
  );
}

describe('keywords of keepalived.conf', () => {
  it.each(Object.entries(LISTS))('in %s are all known', (path, words) => {
    const refused = words
      .split(' ')
      .filter((word) => unknownWords(fileWith(path, word)).length > 0);
    expect(refused).toEqual([]);
  });

  it.each([
    ['vrrp_instance', 'virtual_ipadress', 'virtual_ipaddress'],
    ['global_defs', 'vrrp_garp_master_dely', 'vrrp_garp_master_delay'],
    ['virtual_server', 'persistence_timout', 'persistence_timeout'],
    ['virtual_server real_server', 'TCP_CHEK', 'TCP_CHECK'],
    ['virtual_server real_server HTTP_GET url', 'status_cod', 'status_code'],
    ['bfd_instance', 'neighbour_ip', 'neighbor_ip'],
    ['', 'vrrp_sync_grp', 'vrrp_sync_group'],
  ])('in %j that are mistyped as %s are told, with the one meant', (path, wrong, meant) => {
    const [problem, ...more] = unknownWords(fileWith(path, wrong));
    expect(more).toEqual([]);
    const blocks = path === '' ? 0 : path.split(' ').length;
    expect(problem).toMatchObject({ text: wrong, line: blocks + 1, didYouMean: meant });
  });

  it('that change nothing for VRRP stay beside what does, by name and place', () => {
    const { value, problems } = parseKeepalived(
      `vrrp_instance V {
  interface eth0
  virtual_router_id 7
  smtp_alert
  virtual_ipaddress {
    10.0.0.9/24
  }
}
virtual_server 10.0.0.9 80 {
  lvs_sched rr
  real_server 10.0.0.11 80 {
    weight 1
    TCP_CHECK {
      connect_timeout 3
    }
  }
}
`,
      'keepalived.conf',
    );
    expect(problems).toEqual([]);
    expect(value.instances[0]?.others.map(({ words, origin }) => [words, origin.line])).toEqual([
      [['smtp_alert'], 4],
    ]);
    expect(value.others.map(({ words, origin }) => [words[0], origin.line])).toEqual([
      ['virtual_server', 9],
    ]);
  });
});
