// Raw bytes of a log line for the eye: hex with the text beside it.

export function bytesOf(raw: string, base64?: string): Uint8Array {
  if (base64 === undefined) return new TextEncoder().encode(raw);
  const text = atob(base64);
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

export function hexDump(bytes: Uint8Array, limit = 4096): string {
  const lines: string[] = [];
  const end = Math.min(bytes.length, limit);
  for (let at = 0; at < end; at += 16) {
    const row = [...bytes.subarray(at, Math.min(at + 16, end))];
    const hex = row.map((b) => b.toString(16).padStart(2, "0")).join(" ");
    const text = row.map((b) => (b >= 0x20 && b < 0x7f ? String.fromCharCode(b) : ".")).join("");
    lines.push(`${at.toString(16).padStart(6, "0")}  ${hex.padEnd(47)}  ${text}`);
  }
  return lines.join("\n");
}

/** Control characters would vanish or move the cursor; their pictures (U+2400) do neither. */
export function visible(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b-\u001f]/g, (c) => String.fromCharCode(0x2400 + c.charCodeAt(0))).replace(/\u007f/g, "\u2421");
}
