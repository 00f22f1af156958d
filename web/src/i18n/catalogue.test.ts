// Both languages say the same things, the source uses only what exists, and nothing that a reader sees stands in the source.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import en from "./en.json";
import vi from "./vi.json";

const root = join(__dirname, "..");

function files(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((e) => {
    const path = join(dir, e.name);
    if (e.isDirectory()) return files(path);
    return /\.tsx?$/.test(e.name) && !/\.test\./.test(e.name) ? [path] : [];
  });
}

const sources = files(root).map((path) => ({ path, text: readFileSync(path, "utf8") }));
const names = (text: string) => [...text.matchAll(/\{(\w+)/g)].map((m) => m[1]).filter((v, i, a) => a.indexOf(v) === i).sort();
const keys = Object.keys(vi) as (keyof typeof vi)[];

// Words for values of the server; the family is named in word(...), the value comes at run time.
const FAMILIES = [...new Set(sources.flatMap((s) => [...s.text.matchAll(/word\("(\w+)"|family="(\w+)"/g)].map((m) => m[1] ?? m[2])))];

function literalKeys(text: string): string[] {
  const out = [...text.matchAll(/["'`]([a-z_]+\.[a-z0-9_]+)["'`]/g)].map((m) => m[1]);
  const open = [...text.matchAll(/`([a-z_]+\.[a-z0-9_]*)\$\{/g)].map((m) => m[1]);
  return [...out, ...keys.filter((k) => open.some((o) => k.startsWith(o)))];
}

describe("texts", () => {
  it("have the same keys in both languages", () => {
    expect(Object.keys(en).sort()).toEqual(Object.keys(vi).sort());
  });

  it("are never empty", () => {
    expect(keys.filter((k) => !vi[k].trim() || !en[k].trim())).toEqual([]);
  });

  it("take the same arguments in both languages", () => {
    expect(keys.filter((k) => names(vi[k]).join() !== names(en[k]).join())).toEqual([]);
  });

  it("exist for every key that the source names", () => {
    const missing = sources.flatMap(({ path, text }) =>
      [...text.matchAll(/\b(?:t|translate)\((?:lang, )?"([^"]+)"/g)].map((m) => m[1]).filter((k) => !(k in vi)).map((k) => `${path}: ${k}`),
    );
    expect(missing).toEqual([]);
  });

  it("are all used", () => {
    const used = new Set(sources.flatMap(({ text }) => literalKeys(text)));
    const unused = keys.filter((k) => !used.has(k) && !FAMILIES.includes(k.split(".")[0]));
    expect(unused).toEqual([]);
  });
});

const SPOKEN = new Set(["title", "label", "placeholder", "alt", "aria-label", "description", "message", "okText", "cancelText", "extra", "help", "what", "next"]);
const hasLetters = (text: string) => /\p{L}{2,}/u.test(text);

function literals(path: string, text: string): string[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true, ts.ScriptKind.TSX);
  const out: string[] = [];
  const at = (node: ts.Node) => `${path}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1}`;
  const visit = (node: ts.Node) => {
    if (ts.isJsxText(node) && hasLetters(node.text)) out.push(`${at(node)} ${node.text.trim()}`);
    if (ts.isJsxAttribute(node) && SPOKEN.has(node.name.getText()) && node.initializer && ts.isStringLiteral(node.initializer) && hasLetters(node.initializer.text)) {
      out.push(`${at(node)} ${node.getText()}`);
    }
    if (ts.isJsxExpression(node) && node.expression && ts.isStringLiteral(node.expression) && ts.isJsxElement(node.parent) && hasLetters(node.expression.text)) {
      out.push(`${at(node)} ${node.getText()}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return out;
}

describe("source", () => {
  it("holds no text for readers", () => {
    expect(sources.filter((s) => s.path.endsWith(".tsx")).flatMap((s) => literals(s.path, s.text))).toEqual([]);
  });

  it("would be caught if it did", () => {
    expect(literals("x.tsx", "<p>Xin chào</p>")).toHaveLength(1);
    expect(literals("x.tsx", '<p title="Xin chào">{t("a.b")}</p>')).toHaveLength(1);
    expect(literals("x.tsx", '<p className="quiet">{t("a.b")}</p>')).toHaveLength(0);
  });

  it("keeps its files short", () => {
    expect(sources.filter((s) => s.text.split("\n").length > 300).map((s) => s.path)).toEqual([]);
  });

  it("names no other host", () => {
    expect(sources.filter((s) => /https?:\/\//.test(s.text)).map((s) => s.path)).toEqual([]);
  });
});
