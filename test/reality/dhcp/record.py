"""Asks a real dnsmasq and writes down what it answers: python3 record.py DNSMASQ > answers.json

Needs root. Works in two network namespaces of its own, named after its process id.
"""
import json, os, socket, struct, subprocess, sys, tempfile, time

DNSMASQ = sys.argv[1]
SERVER, CLIENT = f"dr{os.getpid()}s", f"dr{os.getpid()}c"
ADDRESSES = ["10.0.0.2/24", "192.168.7.1/25", "fd00:1::2/64"]


def sh(*words, check=True):
    return subprocess.run(words, check=check, capture_output=True, text=True).stdout


# Each configuration: settings, and the files they name.
CONFIGS = {
    "neutron": dict(
        settings=[
            "no-hosts", "no-resolv", "bind-dynamic", "dhcp-match=set:ipxe,175", "dhcp-userclass=set:ipxe6,iPXE",
            "dhcp-range=set:subnet-a,10.0.0.0,static,255.255.255.0,86400s",
            "dhcp-range=set:subnet-b,192.168.7.0,static,255.255.255.128,infinite",
            "dhcp-range=set:subnet-c,fd00:1::,static,64,7200s",
            "dhcp-option-force=option:mtu,1450", "dhcp-lease-max=256", "domain=openstacklocal",
        ],
        hosts=[
            "02:00:00:00:00:01,host-10-0-0-5.openstacklocal,10.0.0.5",
            "02:00:00:00:00:02,host-192-168-7-9.openstacklocal,192.168.7.9,set:port-two",
            "02:00:00:00:00:03,ignore",
            "02:00:00:00:00:04,plain,10.0.0.7,45m",
            "02:00:00:00:00:05,host-six.openstacklocal,[fd00:1::77]",
            "02:00:00:00:00:06,id:01:aa:bb,named,10.0.0.8",
        ],
        options=[
            "tag:subnet-a,option:dns-server,198.51.100.53,0.0.0.0",
            "tag:subnet-a,option:classless-static-route,192.0.2.0/24,10.0.0.9,169.254.169.254/32,10.0.0.1,0.0.0.0/0,10.0.0.1",
            "tag:subnet-a,249,169.254.169.254/32,10.0.0.1,0.0.0.0/0,10.0.0.1",
            "tag:subnet-a,option:router,10.0.0.1",
            "tag:subnet-b,option:router",
            "tag:port-two,option:ntp-server,192.0.2.4",
            "tag:port-two,option:tftp-server,\"boot.example\"",
            "tag:subnet-c,option6:dns-server,[2001:db8::53],[2001:db8::54]",
            "tag:subnet-c,option6:domain-search,openstacklocal",
        ],
    ),
    "site": dict(
        settings=[
            "no-resolv", "dhcp-authoritative", "dhcp-range=10.0.0.100,10.0.0.150,2h", "dhcp-broadcast=tag:loud",
            "dhcp-option=3,10.0.0.254", "dhcp-option=option:ntp-server,0.0.0.0", "dhcp-option=26,1400",
            "dhcp-option=tag:loud,3,10.0.0.253", "dhcp-option=tag:!loud,option:domain-name,quiet.example",
            "dhcp-option=option:domain-search,example.org,lab.example.org", "dhcp-option=150,10.0.0.3",
            "dhcp-option=252,\"http://wpad/wpad.dat\"", "dhcp-option=option:ip-forward-enable,1",
            "dhcp-option=option:arp-timeout,60", "domain=site.example", "port=0",
            "dhcp-ignore=tag:unwanted",
        ],
        hosts=[
            "02:00:00:00:00:01,10.0.0.21,one,set:loud",
            "02:00:00:00:00:02,02:00:00:00:00:07,10.0.0.22,two,infinite",
            "02:00:00:00:00:03,10.0.0.23,set:unwanted",
        ],
        options=[],
    ),
}

MESSAGE, SERVER_ID, REQUESTED = 53, 54, 50


def dhcp4(mac, kind, wanted, options=(), flags=0, ciaddr="0.0.0.0"):
    head = struct.pack("!BBBBIHH4s4s4s4s", 1, 1, 6, 0, 0x1234, 0, flags, socket.inet_aton(ciaddr), *(bytes(4),) * 3)
    body = head + mac + bytes(10) + bytes(192) + bytes.fromhex("63825363")
    every = [(MESSAGE, bytes([kind])), *options] + ([(55, bytes(wanted))] if wanted is not None else [])
    return body + b"".join(bytes([c, len(d)]) + d for c, d in every) + b"\xff"


def checksum(data):
    data += b"\0" * (len(data) % 2)
    s = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff


def frame4(mac, payload):
    udp = struct.pack("!HHHH", 68, 67, 8 + len(payload), 0) + payload
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes(4), b"\xff" * 4)
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    return b"\xff" * 6 + mac + b"\x08\x00" + ip + udp


def lla(mac):
    return bytes.fromhex("fe80000000000000") + bytes([mac[0] ^ 2]) + mac[1:3] + b"\xff\xfe" + mac[3:]


def frame6(mac, payload):
    src, dst = lla(mac), socket.inet_pton(socket.AF_INET6, "ff02::1:2")
    udp = struct.pack("!HHHH", 546, 547, 8 + len(payload), 0) + payload
    pseudo = src + dst + struct.pack("!II", len(udp), 17)
    udp = udp[:6] + struct.pack("!H", checksum(pseudo + udp)) + udp[8:]
    ip = struct.pack("!IHBB", 6 << 28, len(udp), 17, 1) + src + dst
    return bytes.fromhex("333300010002") + mac + b"\x86\xdd" + ip + udp


def dhcp6(mac, kind, options=()):
    every = [(1, bytes([0, 3, 0, 1]) + mac), (6, struct.pack("!HH", 23, 24)), *options]
    return bytes([kind]) + b"\x00\x12\x34" + b"".join(struct.pack("!HH", c, len(d)) + d for c, d in every)


def mac(last):
    return bytes([2, 0, 0, 0, 0, last])


USUAL = [1, 28, 3, 15, 6, 12, 26, 42, 119, 121]
A4 = socket.inet_aton
IA = (3, b"\0\0\0\1" + bytes(8))
QUESTIONS = {
    "neutron": [
        ("discover", 4, mac(1), dhcp4(mac(1), 1, USUAL)),
        ("discover, everything", 4, mac(1), dhcp4(mac(1), 1, None)),
        ("discover, only 249 and 66", 4, mac(2), dhcp4(mac(2), 1, [249, 66])),
        ("discover by broadcast", 4, mac(1), dhcp4(mac(1), 1, USUAL, flags=0x8000)),
        ("discover on the other subnet", 4, mac(2), dhcp4(mac(2), 1, USUAL)),
        ("discover, ignored", 4, mac(3), dhcp4(mac(3), 1, USUAL)),
        ("discover, own lease time", 4, mac(4), dhcp4(mac(4), 1, USUAL)),
        ("discover, unknown", 4, mac(9), dhcp4(mac(9), 1, USUAL)),
        ("discover by client id", 4, mac(10), dhcp4(mac(10), 1, USUAL, [(61, bytes.fromhex("01aabb"))])),
        ("request the offer", 4, mac(1), dhcp4(mac(1), 3, USUAL, [(SERVER_ID, A4("10.0.0.2")), (REQUESTED, A4("10.0.0.5"))])),
        ("request another address", 4, mac(1), dhcp4(mac(1), 3, USUAL, [(SERVER_ID, A4("10.0.0.2")), (REQUESTED, A4("10.0.0.6"))])),
        ("request of another server", 4, mac(1), dhcp4(mac(1), 3, USUAL, [(SERVER_ID, A4("10.0.0.3")), (REQUESTED, A4("10.0.0.5"))])),
        ("request after a reboot", 4, mac(1), dhcp4(mac(1), 3, USUAL, [(REQUESTED, A4("10.0.0.5"))])),
        ("request after a reboot, other network", 4, mac(1), dhcp4(mac(1), 3, USUAL, [(REQUESTED, A4("172.16.0.5"))])),
        ("solicit", 6, mac(5), dhcp6(mac(5), 1, [IA])),
        ("solicit, unknown", 6, mac(9), dhcp6(mac(9), 1, [IA])),
        ("information request", 6, mac(9), dhcp6(mac(9), 11)),
    ],
    "site": [
        ("discover, loud", 4, mac(1), dhcp4(mac(1), 1, USUAL + [150, 252, 19, 35])),
        ("discover, quiet", 4, mac(2), dhcp4(mac(2), 1, USUAL + [150, 252])),
        ("discover, second MAC", 4, mac(7), dhcp4(mac(7), 1, USUAL)),
        ("discover, unwanted", 4, mac(3), dhcp4(mac(3), 1, USUAL)),
        ("request of nobody's address", 4, mac(1), dhcp4(mac(1), 3, USUAL, [(REQUESTED, A4("10.0.0.99"))])),
    ],
}


def inside(namespace, function):
    """Runs a function in a namespace and hands back what it returns."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        fd = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
        libc = __import__("ctypes").CDLL(None, use_errno=True)
        assert libc.setns(fd, 0) == 0
        os.write(write, json.dumps(function()).encode())
        os._exit(0)
    os.close(write)
    data = b""
    while part := os.read(read, 65536):
        data += part
    os.waitpid(pid, 0)
    return json.loads(data)


def ask(version, source, payload):
    """The answer on the wire: link, network and payload; None when there is none."""
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    raw.bind(("c0", 0))
    raw.settimeout(0.2)
    raw.send(frame4(source, payload) if version == 4 else frame6(source, payload))
    end = time.time() + 3.0
    while time.time() < end:
        try:
            data = raw.recv(4096)
        except socket.timeout:
            continue
        if version == 4 and data[12:14] == b"\x08\x00" and data[23] == 17 and data[36:38] == b"\x00\x44":
            return {"to_mac": data[:6].hex(":"), "to": socket.inet_ntoa(data[30:34]), "payload": data[42:].hex()}
        if version == 6 and data[12:14] == b"\x86\xdd":
            target = data[62:78] if data[20] == 58 and data[54] == 135 else None
            if target == lla(source):  # the server asks for our MAC
                advert = b"\x88\0\0\0\x60\0\0\0" + target + b"\x02\x01" + source
                back = struct.pack("!IHBB", 6 << 28, len(advert), 58, 255) + target + data[22:38]
                pseudo = target + data[22:38] + struct.pack("!II", len(advert), 58)
                advert = advert[:2] + struct.pack("!H", checksum(pseudo + advert)) + advert[4:]
                raw.send(data[6:12] + source + b"\x86\xdd" + back + advert)
            if data[20] == 17 and data[56:58] == struct.pack("!H", 546):
                to = socket.inet_ntop(socket.AF_INET6, data[38:54])
                return {"to_mac": data[:6].hex(":"), "to": to, "payload": data[62:].hex()}
    return None


def record(name, config):
    folder = tempfile.mkdtemp(prefix="dhcp-record-")
    for key in ("hosts", "options"):
        open(f"{folder}/{key}", "w").write("".join(line + "\n" for line in config[key]))
    settings = config["settings"] + [f"dhcp-hostsfile={folder}/hosts", f"dhcp-optsfile={folder}/options",
                                     f"dhcp-leasefile={folder}/leases"]
    open(f"{folder}/conf", "w").write("".join(line + "\n" for line in settings))
    words = ["ip", "netns", "exec", SERVER, DNSMASQ, f"--conf-file={folder}/conf", "--user=root", "--no-daemon",
             "--pid-file", "--interface=s0", "--port=0" if "port=0" in settings else "--port=53"]
    daemon = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    time.sleep(1.5)
    answers = []
    for what, version, source, payload in QUESTIONS[name]:
        answers.append({"what": what, "version": version, "mac": source.hex(":"), "payload": payload.hex(),
                        "answer": inside(CLIENT, lambda: ask(version, source, payload))})
    daemon.terminate()
    log = daemon.stderr.read()
    if os.environ.get("VERBOSE"):
        sys.stderr.write(log)
    return {"name": name, **config, "addresses": ADDRESSES, "questions": answers}


try:
    for namespace in (SERVER, CLIENT):
        sh("ip", "netns", "add", namespace)
    sh("ip", "-n", SERVER, "link", "add", "s0", "type", "veth", "peer", "name", "c0", "netns", CLIENT)
    for namespace, device in ((SERVER, "s0"), (SERVER, "lo"), (CLIENT, "c0")):
        sh("ip", "-n", namespace, "link", "set", device, "up")
    for address in ADDRESSES:
        sh("ip", "-n", SERVER, "addr", "add", address, "dev", "s0", *(["nodad"] if ":" in address else []))
    time.sleep(3)
    version = sh(DNSMASQ, "--version").split("\n")[0]
    json.dump({"version": version, "cases": [record(n, c) for n, c in CONFIGS.items()]}, sys.stdout, indent=1)
finally:
    for namespace in (SERVER, CLIENT):
        sh("ip", "netns", "del", namespace, check=False)
