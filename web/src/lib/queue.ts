// At most so many asked at once; the rest waits its turn. The server refuses what one account asks past its share.

export function makeQueue(most: number): <T>(ask: () => Promise<T>, signal?: AbortSignal) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  const next = () => {
    running -= 1;
    waiting.shift()?.();
  };
  return async (ask, signal) => {
    if (running >= most) await new Promise<void>((go) => waiting.push(go));
    running += 1;
    try {
      signal?.throwIfAborted();
      return await ask();
    } finally {
      next();
    }
  };
}
