// Real senders on loopback, for suites that need lines or flows of their own.
//   LUY_SYSLOG_TCP, LUY_FLOW_UDP   ports of the luyd under test
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { PATIENCE, Skip } from "./_tap.mjs";

const { LUY_SYSLOG_TCP: syslog, LUY_FLOW_UDP: flows } = process.env;

/** Lines over syslog TCP; resolves when the last byte was handed over and the other side closed. */
export function sendLines(lines) {
  if (!syslog) throw new Skip("LUY_SYSLOG_TCP is not set");
  return new Promise((done, fail) => {
    const s = connect(Number(syslog), "127.0.0.1", () => s.end(lines.join("\n") + "\n"));
    s.resume();
    s.on("close", done);
    s.on("error", fail);
  });
}

/** RFC 5424; at: milliseconds. */
export const line = (at, host, program, msg, pri = 30) => `<${pri}>1 ${new Date(at).toISOString()} ${host} ${program} - - - ${msg}`;

const ip = (text) => text.split(".").reduce((n, part) => n * 256 + Number(part), 0) >>> 0;

/** One NetFlow v5 packet, at most 30 flows: {src, dst, srcPort, dstPort, proto, bytes, packets}. */
export function sendFlows(list) {
  if (!flows) throw new Skip("LUY_FLOW_UDP is not set");
  const now = Date.now();
  const up = 3600000;
  const b = Buffer.alloc(24 + 48 * list.length);
  b.writeUInt16BE(5, 0);
  b.writeUInt16BE(list.length, 2);
  b.writeUInt32BE(up, 4);
  b.writeUInt32BE(Math.floor(now / 1000), 8);
  list.forEach((f, i) => {
    const at = 24 + 48 * i;
    b.writeUInt32BE(ip(f.src), at);
    b.writeUInt32BE(ip(f.dst), at + 4);
    b.writeUInt32BE(f.packets, at + 16);
    b.writeUInt32BE(f.bytes, at + 20);
    b.writeUInt32BE(up - (f.ago ?? 5000) - 1000, at + 24);
    b.writeUInt32BE(up - (f.ago ?? 5000), at + 28);
    b.writeUInt16BE(f.srcPort ?? 40000 + i, at + 32);
    b.writeUInt16BE(f.dstPort, at + 34);
    b.writeUInt8(f.proto ?? 6, at + 38);
  });
  return new Promise((done, fail) => {
    const s = createSocket("udp4");
    s.send(b, Number(flows), "127.0.0.1", (e) => {
      s.close();
      if (e) fail(e);
      else done();
    });
  });
}

/** Asks until the answer is true; a journal shows a line a moment after it came. */
export async function until(ask, what) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const got = await ask();
    if (got) return got;
    if (Date.now() > end) throw new Error(`not within ${PATIENCE} ms: ${what}`);
  }
}
