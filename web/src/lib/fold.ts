// Search as people type: without case, with or without diacritics (đ is a letter of its own to Unicode).

export function fold(text: string): string {
  return text
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .replace(/đ/g, "d")
    .replace(/Đ/g, "D")
    .toLowerCase();
}

export function matches(text: string, words: string): boolean {
  const inText = fold(text);
  return fold(words)
    .split(/\s+/)
    .filter(Boolean)
    .every((w) => inText.includes(w));
}
