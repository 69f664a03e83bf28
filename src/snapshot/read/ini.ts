/** Agents' configuration files (oslo.config): sections of `name = value`. */

/** Section → option → last value. Lines that are neither are comments to us. */
export function readIni(text: string): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const sections = new Map<string, Map<string, string>>();
  let section = new Map<string, string>();
  sections.set('DEFAULT', section);
  for (const line of text.split('\n')) {
    const head = /^\[(.+)\]\s*$/.exec(line.trim());
    const option = /^([\w.-]+)\s*[=:]\s*(.*)$/.exec(line);
    if (head !== null) {
      const name = head[1] ?? '';
      section = sections.get(name) ?? new Map();
      sections.set(name, section);
    } else if (option !== null) section.set(option[1] ?? '', (option[2] ?? '').trim());
  }
  return sections;
}

/** `physnet1:br-eth1,external:br-ex`. */
export function readMappings(text: string): readonly (readonly [string, string])[] {
  return text.split(',').flatMap((pair) => {
    const colon = pair.indexOf(':');
    return colon <= 0 ? [] : [[pair.slice(0, colon).trim(), pair.slice(colon + 1).trim()] as const];
  });
}
