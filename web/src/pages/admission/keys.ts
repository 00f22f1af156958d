// The arrow keys among the cards of the desk: up and down within a column, left and right to the next one that has cards.
import type { KeyboardEvent } from "react";

export function moveAmongCards(e: KeyboardEvent<HTMLElement>) {
  const card = (e.target as HTMLElement).closest<HTMLElement>(".desk-card");
  if (!card || e.altKey || e.ctrlKey || e.metaKey || e.shiftKey) return;
  const columns = [...e.currentTarget.querySelectorAll("ul[data-state]")].map((c) => [...c.querySelectorAll<HTMLElement>(".desk-card")]);
  const to = target(columns, card, e.key);
  if (!to) return;
  e.preventDefault();
  to.focus();
}

/** Pure: from one place to another; undefined where the key leads nowhere. */
export function target<T>(columns: T[][], from: T, key: string): T | undefined {
  const x = columns.findIndex((c) => c.includes(from));
  if (x < 0) return undefined;
  const y = columns[x].indexOf(from);
  const beside = (c: T[] | undefined) => c?.[Math.min(y, c.length - 1)];
  switch (key) {
    case "ArrowDown":
      return columns[x][y + 1];
    case "ArrowUp":
      return columns[x][y - 1];
    case "Home":
      return columns[x][0];
    case "End":
      return columns[x][columns[x].length - 1];
    case "ArrowRight":
      return beside(columns.slice(x + 1).find((c) => c.length > 0));
    case "ArrowLeft":
      return beside(columns.slice(0, x).reverse().find((c) => c.length > 0));
    default:
      return undefined;
  }
}
