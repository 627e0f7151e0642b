/** The seven marks of the page, and what of the wire becomes which. */
import type { Alert, MatrixCell } from "../api/shapes";

export const MARKS = ["critical", "high", "nodata", "unknown", "warning", "info", "ok"] as const;
export type Mark = (typeof MARKS)[number];

/** 0 is the worst. No data and unknown come after high: what is not seen may be as bad. */
export function rank(mark: Mark): number {
  return MARKS.indexOf(mark);
}

export function worst(marks: Iterable<Mark>): Mark {
  let found: Mark = "ok";
  for (const mark of marks) if (rank(mark) < rank(found)) found = mark;
  return found;
}

/** The wire's `error` is High; a severity we do not know is unknown, never OK. */
export function markOfSeverity(severity: string): Mark {
  switch (severity) {
    case "critical":
    case "warning":
    case "info":
      return severity;
    case "error":
    case "high":
      return "high";
    default:
      return "unknown";
  }
}

export function markOfAlert(alert: Pick<Alert, "state" | "severity">): Mark {
  if (alert.state === "resolved") return "ok";
  return alert.state === "no_data" ? "nodata" : markOfSeverity(alert.severity);
}

/** A region that cannot be seen never looks well; what is known to be bad there stays the worse news. */
export function markOfCell(cell: Pick<MatrixCell, "state" | "severity">): Mark {
  const sight: Mark = cell.state === "nodata" ? "nodata" : cell.state === "unknown" ? "unknown" : "ok";
  return worst([sight, ...(cell.severity ? [markOfSeverity(cell.severity)] : [])]);
}
