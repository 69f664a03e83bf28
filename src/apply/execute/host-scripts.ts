/**
 * What runs on a host in a transaction. Everything of it stands in `/var/lib/hopwise/txn/ID`: the
 * way back, which steps have begun, and who decided. One `rename` decides between confirming and
 * going back, so exactly one of them happens; a timer that is armed before the first step goes
 * back by itself when nobody confirms.
 */
import { scriptOf } from '../script.ts';
import { quoted } from '../script-words.ts';
import { type Step } from '../types.ts';

/** Exit codes of these scripts. */
export const HOST_EXIT = { decided: 74, busy: 75, locked: 76, notArmed: 77, unknown: 78 } as const;

const TRANSACTION = /^[a-z0-9-]{8,64}$/;

function head(transaction: string): string {
  if (!TRANSACTION.test(transaction)) throw new Error('no transaction');
  return `set -u
export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"
umask 077
d=/var/lib/hopwise
x=${transaction}
t=$d/txn/$x
mkdir -p $d/txn
`;
}

/**
 * Goes back: undoes the steps that began, the last first, each even when another fails. It may be
 * run again where it was interrupted.
 */
function rollbackText(transaction: string, steps: readonly Step[]): string {
  const undo = [...steps].reverse().map((step) => {
    const number = numberOf(step);
    return `if [ -e begun.${number} ]; then (
set +e
${scriptOf(step.inverse)}
true
) 9>&- || true; echo "undone ${number}" >>journal; fi`;
  });
  return `${head(transaction)}
cd $t || exit ${HOST_EXIT.unknown}
exec 9>step.lock
flock -w 30 9
if [ "\${1:-}" != undo ]; then
  rm -rf mine.$$; mkdir mine.$$; echo rollback >mine.$$/by
  if ! mv -T mine.$$ decided 2>/dev/null; then
    rm -rf mine.$$
    [ "$(cat decided/by)" = rollback ] || exit ${HOST_EXIT.decided}
  fi
fi
[ -e outcome ] && [ "$(cat outcome)" = rolled-back ] && exit 0
echo "rollback by \${1:-hand}" >>journal
${undo.join('\n')}
echo rolled-back >outcome
[ "$(cat $d/current 2>/dev/null)" = "$x" ] && rm -f $d/current
sync
exit 0
`;
}

/** Waits on a clock that nobody sets; the deadline may be moved while it waits. */
const TIMER = `
echo $$ >$t/armed
while :; do
  [ -d $t/decided ] && exit 0
  read -r now _ </proc/uptime
  [ "\${now%.*}" -ge "$(cat $t/deadline)" ] && break
  sleep 1
done
exec sh $t/rollback.sh timer
`;

/** Numbers of steps are unique on their host. */
export function numberOf({ id, host }: Step): string {
  return id.slice(host.length + 1);
}

/**
 * Takes the host for this transaction, keeps what is there, and arms the timer: as a transient
 * unit, as a job of at(1), else in a session of its own. Answers how, once it is seen to run.
 */
export function armScript(transaction: string, steps: readonly Step[], seconds: number): string {
  const end = 'HOPWISE_ROLLBACK';
  const timer = 'HOPWISE_TIMER';
  return `${head(transaction)}
exec 8>$d/lock
flock -w 5 8 || exit ${HOST_EXIT.locked}
if [ -e $d/current ] && [ "$(cat $d/current)" != "$x" ]; then cat $d/current; exit ${HOST_EXIT.busy}; fi
mkdir $t || exit ${HOST_EXIT.busy}
echo $x >$d/current
cat >$t/rollback.sh <<'${end}'
${rollbackText(transaction, steps)}
${end}
cat >$t/timer.sh <<'${timer}'
${head(transaction)}${TIMER}
${timer}
iptables-save >$t/iptables.save 2>/dev/null
ip6tables-save >$t/ip6tables.save 2>/dev/null
ovsdb-client --timeout=5 backup >$t/ovsdb.save 2>/dev/null
cp $d/owned $t/owned.save 2>/dev/null
read -r now _ </proc/uptime
echo $((\${now%.*} + ${Math.ceil(seconds)})) >$t/deadline
sync
how=
if [ -d /run/systemd/system ] && command -v systemd-run >/dev/null; then
  systemd-run --quiet --unit=hopwise-$x sh $t/timer.sh </dev/null >/dev/null 2>&1 8>&- && how=systemd-run
fi
if [ -z "$how" ] && command -v at >/dev/null && [ -e /run/atd.pid ]; then
  echo "sh $t/timer.sh" | at now >/dev/null 2>&1 8>&- && how=at
fi
if [ -z "$how" ]; then
  setsid sh $t/timer.sh </dev/null >/dev/null 2>&1 8>&- &
  how=setsid
fi
n=0
while [ $n -lt 50 ]; do
  if [ -s $t/armed ] && p=$(cat $t/armed) && grep -qa "$x" /proc/$p/cmdline 2>/dev/null; then echo $how; exit 0; fi
  n=$((n + 1)); sleep 0.1
done
sh $t/rollback.sh not-armed 8>&-
exit ${HOST_EXIT.notArmed}
`;
}

/** Holds off other steps and moves the deadline; refuses once somebody has decided. */
function undecided(transaction: string, seconds: number): string {
  return `${head(transaction)}
cd $t || exit ${HOST_EXIT.unknown}
exec 9>step.lock
flock -w 20 9 || exit ${HOST_EXIT.locked}
[ -d decided ] && exit ${HOST_EXIT.decided}
p=$(cat armed) && grep -qa "$x" /proc/$p/cmdline 2>/dev/null || exit ${HOST_EXIT.notArmed}
read -r now _ </proc/uptime
echo $((\${now%.*} + ${Math.ceil(seconds)})) >deadline.new && mv deadline.new deadline
`;
}

/** One step: noted and written through before it begins, refused once somebody has decided. */
export function stepScript(transaction: string, step: Step, seconds: number): string {
  const number = numberOf(step);
  return `${undecided(transaction, seconds)}: >begun.${number}
echo ${quoted(`begun ${number} ${step.title}`)} >>journal
sync begun.${number} journal
# Before an or, set -e would count for nothing.
(
set -e
${scriptOf(step.forward)}
) 9>&-
[ $? = 0 ] || exit 1
echo "done ${number}" >>journal
exit 0
`;
}

/** Moves the deadline of a host on which nobody has decided yet, while the controller looks on. */
export function waitScript(transaction: string, seconds: number): string {
  return undecided(transaction, seconds);
}

/** Decides to keep what was done. Only a connection that is made for it may ask this. */
export function confirmScript(transaction: string): string {
  return `${head(transaction)}
cd $t || exit ${HOST_EXIT.unknown}
rm -rf mine.$$; mkdir mine.$$; echo confirm >mine.$$/by
if ! mv -T mine.$$ decided 2>/dev/null; then
  rm -rf mine.$$
  [ "$(cat decided/by)" = confirm ] || exit ${HOST_EXIT.decided}
fi
echo confirmed >outcome
echo confirmed >>journal
[ "$(cat $d/current 2>/dev/null)" = "$x" ] && rm -f $d/current
sync
exit 0
`;
}

/** @param why `hand`, or `undo` to go back behind a confirmation */
export function rollbackScript(transaction: string, why: 'hand' | 'undo'): string {
  return `${head(transaction)}
[ -e $t/rollback.sh ] || exit ${HOST_EXIT.unknown}
exec sh $t/rollback.sh ${why}
`;
}

/** What the host knows of a transaction: `OUTCOME ARMED SECONDS`, then its journal. */
export function statusScript(transaction: string): string {
  return `${head(transaction)}
cd $t 2>/dev/null || { echo unknown no 0; exit 0; }
read -r now _ </proc/uptime
a=no; p=$(cat armed 2>/dev/null) && grep -qa "$x" /proc/$p/cmdline 2>/dev/null && a=armed
o=open; [ -d decided ] && o=$(cat decided/by)ing; [ -e outcome ] && o=$(cat outcome)
echo "$o $a $(($(cat deadline) - \${now%.*}))"
cat journal 2>/dev/null
`;
}

/** The transaction that holds the host, and whether its timer runs: `ID armed|no`. */
export const CURRENT_SCRIPT = `d=/var/lib/hopwise
[ -e $d/current ] || exit 0
# Whoever takes the host just now has the lock until its timer runs.
exec 8>>$d/lock
flock -w 30 8 || exit ${HOST_EXIT.locked}
[ -e $d/current ] || exit 0
x=$(cat $d/current); t=$d/txn/$x
a=no; p=$(cat $t/armed 2>/dev/null) && grep -qa "$x" /proc/$p/cmdline 2>/dev/null && [ ! -d $t/decided ] && a=armed
echo "$x $a"
`;
