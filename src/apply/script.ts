/**
 * Actions as text for `sh`: every word is quoted, bulk data stand in here-documents whose end no
 * line can be, and names that the kernel or the switch would cut or read as something else are
 * refused. Before: actions; after: a script that stops at the first command that fails.
 */
import {
  fileCommand,
  putBackCommand,
  reloadCommand,
  startCommand,
  stopCommand,
} from './script-daemons.ts';
import { fed, named, quoted } from './script-words.ts';
import { type Action } from './types.ts';

/** IFNAMSIZ is 16 with the closing zero (include/uapi/linux/if.h). */
const DEVICE = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}$/;
const NAMESPACE = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const SYSCTL = /^net\.[a-z0-9]+\.[A-Za-z0-9_./-]+$/;
const ADDRESS = /^[0-9a-f.:]{2,45}$/;
const METER = /^meter=\d{1,10}(,[a-z_]+(=[a-z0-9_]+){0,2})*$/;

/** A script of all actions, one after the other. */
export function scriptOf(actions: readonly Action[]): string {
  return actions.map(commandOf).join('\n');
}

export const deviceWord = (word: string): string => named(DEVICE, 'name of a device', word);
export const namespaceWord = (word: string): string =>
  named(NAMESPACE, 'name of a namespace', word);

/** `ip netns exec NAME ` for another namespace than the host's own. */
function inside(namespace: string): string {
  return namespace === 'root' ? '' : `ip netns exec ${quoted(namespaceWord(namespace))} `;
}

function commandOf(action: Action): string {
  switch (action.kind) {
    case 'ovsdb': {
      const words = action.commands.map((command) => command.map(quoted).join(' '));
      return words.length === 0 ? ':' : `ovs-vsctl --timeout=20 -- ${words.join(' -- ')}`;
    }
    case 'flows':
      if (action.lines.length === 0) return ':';
      return fed(bundle('add-flows', action.bridge), action.lines);
    case 'bundle': {
      const name = quoted(deviceWord(action.bridge));
      return fed(`ovs-ofctl -O OpenFlow14 bundle ${name} -`, action.lines);
    }
    case 'meters': {
      const name = quoted(deviceWord(action.bridge));
      return action.commands
        .map(([verb, meter]) => {
          const word = named(/^(add|mod|del)-meter$/, 'command of meters', verb);
          return `ovs-ofctl -O OpenFlow14 ${word} ${name} ${quoted(named(METER, 'meter', meter))}`;
        })
        .join('\n');
    }
    case 'stations':
      return action.bridges
        .map(
          (bridge) => `ovs-appctl --timeout=20 fdb/flush ${quoted(deviceWord(bridge))} >/dev/null`,
        )
        .join('\n');
    case 'macs':
      return action.bridges
        .map((bridge) => {
          const device = quoted(deviceWord(bridge));
          return `${inside(action.namespace)}ip link set dev ${device} type bridge fdb_flush`;
        })
        .join('\n');
    case 'neighbours':
      return action.of
        .map(([address, device]) => {
          const to = quoted(named(ADDRESS, 'address', address));
          return `${inside(action.namespace)}ip neigh flush to ${to} dev ${quoted(deviceWord(device))}`;
        })
        .join('\n');
    case 'connections':
      return forgetConnections(inside(action.namespace), action.lines);
    case 'forget':
      return forget(action.bridge, action.matches);
    case 'restore': {
      const program = action.version === 4 ? 'iptables-restore' : 'ip6tables-restore';
      return fed(`${inside(action.namespace)}${program} --noflush -w 10`, action.text.split('\n'));
    }
    case 'ipset':
      return fed(`${inside(action.namespace)}ipset restore -exist`, action.text.split('\n'));
    case 'frames':
      return fed(`${inside(action.namespace)}ebtables-restore --noflush`, action.text.split('\n'));
    case 'ip':
    case 'bridge': {
      if (action.lines.length === 0) return ':';
      const force = action.force ? ' -force' : '';
      const where =
        action.namespace === 'root' ? '' : ` -n ${quoted(namespaceWord(action.namespace))}`;
      return byFamily(action.lines)
        .map(({ family, lines }) => {
          const run = fed(`${action.kind}${family}${where}${force} -batch -`, lines);
          return action.force ? `{ ${run}\n} 2>/dev/null || true` : run;
        })
        .join('\n');
    }
    case 'netns': {
      const name = quoted(namespaceWord(action.name));
      return action.make
        ? `[ -e /run/netns/${name} ] || ip netns add ${name}; ip -n ${name} link set lo up`
        : `[ ! -e /run/netns/${name} ] || ip netns del ${name}`;
    }
    case 'move': {
      const device = quoted(deviceWord(action.device));
      // The host's first process is in its own namespace.
      if (action.to === 'root') {
        return `ip -n ${quoted(namespaceWord(action.from))} link set ${device} netns 1 2>/dev/null || true`;
      }
      return `ip link set ${device} netns ${quoted(namespaceWord(action.to))}`;
    }
    case 'sysctl':
      return action.values
        .map(([name, value]) => {
          // A dot in a device's name stands as a slash (sysctl(8)).
          const path = named(SYSCTL, 'setting', name).replaceAll(/[./]/g, (at) =>
            at === '.' ? '/' : '.',
          );
          const script = `[ ! -e /proc/sys/${path} ] || printf %s ${quoted(value)} >/proc/sys/${path}`;
          return `${inside(action.namespace)}sh -c ${quoted(script)}`;
        })
        .join('\n');
    case 'file':
      return fileCommand(action.path, action.text);
    case 'put-back':
      return putBackCommand(action.path);
    case 'start':
      return startCommand(inside(action.namespace), action.words);
    case 'restart':
      return `${stopCommand(action.words)}\n${startCommand(inside(action.namespace), action.words)}`;
    case 'stop':
      return stopCommand(action.words);
    case 'reload':
      return reloadCommand(inside(action.namespace), action);
    case 'own': {
      const list = '/var/lib/hopwise/owned';
      const gone = action.remove.map((line) => `-e ${quoted(line)}`).join(' ');
      const kept = gone === '' ? `cat ${list}` : `grep -vxF ${gone} ${list}`;
      const added = action.add.map((line) => `printf '%s\\n' ${quoted(line)}; `).join('');
      return `touch ${list}; { ${kept} || true; ${added}} | sort -u >${list}.new; mv ${list}.new ${list}`;
    }
  }
}

/** The family is an option of the whole batch, so lines of one family that follow go together. */
function byFamily(
  all: readonly string[],
): readonly { readonly family: string; readonly lines: readonly string[] }[] {
  const found: { family: string; lines: string[] }[] = [];
  for (const line of all) {
    const family = line.startsWith('-6 ') ? ' -6' : '';
    if (found.at(-1)?.family !== family) found.push({ family, lines: [] });
    found.at(-1)?.lines.push(line.slice(family === '' ? 0 : 3));
  }
  return found;
}

/** Written and read with one version, so that what is read is what was written. */
function bundle(command: string, bridge: string): string {
  return `ovs-ofctl -O OpenFlow14 --bundle ${command} ${quoted(deviceWord(bridge))} -`;
}

/** What selects connections: options with plain words (conntrack(8)). */
const SELECTION = /^(-[fpsdqw]|--dport) [a-z0-9.:/-]+$/;

/** Finding none to delete is no failure, though `conntrack` ends with 1 then; a missing tool is one. */
function forgetConnections(inside: string, lines: readonly string[]): string {
  const commands = lines.map((line) => {
    const pairs = line.split(/ (?=-)/);
    const words = pairs.map((pair) => named(SELECTION, 'selection of connections', pair));
    return `${inside}conntrack -D ${words.join(' ')} >/dev/null 2>&1 || [ $? = 1 ]`;
  });
  return ['command -v conntrack >/dev/null', ...commands].join('\n');
}

/**
 * Removes what was learned into a table: flows with a timeout, each by its own match. Configured
 * flows have none, so nothing that a plan wrote is touched.
 */
function forget(bridge: string, tables: readonly string[]): string {
  const name = quoted(deviceWord(bridge));
  return tables
    .map((table) => {
      const of = named(/^table=\d{1,3}$/, 'table', table);
      return `ovs-ofctl -O OpenFlow14 --no-stats dump-flows ${name} ${of} | sed -e 's/ actions=.*//' -e '/_timeout=/!d' -e 's/^ *//' -e 's/\\(idle\\|hard\\)_timeout=[0-9]*, *//g' -e 's/^cookie=\\(0x[0-9a-f]*\\), */cookie=\\1\\/-1,/' -e 's/^/delete_strict /' -e 's/, *priority/,priority/g' -e 's/[, ]*$//' | ovs-ofctl -O OpenFlow14 --bundle add-flows ${name} -`;
    })
    .join('\n');
}
