/** Texts that strangers choose, made safe to look at: nothing invisible, nothing that turns the line around. */

export const SHOWN_MAX = 200;

/** Marks that change the direction of what follows. Source: Unicode's Bidi_Control property. */
const DIRECTION = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
/** Characters without a shape of their own. */
const INVISIBLE = /[\u00ad\u200b-\u200d\u2060\ufeff]/g;
const CONTROL = /[\u0000-\u001f\u007f]/g;

/** The text with control characters as `␀`-style symbols and direction marks by name. */
export function visible(text: string): string {
  return text
    .replace(CONTROL, (c) => (c === "\u007f" ? "␡" : String.fromCharCode(0x2400 + c.charCodeAt(0))))
    .replace(DIRECTION, (c) => `⟨U+${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`)
    .replace(INVISIBLE, "·");
}

/** At most `max` characters; what is cut ends in `…`. Never cuts a surrogate pair. */
export function cut(text: string, max = SHOWN_MAX): string {
  if (text.length <= max) return text;
  const end = /[\ud800-\udbff]/.test(text.charAt(max - 2)) ? max - 2 : max - 1;
  return `${text.slice(0, end)}…`;
}

/** The address when it is one a browser may open: http or https. */
export function safeLink(text: string | null | undefined): string | null {
  if (!text) return null;
  try {
    const url = new URL(text);
    return url.protocol === "https:" || url.protocol === "http:" ? url.href : null;
  } catch {
    return null;
  }
}
