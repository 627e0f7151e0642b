import { useEffect, useState, type ReactNode } from "react";

import { useText } from "../i18n/text";
import { Foreign } from "../parts/text";

const PATH = "/-/ready";
const EVERY_MS = 15_000;

/** Lines of a server that is not ready, each a stage that is stuck. */
export function stuckStages(status: number, text: string): string[] {
  return status === 503 ? text.split("\n").map((line) => line.trim()).filter(Boolean) : [];
}

/** Isobar about itself: the first stage that is stuck, and how many more are. */
export function SelfBanner(): ReactNode {
  const t = useText();
  const [stuck, setStuck] = useState<string[]>([]);
  useEffect(() => {
    const stop = new AbortController();
    const ask = async (): Promise<void> => {
      try {
        const answer = await fetch(PATH, { signal: stop.signal, cache: "no-store" });
        setStuck(stuckStages(answer.status, await answer.text()));
      } catch {
        // A server that does not answer is told by the live state.
      }
    };
    void ask();
    const timer = setInterval(() => void ask(), EVERY_MS);
    return () => {
      clearInterval(timer);
      stop.abort();
    };
  }, []);
  const [first, ...more] = stuck;
  if (first === undefined) return null;
  return (
    <p className="banner" role="alert">
      <b>{t("self.stuck")}</b> <Foreign max={160}>{first}</Foreign> {more.length > 0 && `+${more.length}`}
    </p>
  );
}
