/**
 * Files and daemons of agents in scripts. A daemon is found by its whole command line and by
 * nothing less, so that no other program is ever stopped. The scripts run in the folder of their
 * transaction, where what stood in a file before is kept.
 */
import { fed, LINE, named, quoted } from './script-words.ts';
import { type Action } from './types.ts';

const PATH = /^\/var\/lib\/neutron\/[A-Za-z0-9_./-]+$/;
/** Lines of files may have tabs and letters of any script. */
const FILE_LINE = /^[^\x00-\x08\x0a-\x1f\x7f-\x9f]*$/;

/** Writes a file beside the old one, which is kept once, and moves it into its place. */
export function fileCommand(path: string, text: string | null): string {
  const [file, kept] = placesOf(path);
  const keep = `mkdir -p kept; [ -e ${kept} ] || [ ! -e ${file} ] || cp -p ${file} ${kept}`;
  if (text === null) return `${keep}\nrm -f -- ${file}`;
  const lines = (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n');
  const made = `(umask 022; mkdir -p -- "$(dirname -- ${file})")`;
  // Daemons that are nobody read them as well.
  const write = fed(`(umask 022; cat >${file}.new)`, lines, FILE_LINE);
  return `${keep}\n${made}\n${write}\nmv -f ${file}.new ${file}`;
}

/** Puts back what was kept; a file that was not there goes, and its folder when it is empty. */
export function putBackCommand(path: string): string {
  const [file, kept] = placesOf(path);
  return `if [ -e ${kept} ]; then mkdir -p -- "$(dirname -- ${file})"; cp -p ${kept} ${file}.new && mv -f ${file}.new ${file}; else rm -f ${file} ${file}.new; rmdir -- "$(dirname -- ${file})" 2>/dev/null || true; fi`;
}

function placesOf(path: string): readonly [file: string, kept: string] {
  const file = named(PATH, 'path of an agent', path);
  return [quoted(file), quoted(`kept/${file.slice(1).replaceAll('/', '%')}`)];
}

/** Prints the process ids of a daemon and of the workers that it made of itself. */
function pids(words: readonly string[]): string {
  const text = named(LINE, 'command line', words.join(' '));
  const mark = words.reduce((a, b) => (b.length > a.length ? b : a), '');
  return `for c in $(grep -laF -- ${quoted(mark)} /proc/[0-9]*/cmdline 2>/dev/null); do if [ "$(tr '\\0' ' ' 2>/dev/null <"$c" | sed -e 's#^[^ ]*/##' -e 's/ *$//')" = ${quoted(text)} ]; then c=\${c#/proc/}; echo "\${c%/cmdline}"; fi; done`;
}

/** @param inside `ip netns exec NAME ` */
export function startCommand(inside: string, words: readonly string[]): string {
  const line = words.map(quoted).join(' ');
  return `mkdir -p /var/lib/neutron/external/pids; [ -n "$(${pids(words)})" ] || ${inside}${line} </dev/null >/dev/null 2>&1`;
}

/** Ends a daemon, by force when it has not gone in five seconds. */
export function stopCommand(words: readonly string[]): string {
  return `for p in $(${pids(words)}); do kill "$p" 2>/dev/null || true; done
n=0; while [ $n -lt 50 ] && [ -n "$(${pids(words)})" ]; do n=$((n + 1)); sleep 0.1; done
for p in $(${pids(words)}); do kill -9 "$p" 2>/dev/null || true; done`;
}

/**
 * SIGHUP for the first of a daemon's processes, not too soon after the last one. dnsmasq 2.90 may
 * die of it once it has given a lease; then it is started anew, as the agents' monitor would
 * (neutron/agent/linux/external_process.py ProcessMonitor).
 */
export function reloadCommand(
  inside: string,
  { name, words, apart_s }: Extract<Action, { readonly kind: 'reload' }>,
): string {
  const stamp = quoted(`/var/lib/hopwise/reloaded.${named(/^[A-Za-z0-9_.-]+$/, 'name', name)}`);
  return `read -r now _ </proc/uptime; last=$(cat ${stamp} 2>/dev/null || echo 0)
w=$((last + ${Math.ceil(apart_s)} - \${now%.*})); if [ "$w" -gt 0 ] && [ "$w" -le ${Math.ceil(apart_s)} ]; then sleep "$w"; fi
all=$(${pids(words)})
for p in $all; do q=$(sed -n 's/^PPid:[^0-9]*//p' "/proc/$p/status" 2>/dev/null || true); case " $(echo $all) " in *" $q "*) ;; *) kill -HUP "$p" 2>/dev/null || true ;; esac; done
read -r now _ </proc/uptime; echo "\${now%.*}" >${stamp}
sleep 0.3
${startCommand(inside, words)}`;
}
