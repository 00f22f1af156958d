// Server-sent events that come back: the browser itself retries a line that broke, but gives up for
// good on a refusal (a restart, too many streams); this tries again until close().

const AGAIN_MS = 5000;

export interface Stream {
  close: () => void;
}

export function openStream(url: string, on: Record<string, (data: unknown) => void>, connected: (yes: boolean) => void): Stream {
  let source: EventSource | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const open = () => {
    source = new EventSource(url);
    source.onopen = () => connected(true);
    source.onerror = () => {
      connected(false);
      if (source?.readyState === EventSource.CLOSED) timer = setTimeout(open, AGAIN_MS);
    };
    for (const [name, take] of Object.entries(on)) {
      source.addEventListener(name, (e) => take(JSON.parse((e as MessageEvent<string>).data)));
    }
  };
  const close = () => {
    clearTimeout(timer);
    source?.close();
    source = null;
    window.removeEventListener("pagehide", close);
  };
  window.addEventListener("pagehide", close);
  open();
  return { close };
}
