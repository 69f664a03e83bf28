#!/usr/bin/env python3
"""record.py OUT.json   (root): records what the real kernel does with packets on a small network.

Seven hosts and a bridge are network namespaces: a sends probes; r routes between its links, one of
which has a small MTU and one is translated (masquerade), and refuses some traffic; b, c and d
answer; e is a second router on a's link, f stands behind d and another small MTU. OUT.json gets the dumps of every namespace, the probes
and every frame that crossed any interface. Only namespaces made here are touched; they are
removed at the end. `network.test.ts` traces the same probes over the dumps.
"""
import base64, itertools, json, os, select, socket, struct, subprocess, sys, tempfile, threading, time

PREFIX = "hops-path-"
HOSTS = ["a", "r", "b", "c", "d", "e", "f", "sw"]
CODE_PROBE = "--probe"
CODE_SERVE = "--serve"
INDEX = itertools.count()


def run(*words, check=True):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if check and done.returncode != 0:
        raise SystemExit(f"{' '.join(words)}: {done.stderr}")
    return done.stdout


def ns(host, *words, check=True):
    return run("ip", "netns", "exec", PREFIX + host, *words, check=check)


def remove():
    for host in HOSTS:
        run("ip", "netns", "del", PREFIX + host, check=False)


def cable(host, name, other, far):
    # The ends name each other by index, so no index may occur twice, as where one kernel counts.
    ends = [str(100 + next(INDEX)), str(100 + next(INDEX))]
    run("ip", "link", "add", name, "index", ends[0], "netns", PREFIX + host, "type", "veth", "peer", "name", far, "index", ends[1], "netns", PREFIX + other)
    for where, device in ((host, name), (other, far)):
        ns(where, "ip", "link", "set", device, "up")
        # Without offloads every frame has its checksum and its size on the wire.
        subprocess.run(["ip", "netns", "exec", PREFIX + where, "ethtool", "-K", device, "tx", "off", "tso", "off", "gso", "off"], stderr=subprocess.DEVNULL)


def address(host, device, four, six):
    ns(host, "ip", "addr", "add", four, "dev", device)
    ns(host, "ip", "-6", "addr", "add", six, "dev", device, "nodad")


def build():
    for host in HOSTS:
        run("ip", "netns", "add", PREFIX + host)
        ns(host, "ip", "link", "set", "lo", "up")
        for key in ("net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0", "net.ipv6.conf.default.accept_dad=0", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0"):
            ns(host, "sysctl", "-qw", key)
    ns("sw", "ip", "link", "add", "br0", "type", "bridge")
    ns("sw", "ip", "link", "set", "br0", "up")
    cable("a", "a0", "sw", "pa")
    cable("r", "ra", "sw", "pr")
    cable("e", "e0", "sw", "pe")
    for port in ("pa", "pr", "pe"):
        ns("sw", "ip", "link", "set", port, "master", "br0")
    cable("r", "rb", "b", "b0")
    cable("r", "rc", "c", "c0")
    cable("r", "rd", "d", "d0")
    cable("d", "df", "f", "f0")
    address("a", "a0", "10.1.0.2/24", "fd01::2/64")
    address("e", "e0", "10.1.0.3/24", "fd01::3/64")
    address("r", "ra", "10.1.0.1/24", "fd01::1/64")
    for n, host in ((2, "b"), (3, "c"), (4, "d")):
        address("r", "r" + host, f"10.{n}.0.1/24", f"fd0{n}::1/64")
        address(host, host + "0", f"10.{n}.0.2/24", f"fd0{n}::2/64")
    address("d", "df", "10.7.0.1/24", "fd07::1/64")
    address("f", "f0", "10.7.0.2/24", "fd07::2/64")
    address("r", "lo", "10.6.0.1/32", "fd06::1/128")
    for where, device, mtu in (("r", "rc", "1400"), ("c", "c0", "1400"), ("d", "df", "1350"), ("f", "f0", "1350")):
        ns(where, "ip", "link", "set", device, "mtu", mtu)
    for host in ("r", "e", "d"):
        ns(host, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
    for host, n in (("a", 1), ("e", 1), ("b", 2), ("c", 3), ("f", 7)):
        ns(host, "ip", "route", "add", "default", "via", f"10.{n}.0.1")
        ns(host, "ip", "-6", "route", "add", "default", "via", f"fd0{n}::1")
    address("e", "lo", "10.5.0.1/32", "fd05::1/128")
    ns("r", "ip", "route", "add", "10.5.0.0/24", "via", "10.1.0.3")
    ns("r", "ip", "-6", "route", "add", "fd05::/64", "via", "fd01::3")
    ns("r", "ip", "route", "add", "10.7.0.0/24", "via", "10.4.0.2")
    ns("r", "ip", "-6", "route", "add", "fd07::/64", "via", "fd04::2")
    ns("a", "ip", "route", "add", "10.6.0.0/24", "via", "10.1.0.3")
    ns("a", "ip", "-6", "route", "add", "fd06::/64", "via", "fd01::3")
    for n, kind in ((66, "blackhole"), (67, "prohibit"), (68, "unreachable")):
        ns("r", "ip", "route", "add", kind, f"10.{n}.0.0/24")
        ns("r", "ip", "-6", "route", "add", kind, f"fd{n}::/64")
    refuse = {"iptables": ("icmp-admin-prohibited", "icmp-port-unreachable"), "ip6tables": ("icmp6-adm-prohibited", "icmp6-port-unreachable")}
    for command, (prohibited, port) in refuse.items():
        rule = lambda *words: ns("r", command, "-A", "FORWARD", *words)
        rule("-p", "tcp", "--dport", "81", "-j", "REJECT", "--reject-with", "tcp-reset")
        rule("-p", "udp", "--dport", "82", "-j", "REJECT", "--reject-with", prohibited)
        rule("-p", "tcp", "--dport", "83", "-j", "REJECT", "--reject-with", port)
        rule("-p", "udp", "--dport", "84", "-j", "DROP")
        ns("r", command, "-t", "nat", "-A", "POSTROUTING", "-o", "rd", "-j", "MASQUERADE")


def dump():
    files = {}
    sysctls = r"^net\.(ipv4\.(ip_forward|conf\..*\.(rp_filter|proxy_arp|forwarding|arp_ignore|arp_announce|accept_redirects|send_redirects))|ipv6\.conf\..*\.(forwarding|disable_ipv6|accept_redirects)|bridge\..*) "
    commands = {
        "ip-link.json": "ip -json -d link", "ip-addr.json": "ip -json addr",
        "ip-route-v4.json": "ip -4 -json route show table all", "ip-route-v6.json": "ip -6 -json route show table all",
        "ip-rule-v4.json": "ip -4 -json rule", "ip-rule-v6.json": "ip -6 -json rule",
        "ip-neigh-v4.json": "ip -4 -json neigh", "ip-neigh-v6.json": "ip -6 -json neigh",
        "bridge-fdb.json": "bridge -json fdb", "bridge-link.json": "bridge -json -d link", "bridge-vlan.json": "bridge -json vlan",
        "iptables-save.txt": "iptables-save", "ip6tables-save.txt": "ip6tables-save",
        "ss-listen.txt": "ss -lntup", "sysctl.txt": f"sysctl -a 2>/dev/null | grep -E '{sysctls}'",
    }
    for host in HOSTS:
        for name, command in commands.items():
            text = ns(host, "sh", "-c", command, check=False)
            if text.strip():
                files[f"hosts/lab/ns/{host}/{name}"] = text
    files["hosts/lab/hostname.txt"] = "lab\n"
    files["hosts/lab/netns-list.txt"] = "".join(f"{host} (id: {i})\n" for i, host in enumerate(HOSTS))
    return files


def probes():
    found = []
    def add(proto, to, dport=None, size=32):
        found.append({"proto": proto, "to": to, "dport": dport, "size": size})
    for net, host in (("10.2.0.", "fd02::"), ("10.4.0.", "fd04::")):
        for one in (net + "2", host + "2"):
            add("icmp", one)
            add("udp", one, 7000)
            add("udp", one, 7001)
            add("tcp", one, 7000)
            add("tcp", one, 7001)
    for one in ("10.2.0.2", "fd02::2"):
        add("tcp", one, 81)
        add("udp", one, 82)
        add("tcp", one, 83)
        add("udp", one, 84)
    for one in ("10.3.0.2", "fd03::2"):
        add("icmp", one)
        add("icmp", one, size=1430)
        add("udp", one, 7000, size=1430)
        add("tcp", one, 7000)
    for one in ("10.7.0.2", "fd07::2"):
        add("icmp", one)
        add("icmp", one, size=1400)
        add("udp", one, 7001)
        add("tcp", one, 7000, size=1400)
    for one in ("10.2.0.2", "10.3.0.2", "fd02::2"):
        add("icmp", one, size=3000)
        add("udp", one, 7000, size=3000)
    for one in ("10.2.0.99", "fd02::99", "192.0.2.1", "2001:db8:99::1", "10.66.0.1", "fd66::1", "10.67.0.1", "fd67::1", "10.68.0.1", "fd68::1", "10.5.0.1", "fd05::1", "10.6.0.1", "fd06::1", "10.1.0.3", "fd01::3", "10.1.0.1", "fd01::1", "10.2.0.1", "fd02::1"):
        add("icmp", one)
    return found


def capture(folder):
    running, points = [], []
    for host in HOSTS:
        for link in json.loads(ns(host, "ip", "-json", "link")):
            name = link["ifname"]
            # Listening to a bridge makes it promiscuous, and then it sees what it only forwards.
            if name in ("lo", "br0") or "UP" not in link["flags"]:
                continue
            file = os.path.join(folder, f"{host}-{name}.pcap")
            words = ["ip", "netns", "exec", PREFIX + host, "dumpcap", "-q", "-P", "-i", name, "-w", file]
            running.append(subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            points.append({"pcap": f"{host}-{name}", "host": "lab", "namespace": host, "interface": name})
    time.sleep(3)
    return running, points


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff


def send(probe, number):
    """Runs inside of a; sends one probe and waits for what comes back."""
    six = ":" in probe["to"]
    family = socket.AF_INET6 if six else socket.AF_INET
    record = dict(probe, kind="probe", phase="", **{"from": "lab:a0"}, token=f"nl{number:010x}", t=time.time(), delivered=False)
    payload = record["token"].encode().ljust(probe["size"], b"\0")
    try:
        if probe["proto"] == "icmp":
            s = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP)
            record["icmp_id"] = 0x4000 + number
            head = struct.pack("!BBHHH", 128 if six else 8, 0, 0, record["icmp_id"], 1)
            if not six:
                head = head[:2] + struct.pack("!H", checksum(head + payload)) + head[4:]
            s.sendto(head + payload, (probe["to"], 0))
            end = time.time() + (4 if probe["to"].endswith("99") else 1)
            while time.time() < end and select.select([s], [], [], max(0, end - time.time()))[0]:
                data, peer = s.recvfrom(4096)
                data = data if six else data[(data[0] & 15) * 4:]
                if data[0] == (129 if six else 0) and struct.unpack("!H", data[4:6])[0] == record["icmp_id"]:
                    record["delivered"] = True
                    break
                if payload[:12] in data and data[0] in ((1, 2, 3, 4) if six else (3, 5, 11)):
                    record["icmp_error"] = {"from": peer[0], "type": data[0], "code": data[1]}
                    if data[0] != 5:
                        break
        else:
            s = socket.socket(family, socket.SOCK_DGRAM if probe["proto"] == "udp" else socket.SOCK_STREAM)
            s.settimeout(1)
            s.bind(("::" if six else "0.0.0.0", 30000 + number))
            s.connect((probe["to"], probe["dport"]))
            record["sport"] = s.getsockname()[1]
            s.send(payload)
            record["delivered"] = len(s.recv(4096)) > 0
    except OSError as error:
        record["error"] = str(error)
    record.setdefault("sport", 30000 + number if probe["proto"] != "icmp" else None)
    s.close()
    return record


def serve():
    """Runs inside of an answering host: echoes datagrams and one line of each connection."""
    datagrams = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    datagrams.bind(("::", 7000))
    listener = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    listener.bind(("::", 7000))
    listener.listen(10)
    def connections():
        while True:
            connection, _ = listener.accept()
            data = connection.recv(4096)
            if data:
                connection.sendall(data[:32])
            connection.close()
    threading.Thread(target=connections, daemon=True).start()
    while True:
        data, peer = datagrams.recvfrom(4096)
        datagrams.sendto(data[:32], peer)


def main(out):
    remove()
    folder = tempfile.mkdtemp(prefix="hops-path-")
    build()
    me = os.path.abspath(__file__)
    servers = [subprocess.Popen(["ip", "netns", "exec", PREFIX + host, sys.executable, me, CODE_SERVE]) for host in ("b", "c", "d", "f")]
    time.sleep(3)
    running, points = capture(folder)
    records = []
    for number, probe in enumerate(probes()):
        # What an earlier probe taught (a smaller MTU, a better gateway, a failed neighbour) is forgotten.
        for host in ("a", "r", "d", "f"):
            for version in ("-4", "-6"):
                ns(host, "ip", version, "route", "flush", "cache", check=False)
                ns(host, "ip", version, "neigh", "flush", "nud", "failed", check=False)
        text = ns("a", sys.executable, me, CODE_PROBE, json.dumps([probe, number]))
        records.append(json.loads(text))
        time.sleep(0.2)
    files = dump()
    time.sleep(1)
    for one in running:
        one.terminate()
        one.wait()
    for one in servers:
        one.kill()
    pcaps = {name[:-5]: base64.b64encode(open(os.path.join(folder, name), "rb").read()).decode() for name in sorted(os.listdir(folder))}
    json.dump({"files": files, "points": points, "probes": records, "pcaps": pcaps}, open(out, "w"))
    remove()


if sys.argv[1] == CODE_SERVE:
    serve()
elif sys.argv[1] == CODE_PROBE:
    print(json.dumps(send(*json.loads(sys.argv[2]))))
else:
    main(sys.argv[1])
