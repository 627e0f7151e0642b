/** Where in a text an error is, from what the server says. Pure. */

/** The place of an error in characters, from `1:5:` of PromQL or `Line: 1, Column: 8` of SQL; null when it names none. */
export function errorAt(message: string, text: string): { start: number; end: number; line: number; column: number } | null {
  const found = /(?:^|[\s"(])(\d+):(\d+):/.exec(message) ?? /[Ll]ine:?\s*(\d+),?\s*[Cc]olumn:?\s*(\d+)/.exec(message);
  if (!found) return null;
  const line = Number(found[1]);
  const column = Number(found[2]);
  const lines = text.split("\n");
  const chosen = lines[line - 1];
  if (chosen === undefined || column < 1) return null;
  const before = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  const start = Math.min(before + column - 1, text.length);
  const token = /^(?:[\w.:]+|"[^"]*"?|'[^']*'?|[^\s\w])/.exec(text.slice(start))?.[0] ?? "";
  return { start, end: start + Math.max(1, token.length), line, column };
}
