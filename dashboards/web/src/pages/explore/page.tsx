import { useCallback, useEffect, useState, type ReactNode } from "react";

import { ApiError, request } from "../../api/client";
import { paths } from "../../api/shapes";
import { useReading } from "../../api/store";
import { useText } from "../../i18n/text";
import { useKeys } from "../../keys/keymap";
import { Kbd } from "../../parts/kbd";
import { present } from "../../parts/now";
import { Empty, Loading } from "../../parts/panel";
import { Tabs } from "../../parts/tabs";
import { setParams, usePlace } from "../../url/state";
import { Chart } from "./chart";
import { candidates, insertion, matching, placeAt } from "./complete";
import { Editor, type Completion } from "./editor";
import { errorAt } from "./error";
import { RangePicker, readRange } from "./range";
import { seriesOf, stepFor, type PromData, type Series } from "./result";
import { SeriesTable, SqlTable, type SqlAnswer } from "./tables";

interface Answered {
  text: string;
  took: number;
  prom?: { series: Series[]; from: number; to: number; step: number; notes: string[] };
  sql?: SqlAnswer;
  error?: { message: string; wrong: ReturnType<typeof errorAt> };
}

const SQL_WORDS = ["SELECT", "FROM", "WHERE", "GROUP BY", "ORDER BY", "LIMIT", "metrics", "samples", "series", "resources", "alerts", "incidents", "deliveries", "journal", "ts", "name", "value", "period_ms", "source", "cloud_provider", "cloud_account_id", "cloud_region", "resource_type", "resource_id", "labels", "count(*)", "avg(value)", "max(value)"];
const FIRST_SQL = "SELECT cloud_provider, avg(value) FROM metrics WHERE name = 'system.cpu.utilization' GROUP BY 1";

/** Ask in PromQL or SQL; see lines or rows. */
export default function ExplorePage(): ReactNode {
  const t = useText();
  const { params } = usePlace();
  const mode = params.get("mode") === "sql" ? "sql" : "promql";
  const view = params.get("show") === "table" ? "table" : "chart";
  const asked = params.get(mode === "sql" ? "sql" : "expr") ?? "";
  const [draft, setDraft] = useState<{ mode: string; text: string }>({ mode, text: asked || (mode === "sql" ? FIRST_SQL : "") });
  const [answer, setAnswer] = useState<Answered | null>(null);
  const [busy, setBusy] = useState(false);
  if (draft.mode !== mode) {
    setDraft({ mode, text: asked || (mode === "sql" ? FIRST_SQL : "") });
    setAnswer(null);
  }

  const names = useReading<{ data: string[] }>("/api/v1/label/__name__/values");
  const labels = useReading<{ data: string[] }>("/api/v1/labels");
  const [valuesOf, setValuesOf] = useState<string | null>(null);
  const values = useReading<{ data: string[] }>(valuesOf === null ? null : `/api/v1/label/${encodeURIComponent(valuesOf)}/values`);

  const run = useCallback(async (text: string, signal?: AbortSignal): Promise<void> => {
    if (text.trim() === "") return;
    setBusy(true);
    const began = performance.now();
    const took = (): number => performance.now() - began;
    const options = signal ? { signal } : {};
    try {
      if (mode === "sql") {
        const sql = await request<SqlAnswer>(paths.sql, { method: "POST", json: { statement: text }, ...options });
        setAnswer({ text, took: took(), sql });
      } else {
        const range = readRange(params, present());
        const step = stepFor(range.to - range.from);
        const from = Math.floor(range.from / step) * step;
        const to = Math.floor(range.to / step) * step;
        const form = { query: text, start: `${from}`, end: `${to}`, step: `${step}` };
        const got = await request<{ data: PromData; warnings?: string[]; infos?: string[] }>("/api/v1/query_range", { method: "POST", form, ...options });
        setAnswer({ text, took: took(), prom: { series: seriesOf(got.data), from, to, step, notes: [...(got.warnings ?? []), ...(got.infos ?? [])] } });
      }
    } catch (caught) {
      if (signal?.aborted) return;
      const message = caught instanceof ApiError || caught instanceof Error ? caught.message : String(caught);
      setAnswer({ text, took: took(), error: { message, wrong: errorAt(message, text) } });
    } finally {
      if (!signal?.aborted) setBusy(false);
    }
  }, [mode, params]);

  // What the address asks is answered when it is opened; after that a run writes the address.
  useEffect(() => {
    const stop = new AbortController();
    // eslint-disable-next-line react-hooks/set-state-in-effect -- the answer comes later, from the server
    void run(asked, stop.signal);
    return () => stop.abort();
  }, [asked, run]);

  const submit = (): void => {
    if (draft.text === asked) void run(draft.text);
    else setParams({ [mode === "sql" ? "sql" : "expr"]: draft.text });
  };
  useKeys({
    run: submit,
    search: () => document.querySelector<HTMLElement>(".editor textarea")?.focus(),
    range: () => document.querySelector<HTMLElement>("[data-range]")?.focus(),
  });

  const complete = (text: string, caret: number): Completion => {
    if (mode === "sql") {
      const typed = /[\w*().]+$/.exec(text.slice(0, caret))?.[0] ?? "";
      const words = typed === "" ? [] : matching(SQL_WORDS, typed);
      return { from: caret - typed.length, words: words.map((word) => ({ text: word, insert: word })) };
    }
    const place = placeAt(text, caret);
    if (place.kind === "none") return { from: caret, words: [] };
    if (place.kind === "value" && place.label !== valuesOf) queueMicrotask(() => setValuesOf(place.label));
    const words = candidates(place, { metrics: names.data?.data ?? [], labels: labels.data?.data ?? [] }, place.kind === "value" && place.label === valuesOf ? (values.data?.data ?? []) : []);
    return { from: place.from, words: words.map((word) => ({ text: word, insert: insertion(place, word) })) };
  };
  const error = answer?.error;
  const wrong = error?.wrong && answer?.text === draft.text ? error.wrong : null;
  return (
    <>
      <h1 className="unseen">{t("page.explore")}</h1>
      <Tabs
        label={t("explore.language")}
        active={mode}
        onChoose={(id) => setParams({ mode: id === "sql" ? "sql" : null })}
        tabs={[
          { id: "promql", label: "PromQL" },
          { id: "sql", label: "SQL" },
        ]}
      >
        {mode === "promql" && <RangePicker />}
      </Tabs>
      <div className="explore-ask">
        <Editor value={draft.text} label={t(mode === "sql" ? "explore.sqlLabel" : "explore.promLabel")} wrong={wrong} complete={complete} onChange={(text) => setDraft({ mode, text })} onRun={submit} />
        <button type="button" className="primary" disabled={busy || draft.text.trim() === ""} onClick={submit}>
          {t("explore.run")} <Kbd keys="Ctrl Enter" />
        </button>
      </div>
      {error && (
        <p className="wrong" role="alert">
          {wrong && t("explore.at", { line: wrong.line, column: wrong.column })} {error.message}
        </p>
      )}
      {busy && !answer && <Loading rows={6} />}
      {answer && !error && (
        <section className="panel explore-answer" aria-busy={busy}>
          <header className="panel-head">
            <p className="quiet figures" role="status">
              {answer.sql ? t("explore.rows", { n: answer.sql.rows.length }) : t("explore.series", { n: answer.prom?.series.length ?? 0 })} · {t("explore.took", { ms: Math.round(answer.took) })}
              {answer.prom && ` · ${t("explore.step", { s: answer.prom.step })}`}
            </p>
            {answer.prom && (
              <div className="switch" role="group" aria-label={t("explore.show")}>
                {(["chart", "table"] as const).map((id) => (
                  <button key={id} type="button" aria-pressed={view === id} onClick={() => setParams({ show: id === "chart" ? null : id }, true)}>
                    {t(`explore.${id}`)}
                  </button>
                ))}
              </div>
            )}
          </header>
          {answer.prom?.notes.map((note) => (
            <p key={note} className="panel-body quiet small">
              {note}
            </p>
          ))}
          {answer.sql && <SqlTable answer={answer.sql} />}
          {answer.prom &&
            (answer.prom.series.length === 0 ? (
              <Empty mark="nodata">{t("explore.nothing")}</Empty>
            ) : view === "chart" ? (
              <Chart {...answer.prom} />
            ) : (
              <SeriesTable series={answer.prom.series} />
            ))}
        </section>
      )}
      {!answer && !busy && <Empty mark="info">{t("explore.start")}</Empty>}
    </>
  );
}
