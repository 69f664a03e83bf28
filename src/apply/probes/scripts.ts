/**
 * What probes run on hosts: a listener at the taps of receivers, frames put in where a guest would
 * send them, and the reading of what was heard. Perl is there wherever Debian or OVS's own tools
 * are; a host without it is not probed. Nothing of a tenant stands in these scripts but bytes as
 * hexadecimal digits and names that were checked.
 */
import { deviceWord, namespaceWord } from '../script.ts';
import { named, quoted } from '../script-words.ts';
import { type Seat } from './probe.ts';

/** Exit codes of these scripts. */
export const PROBE_EXIT = { noPerl: 79, deaf: 80, mute: 81 } as const;

const HEX = /^([0-9a-f]{2})+$/;
const ID = /^[0-9a-f]{16}$/;
/** Seconds after which a listener ends by itself, whatever became of its controller. */
const LIFE_S = 30;

function head(id: string): string {
  return `export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"
umask 077
d=/var/lib/hopwise/probe-${named(ID, 'probe', id)}
`;
}

/**
 * Packet sockets at taps (packet(7)): what leaves for the guest's own MAC counts, and the answer to an
 * ARP probe (RFC 5227 §2.1.1) tells that somebody is there.
 */
const LISTENER = `use strict;
my ($d, $life) = @ARGV;
my (%socket, %name, %mac, %alive, %heard, @marks);
open(my $list, '<', "$d/list") or die;
open(my $out, '>', "$d/heard") or die;
select((select($out), $| = 1)[0]);
while (<$list>) {
  my ($what, $first, $mac, $address) = split;
  if ($what eq 'mark') { push @marks, [$first, pack('H*', $first)]; next }
  socket(my $s, 17, 3, unpack('S', pack('n', 3))) or die "socket: $!";
  my $request = pack('a16x24', $first);
  ioctl($s, 0x8933, $request) or next;
  bind($s, pack('SnlSCCa8', 17, 3, unpack('x16l', $request), 0, 0, 0, '')) or die "bind: $!";
  my $of = fileno($s);
  ($socket{$of}, $name{$of}, $mac{$of}) = ($s, $first, pack('H*', $mac =~ s/://gr));
  next unless defined $address;
  my $ip = pack('C4', split /[.]/, $address);
  $alive{$of} = $ip;
  my $own = "\\x02hopw\\x01";
  send($s, "\\xff" x 6 . $own . "\\x08\\x06\\0\\1\\x08\\0\\x06\\x04\\0\\1" . $own . "\\0" x 4 . "\\0" x 6 . $ip . "\\0" x 18, 0);
}
open(my $ready, '>', "$d/ready"); close $ready;
my $end = time + $life;
while (time < $end) {
  my $wait = '';
  vec($wait, $_, 1) = 1 for keys %socket;
  next unless select($wait, undef, undef, 1) > 0;
  for my $of (grep { vec($wait, $_, 1) } keys %socket) {
    my $from = recv($socket{$of}, my $frame, 2048, 0);
    next unless defined $from;
    my $way = unpack('x10C', $from);
    if ($way == 4) {
      next if substr($frame, 0, 6) ne $mac{$of};
      for my $mark (@marks) {
        next if index($frame, $mark->[1]) < 0 || $heard{"$of $mark->[0]"}++;
        print $out "heard $name{$of} $mark->[0] " . unpack('H*', $frame) . "\\n";
      }
    } elsif (exists $alive{$of} && substr($frame, 12, 2) eq "\\x08\\x06" && substr($frame, 20, 2) eq "\\0\\2" && substr($frame, 28, 4) eq $alive{$of}) {
      print $out "alive $name{$of}\\n" unless $heard{$of}++;
    }
  }
}
`;

/** Sends frames from an interface, as its owner would. */
const SENDER = `socket(my $s, 17, 3, 0) or die; my $r = pack("a16x24", shift); ioctl($s, 0x8933, $r) or die; bind($s, pack("SnlSCCa8", 17, 0, unpack("x16l", $r), 0, 0, 0, "")) or die; while (<STDIN>) { chomp; send($s, pack("H*", $_), 0) or die }`;

/** Starts a listener, and answers when it listens. */
export function listenScript(id: string, seats: readonly Seat[], marks: readonly string[]): string {
  const lines = [
    ...seats.map(
      ({ tap, mac, address }) =>
        `tap ${deviceWord(tap)} ${mac}${address === null ? '' : ` ${address}`}`,
    ),
    ...marks.map((mark) => `mark ${named(HEX, 'mark', mark)}`),
  ];
  return `${head(id)}
command -v perl >/dev/null || exit ${PROBE_EXIT.noPerl}
mkdir -p /var/lib/hopwise && mkdir "$d" || exit ${PROBE_EXIT.deaf}
cat >"$d/listen" <<'HOPWISE_LISTEN'
${LISTENER}HOPWISE_LISTEN
cat >"$d/list" <<'HOPWISE_LIST'
${lines.join('\n')}
HOPWISE_LIST
setsid perl "$d/listen" "$d" ${LIFE_S} </dev/null >/dev/null 2>"$d/problem" &
echo $! >"$d/pid"
n=0
while [ ! -e "$d/ready" ] && [ $n -lt 200 ]; do n=$((n + 1)); sleep 0.05; done
[ -e "$d/ready" ] && exit 0
cat "$d/problem" >&2
exit ${PROBE_EXIT.deaf}
`;
}

/** Puts frames in, three times each: one that was lost by chance is no finding. */
export function sendScript(
  frames: readonly { readonly seat: Seat; readonly hex: string }[],
): string {
  const doors = new Map<string, string[]>();
  for (const { seat, hex } of frames) {
    const door = seat.inside === null ? throughSwitch(seat) : fromInside(seat.inside);
    doors.set(door, [...(doors.get(door) ?? []), named(HEX, 'frame', hex)]);
  }
  const once = [...doors].map(
    ([door, own]) => `printf '%s\\n' ${own.join(' ')} | ${door} || sent=`,
  );
  return `export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"
sent=yes
for n in 1 2 3; do
${once.join('\n')}
sleep 0.1
done
[ -n "$sent" ] || exit ${PROBE_EXIT.mute}
`;
}

/** A command that takes frames as lines of digits. */
function fromInside({ namespace, device }: NonNullable<Seat['inside']>): string {
  const where = quoted(namespaceWord(namespace));
  return `ip netns exec ${where} perl -e '${SENDER}' ${quoted(deviceWord(device))}`;
}

/** The switch takes a frame as if its port had received it (ovs-ofctl(8) packet-out). */
function throughSwitch({ bridge, tap }: Seat): string {
  const [name, port] = [quoted(deviceWord(bridge ?? '')), quoted(deviceWord(tap))];
  return `{ o=$(ovs-vsctl --timeout=5 get interface ${port} ofport) && while read -r f; do ovs-ofctl -O OpenFlow14 packet-out ${name} "in_port=$o packet=$f actions=resubmit(,0)" || exit 1; done; }`;
}

/** Waits until so many were heard, then some longer, and tells what was. */
export function hearScript(id: string, expected: number, most_ms: number, more_ms: number): string {
  return `${head(id)}
cd "$d" || exit ${PROBE_EXIT.deaf}
n=0
while [ "$(grep -c ^heard heard)" -lt ${expected} ] && [ $n -lt ${Math.ceil(most_ms / 50)} ]; do n=$((n + 1)); sleep 0.05; done
sleep ${(more_ms / 1000).toFixed(2)}
p=$(cat pid) && grep -qa "$d" "/proc/$p/cmdline" 2>/dev/null && kill "$p"
cat heard
cd / && rm -rf "$d"
`;
}
