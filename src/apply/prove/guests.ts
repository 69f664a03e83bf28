/**
 * Files of a host without the inside of its guests, which only emulated hosts show: a plan is proved
 * for guests as their ports describe them, and a guest's tap becomes one that leads to a guest.
 */

/** Files of one host, as `hosts/NAME/…`. */
export function filesBelow(host: string, files: ReadonlyMap<string, string>): Map<string, string> {
  const own = new Map([...files].filter(([path]) => path.startsWith(`hosts/${host}/`)));
  return withoutGuests(host, own);
}

function withoutGuests(host: string, files: Map<string, string>): Map<string, string> {
  for (const path of [...files.keys()]) if (path.includes('/ns/vm-')) files.delete(path);
  const list = `hosts/${host}/netns-list.txt`;
  const names = files.get(list);
  if (names !== undefined) {
    files.set(
      list,
      names
        .split('\n')
        .filter((line) => !line.startsWith('vm-'))
        .join('\n'),
    );
  }
  for (const name of ['ip-link.json', 'ip-addr.json']) {
    const path = `hosts/${host}/ns/root/${name}`;
    const text = files.get(path);
    if (text !== undefined) files.set(path, withoutPeers(text));
  }
  return files;
}

function withoutPeers(text: string): string {
  let links: unknown;
  try {
    links = JSON.parse(text);
  } catch {
    return text;
  }
  if (!Array.isArray(links)) return text;
  return JSON.stringify(
    links.map((link: unknown): unknown => {
      if (typeof link !== 'object' || link === null) return link;
      const { ifname } = link as { readonly ifname?: unknown };
      const tap = typeof ifname === 'string' && ifname.startsWith('tap');
      const guest = tap && 'link_netnsid' in link;
      if (!guest) return link;
      const {
        link_index: _,
        link_netnsid: __,
        link_netns: ___,
        ...rest
      } = link as Record<string, unknown>;
      return { ...rest, linkinfo: { info_kind: 'tun', info_data: {} } };
    }),
  );
}
