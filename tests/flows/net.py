"""Two network namespaces with a wire between them, traffic over it, a second
count of that traffic, and softflowd on it."""
import calendar
import json
import pathlib
import re
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

HERE, THERE = ("10.77.0.1", "fd77::1"), ("10.77.0.2", "fd77::2")
FILLER = 9  # the discard port; nobody listens, no case looks at it
PORTS = 8  # a case uses so many, from its first: TCP and UDP, two of each for both families
ETH_P_ALL = 3


def run(*command):
    subprocess.run(command, check=True, capture_output=True)


def nanoseconds(text):
    """RFC 3339 with an offset, as the API writes times."""
    m = re.fullmatch(r"(\d+-\d+-\d+T\d+:\d+:\d+)(\.\d+)?(Z|([+-])(\d\d):(\d\d))", text)
    base = calendar.timegm(time.strptime(m[1], "%Y-%m-%dT%H:%M:%S"))
    if m[4]:
        base -= (1 if m[4] == "+" else -1) * (int(m[5]) * 3600 + int(m[6]) * 60)
    return base * 1_000_000_000 + int(((m[2] or ".0")[1:] + "0" * 9)[:9])


class Wire:
    """This namespace is one end, va; a child holds the other, vb."""
    device = "va"

    def __init__(self):
        run("ip", "link", "set", "lo", "up")
        self.holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo ready; exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.holder.stdout.readline()
        run("ip", "link", "add", "va", "type", "veth", "peer", "name", "vb", "netns", str(self.holder.pid))
        self.there = ["nsenter", "-t", str(self.holder.pid), "-n"]
        for prefix, device, addresses in (([], "va", HERE), (self.there, "vb", THERE)):
            # A packet of the wire is a packet of the count: no segments of 64 kB that only offloading makes.
            run(*prefix, "ip", "link", "set", device, "gso_max_segs", "1")
            run(*prefix, "ip", "addr", "add", addresses[0] + "/24", "dev", device)
            run(*prefix, "ip", "addr", "add", addresses[1] + "/64", "dev", device, "nodad")
            run(*prefix, "ip", "link", "set", device, "up")

    def traffic(self, port):
        """TCP and UDP to ports port.. of this end. Returns what UDP must come to: {flow: (packets, bytes)}."""
        servers = [Server(kind, HERE[f], port + 4 * (kind == socket.SOCK_DGRAM) + 2 * f + n)
                   for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM) for f in (0, 1) for n in (0, 1)]
        done = subprocess.run([*self.there, sys.executable, __file__, str(port)], capture_output=True, text=True, check=True)
        for s in servers:
            s.stop()
        return {tuple(k): tuple(v) for k, v in json.loads(done.stdout)}

    def stop(self):
        self.holder.stdin.close()
        self.holder.wait()


class Server:
    """Takes what comes; a TCP peer gets twice as much back, a datagram is answered with its first half."""

    def __init__(self, kind, address, port):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = socket.socket(family, kind)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((address, port))
        if kind == socket.SOCK_STREAM:
            self.socket.listen(8)
        self.thread = threading.Thread(target=self.tcp if kind == socket.SOCK_STREAM else self.udp, daemon=True)
        self.thread.start()

    def tcp(self):
        try:
            while True:
                peer, _ = self.socket.accept()
                with peer:
                    size = 0
                    while chunk := peer.recv(65536):
                        size += len(chunk)
                    peer.sendall(b"b" * (2 * size))
        except OSError:
            pass

    def udp(self):
        try:
            while True:
                data, peer = self.socket.recvfrom(65536)
                if peer is None: # shut down
                    return
                self.socket.sendto(data[:len(data) // 2], peer)
        except OSError:
            pass

    def stop(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()


def client(port):
    """The other end, in its namespace."""
    sent = []
    for f, address in enumerate(HERE):
        family = socket.AF_INET6 if f else socket.AF_INET
        head = 48 if f else 28
        for n in (0, 1):
            with socket.socket(family, socket.SOCK_STREAM) as s:
                s.connect((address, port + 2 * f + n))
                s.sendall(b"a" * (1000 + 30000 * n))
                s.shutdown(socket.SHUT_WR)
                while s.recv(65536):
                    pass
            with socket.socket(family, socket.SOCK_DGRAM) as s:
                s.connect((address, port + 4 + 2 * f + n))
                s.settimeout(60)
                count, size = 7 + 20 * n, 100 + 600 * n
                for _ in range(count):
                    s.send(b"u" * size)
                    s.recv(65536)
                own, to = s.getsockname(), port + 4 + 2 * f + n
                sent.append(((own[0], address, own[1], to, 17), (count, count * (size + head))))
                sent.append(((address, own[0], to, own[1], 17), (count, count * (size // 2 + head))))
    print(json.dumps(sent))


class Capture:
    """Every IP packet of a device, counted by flow: packets, and bytes from the IP header on."""

    def __init__(self, device):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
        self.socket.bind((device, 0))
        self.socket.settimeout(0.1)
        self.frames, self.flows, self.ending = 0, {}, False
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        while True:
            try:
                frame = self.socket.recv(1 << 17)
            except socket.timeout:
                if self.ending:
                    return
                continue
            self.count(frame)

    def count(self, frame):
        kind, ip = frame[12:14], frame[14:]
        self.frames += 1
        if kind == b"\x08\x00":
            source, target = (socket.inet_ntop(socket.AF_INET, ip[k:k + 4]) for k in (12, 16))
            proto, size, at = ip[9], struct.unpack("!H", ip[2:4])[0], (ip[0] & 15) * 4
        elif kind == b"\x86\xdd":
            source, target = (socket.inet_ntop(socket.AF_INET6, ip[k:k + 16]) for k in (8, 24))
            proto, size, at = ip[6], struct.unpack("!H", ip[4:6])[0] + 40, 40
        else:
            return
        if proto in (6, 17):
            ports = struct.unpack("!HH", ip[at:at + 4])
            flow = self.flows.setdefault((source, target, *ports, proto), [0, 0])
            flow[0] += 1
            flow[1] += size

    def stop(self):
        self.ending = True
        self.thread.join()
        self.socket.close()
        return self.flows


class Softflowd:
    """Flows are held until the end: the longest life is longer than the test."""

    def __init__(self, folder, device, port, options):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="softflowd-", dir=folder))
        self.control = str(self.folder / "control")
        self.log = open(self.folder / "log", "wb")
        timeouts = [x for t in ("general=600", "tcp=600", "tcp.fin=600", "tcp.rst=600", "udp=600", "maxlife=600", "expint=600") for x in ("-t", t)]
        self.child = subprocess.Popen(["softflowd", "-d", "-i", device, "-n", f"127.0.0.1:{port}", *options, *timeouts,
                                       "-p", str(self.folder / "pid"), "-c", self.control], stdout=self.log, stderr=self.log)
        end = time.monotonic() + 10
        while self.processed() < 0:
            if self.child.poll() is not None or time.monotonic() > end:
                raise RuntimeError("softflowd did not start: " + (self.folder / "log").read_text(errors="replace"))
            time.sleep(0.02)

    def processed(self):
        """Frames that it has taken out of libpcap's buffer; -1: it does not answer."""
        answer = subprocess.run(["softflowctl", "-c", self.control, "statistics"], capture_output=True, text=True, check=False)
        got = re.search(r"Packets processed: (\d+).*Ignored packets: (\d+)", answer.stdout, re.S)
        return int(got[1]) + int(got[2]) if got else -1

    def push(self, frames):
        """Gets the first so many frames to it. It opens libpcap without a timeout, so a block of the
        kernel's ring is handed over only when it is full: other traffic must fill it."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            for _ in range(2000):
                if self.processed() >= frames:
                    return True
                for _ in range(100):
                    s.sendto(b"f" * 1000, (THERE[0], FILLER))
        return False

    def shutdown(self):
        subprocess.run(["softflowctl", "-c", self.control, "shutdown"], capture_output=True, check=False)
        try:
            return self.child.wait(120)
        except subprocess.TimeoutExpired:
            self.child.kill()
            return self.child.wait()
        finally:
            self.log.close()


if __name__ == "__main__":
    client(int(sys.argv[1]))
