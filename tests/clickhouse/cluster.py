"""A private ZooKeeper and a ClickHouse set on loopback: shards of replicas, in a
folder of its own, with ports that were free."""
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

CLUSTER = "luy"
ZOOKEEPER_JAR = pathlib.Path("/usr/share/java/zookeeper.jar")
USERS = """<yandex>
 <profiles><default><max_memory_usage>1000000000</max_memory_usage></default></profiles>
 <users><default><password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default></users>
 <quotas><default><interval><duration>3600</duration><queries>0</queries><errors>0</errors><result_rows>0</result_rows>
  <read_rows>0</read_rows><execution_time>0</execution_time></interval></default></quotas>
</yandex>
"""


def missing():
    """What this machine lacks for it, or None."""
    for path in ("/usr/sbin/clickhouse-server", "/usr/bin/java", ZOOKEEPER_JAR):
        if not pathlib.Path(path).exists():
            return str(path)
    return None


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def until(seconds, probe):
    end = time.monotonic() + seconds
    while not probe():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


class Process:
    def __init__(self, command, log, **env):
        self.command, self.log, self.env, self.child = command, log, env, None

    def start(self):
        out = open(self.log, "ab")
        self.child = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
                                      env=dict(os.environ, **self.env))

    def kill(self, sig=signal.SIGKILL):
        if self.child and self.child.poll() is None:
            os.killpg(self.child.pid, sig)
            self.child.wait()


class Node(Process):
    def __init__(self, folder, shard, replica, ports):
        self.folder, self.shard, self.replica = folder, shard, replica
        self.http, self.tcp, self.inter = ports
        super().__init__(["/usr/sbin/clickhouse-server", f"--config-file={folder}/config.xml"], folder / "out.log")

    @property
    def url(self):
        return f"http://127.0.0.1:{self.http}"

    def query(self, sql):
        with urllib.request.urlopen(self.url + "/", sql.encode(), timeout=60) as answer:
            return answer.read().decode().strip()

    def alive(self):
        """Answers, and has its ZooKeeper: that one says imok before it takes clients."""
        try:
            return "zookeeper" in self.query("SELECT name FROM system.zookeeper WHERE path = '/'")
        except (OSError, urllib.error.URLError):
            return False

    def configure(self, zookeeper, nodes, replicated):
        shards = "".join(
            "<shard><internal_replication>true</internal_replication>"
            + "".join(f"<replica><host>127.0.0.1</host><port>{n.tcp}</port></replica>" for n in nodes if n.shard == s)
            + "</shard>" for s in sorted({n.shard for n in nodes}))
        macros = f"<macros><shard>{self.shard}</shard><replica>{self.replica}</replica></macros>" if replicated else ""
        for name in ("data", "tmp", "schemas"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "users.xml").write_text(USERS, encoding="ascii")
        (self.folder / "config.xml").write_text(f"""<yandex>
 <logger><level>warning</level><log>{self.folder}/server.log</log><errorlog>{self.folder}/error.log</errorlog></logger>
 <listen_host>127.0.0.1</listen_host><http_port>{self.http}</http_port><tcp_port>{self.tcp}</tcp_port>
 <interserver_http_port>{self.inter}</interserver_http_port><interserver_http_host>127.0.0.1</interserver_http_host>
 <path>{self.folder}/data/</path><tmp_path>{self.folder}/tmp/</tmp_path><format_schema_path>{self.folder}/schemas/</format_schema_path>
 <users_config>{self.folder}/users.xml</users_config><default_profile>default</default_profile>
 <default_database>default</default_database><mark_cache_size>5368709</mark_cache_size>
 <zookeeper><node><host>127.0.0.1</host><port>{zookeeper}</port></node><session_timeout_ms>4000</session_timeout_ms></zookeeper>
 <merge_tree><replicated_max_ratio_of_wrong_parts>1</replicated_max_ratio_of_wrong_parts></merge_tree>
 {macros}
 <remote_servers><{CLUSTER}>{shards}</{CLUSTER}></remote_servers>
</yandex>
""", encoding="ascii")


class Cluster:
    """with Cluster(folder) as c: c.nodes[shard * replicas + replica]. replicated:
    the nodes have macros, so that tables of Lũy's are replicated ones."""

    def __init__(self, folder, shards=2, replicas=2, replicated=True):
        self.replicated, self.folder = replicated, pathlib.Path(folder)
        ports = free_ports(1 + 3 * shards * replicas)
        self.zookeeper_port = ports.pop()
        self.nodes = [Node(self.folder / f"s{s}r{r}", s, r, [ports.pop() for _ in range(3)]) for s in range(shards) for r in range(replicas)]
        self.zookeeper = None

    def __enter__(self):
        data = self.folder / "zookeeper"
        data.mkdir(parents=True)
        config = self.folder / "zookeeper.cfg"
        config.write_text(f"tickTime=500\ndataDir={data}\nclientPort={self.zookeeper_port}\nclientPortAddress=127.0.0.1\n"
                          "admin.enableServer=false\n4lw.commands.whitelist=ruok\n", encoding="ascii")
        self.zookeeper = Process(["/usr/bin/java", "-Xmx192m", "-cp", str(ZOOKEEPER_JAR), "org.apache.zookeeper.server.quorum.QuorumPeerMain",
                                  str(config)], self.folder / "zookeeper.log")
        self.zookeeper.start()
        if not until(120, self.zookeeper_alive):
            raise RuntimeError("zookeeper did not start: " + (self.folder / "zookeeper.log").read_text(errors="replace")[-1000:])
        for node in self.nodes:
            node.configure(self.zookeeper_port, self.nodes, self.replicated)
            node.start()
        for node in self.nodes:
            if not until(120, node.alive):
                raise RuntimeError("clickhouse did not start: " + (node.folder / "out.log").read_text(errors="replace")[-1000:])
        return self

    def zookeeper_alive(self):
        try:
            with socket.create_connection(("127.0.0.1", self.zookeeper_port), 1) as s:
                s.sendall(b"ruok")
                return s.recv(4) == b"imok"
        except OSError:
            return False

    def __exit__(self, *_):
        for process in [*self.nodes, self.zookeeper]:
            process.kill()

    @property
    def spec(self):
        """As the option `clickhouse` has it: replicas by comma, shards by semicolon."""
        return ";".join(",".join(n.url for n in self.nodes if n.shard == s) for s in sorted({n.shard for n in self.nodes}))
