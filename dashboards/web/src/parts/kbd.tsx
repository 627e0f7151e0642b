import type { ReactNode } from "react";

/** Keys as they are printed on keyboards: the same in every language. */
const PRINTED: Record<string, string> = { Escape: "Esc", Enter: "⏎" };

/** `Ctrl k` as keys; the words beside it say what they do. */
export function Kbd({ keys }: { keys: string }): ReactNode {
  return keys.split(" ").map((key, _index, all) => (
    <kbd key={key} aria-hidden="true">
      {PRINTED[key] ?? (all[0] === "Ctrl" ? key.toUpperCase().replace("CTRL", "Ctrl") : key)}
    </kbd>
  ));
}
