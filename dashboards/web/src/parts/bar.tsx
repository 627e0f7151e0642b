import type { ReactNode } from "react";

/** Shares of a whole side by side; what each is stands in the legend, and in the label for readers. */
export function Bar({ parts, label }: { parts: readonly { name: string; size: number }[]; label: string }): ReactNode {
  const whole = parts.reduce((sum, part) => sum + part.size, 0);
  let x = 0;
  return (
    <svg className="bar" viewBox="0 0 100 14" preserveAspectRatio="none" role="img" aria-label={label}>
      <rect className="track" width="100" height="14" />
      {whole > 0 &&
        parts.map((part, index) => {
          const width = (part.size / whole) * 100;
          const at = x;
          x += width;
          return <rect key={part.name} className={`s${(index % 8) + 1}`} x={at} width={width} height="14" />;
        })}
    </svg>
  );
}

/** One share of one whole. */
export function Share({ share, label }: { share: number; label: string }): ReactNode {
  return (
    <svg className="bar thin" viewBox="0 0 100 6" preserveAspectRatio="none" role="img" aria-label={label}>
      <rect className="track" width="100" height="6" />
      <rect className="s1" width={Math.max(0, Math.min(1, share)) * 100} height="6" />
    </svg>
  );
}
