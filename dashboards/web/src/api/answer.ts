/** What the server answers to a question that is posted: a preview, a replay. Asked anew a moment after the question changed. */
import { useEffect, useState } from "react";

import { ApiError, request } from "./client";

/** Typing is over after this. */
const SETTLED_MS = 250;

export interface Answered<T> {
  /** The latest answer, of the question before while the next one is out. */
  data: T | null;
  error: ApiError | null;
  isAsking: boolean;
}

/** Null asks nothing. `json` is compared by its text. */
export function useAnswer<T>(path: string | null, json: unknown): Answered<T> {
  const question = path === null ? null : JSON.stringify([path, json]);
  const [state, setState] = useState<{ question: string | null; data: T | null; error: ApiError | null }>({ question: null, data: null, error: null });
  useEffect(() => {
    if (question === null) return undefined;
    const stop = new AbortController();
    const ask = async (): Promise<void> => {
      const [where, body] = JSON.parse(question) as [string, unknown];
      try {
        const data = await request<T>(where, { method: "POST", json: body, signal: stop.signal });
        setState({ question, data, error: null });
      } catch (caught) {
        if (stop.signal.aborted) return;
        const error = caught instanceof ApiError ? caught : new ApiError(0, String(caught));
        setState({ question, data: null, error });
      }
    };
    const timer = setTimeout(() => void ask(), SETTLED_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [question]);
  if (question === null) return { data: null, error: null, isAsking: false };
  return { data: state.data, error: state.question === question ? state.error : null, isAsking: state.question !== question };
}
