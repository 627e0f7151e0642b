import type { ReactNode } from "react";

/** Paths in a 16 × 16 box, stroke 1.5. */
const PATHS = {
  overview: "M2.5 8.5 8 3l5.5 5.5M4 7.5V13h8V7.5",
  incident: "M8 2.5 14 13H2L8 2.5ZM8 6.5v3M8 11.2v.1",
  alerts: "M3.5 11.5h9l-1-1.5V7a3.5 3.5 0 0 0-7 0v3l-1 1.5ZM6.8 13.5h2.4",
  explore: "M2.5 12.5 6 8l2.5 2.5 5-7M2.5 2.5v11h11",
  resources: "M2.5 3.5h11v3h-11zM2.5 9.5h11v3h-11zM5 5h.1M5 11h.1",
  routing: "M3 3v4a2 2 0 0 0 2 2h6a2 2 0 0 1 2 2v2M3 7v6M13 13l-1.5-1.5M13 13l1.5-1.5",
  silence: "M3 6h2l3-3v10L5 10H3zM11 6l3 4M14 6l-3 4",
  comment: "M2.5 3.5h11v7h-6l-3 3v-3h-2z",
  merge: "M4 3v3a4 4 0 0 0 4 4h4M10 8l2 2-2 2M4 6v7",
  undo: "M5.5 4 2.5 7l3 3M2.5 7h7a3.5 3.5 0 0 1 0 7H7",
  cloud: "M4.5 12a2.7 2.7 0 0 1 0-5.3A3.8 3.8 0 0 1 11.7 7 2.6 2.6 0 0 1 11.5 12z",
  failover: "M3 5h8l-2-2M13 11H5l2 2",
  sources: "M8 2.5c3 0 5 .8 5 2s-2 2-5 2-5-.8-5-2 2-2 5-2ZM3 4.5v7c0 1.2 2 2 5 2s5-.8 5-2v-7M3 8c0 1.2 2 2 5 2s5-.8 5-2",
  settings: "M8 6a2 2 0 1 0 .01 0M8 2v2M8 12v2M2 8h2M12 8h2M3.8 3.8l1.4 1.4M10.8 10.8l1.4 1.4M12.2 3.8l-1.4 1.4M5.2 10.8l-1.4 1.4",
  search: "M7 3a4 4 0 1 0 .01 0M10 10l3.5 3.5",
  clock: "M8 2.5a5.5 5.5 0 1 0 .01 0M8 5v3l2 1.5",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  play: "M5 3.5v9l7-4.5z",
  api: "M3 8h4M9 8h4M7 5.5v5M9 5.5v5",
  ack: "M3 8.5 6.5 12 13 4.5",
  user: "M8 3a2.3 2.3 0 1 0 .01 0M3.5 13.5c.5-3 2.3-4 4.5-4s4 1 4.5 4",
  link: "M6.5 9.5l3-3M7 5l1.5-1.5a2.5 2.5 0 0 1 3.5 3.5L10.5 8.5M9 11l-1.5 1.5A2.5 2.5 0 0 1 4 9l1.5-1.5",
  send: "M2.5 8 13.5 3 11 13 7.5 9.5zM7.5 9.5 13.5 3",
  close: "M4 4l8 8M12 4l-8 8",
  why: "M5.8 6a2.2 2.2 0 1 1 3.2 2c-.8.4-1 .8-1 1.6M8 12v.1",
  "chevron-right": "M6 4l4 4-4 4",
  "chevron-down": "M4 6l4 4 4-4",
  lock: "M4 7.5h8v6H4zM5.5 7.5V5.5a2.5 2.5 0 0 1 5 0v2",
  globe: "M8 2.5a5.5 5.5 0 1 0 .01 0M2.5 8h11M8 2.5c2 2 2 9 0 11M8 2.5c-2 2-2 9 0 11",
  money: "M3 5h10v7H3zM3 7.5h10",
  more: "M4 8h.1M8 8h.1M12 8h.1",
  add: "M8 3v10M3 8h10",
  filter: "M2.5 3.5h11L9.5 8.5v4l-3 1v-5z",
  copy: "M5.5 5.5h7v8h-7zM3.5 10.5v-8h7",
  external: "M6.5 3.5h-3v9h9v-3M9 2.5h4.5V7M13.5 2.5 7.5 8.5",
} as const;

export type IconName = keyof typeof PATHS;

/** An icon beside a word; it says nothing by itself. */
export function Icon({ name, className = "" }: { name: IconName; className?: string }): ReactNode {
  return (
    <svg className={`icon ${className}`} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
