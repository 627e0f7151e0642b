import { useSyncExternalStore } from "react";

const QUERY = "(max-width: 480px)";

/** Whether the page is shown on a phone: rows are cards there. */
export function usePhone(): boolean {
  return useSyncExternalStore(
    (listener) => {
      const query = window.matchMedia(QUERY);
      query.addEventListener("change", listener);
      return () => query.removeEventListener("change", listener);
    },
    () => window.matchMedia(QUERY).matches,
  );
}
