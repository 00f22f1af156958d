// Small choices of one reader on one machine. A browser that refuses storage loses only those.

export function readStored(name: string): string | null {
  try {
    return localStorage.getItem(`luy.${name}`);
  } catch {
    return null;
  }
}

export function writeStored(name: string, value: string): void {
  try {
    localStorage.setItem(`luy.${name}`, value);
  } catch {
    // Private windows may refuse; the choice then lasts until the page is closed.
  }
}

export function readDraft<T>(name: string): T | null {
  try {
    const text = sessionStorage.getItem(`luy.draft.${name}`);
    return text ? (JSON.parse(text) as T) : null;
  } catch {
    return null;
  }
}

export function writeDraft(name: string, value: unknown): void {
  try {
    if (value === null) sessionStorage.removeItem(`luy.draft.${name}`);
    else sessionStorage.setItem(`luy.draft.${name}`, JSON.stringify(value));
  } catch {
    // As above.
  }
}
