import { useMemo, type ReactNode } from "react";

import type { Coverage } from "../../api/shapes";
import type { Reading } from "../../api/store";
import { useText } from "../../i18n/text";
import { Provider } from "../../parts/mark";
import { Empty, Panel, Read } from "../../parts/panel";
import { Foreign } from "../../parts/text";
import { Tabs } from "../../parts/tabs";
import { Link } from "../../shell/rail";
import { hrefTo, setParams, usePlace } from "../../url/state";

const SHOWN_MAX = 500;

/** What is mapped to one name, and what came and is kept raw. */
export function CoverageReport({ coverage }: { coverage: Reading<{ items: Coverage[]; total: number }> }): ReactNode {
  const t = useText();
  const place = usePlace();
  const which = place.params.get("coverage") === "mapped" ? "mapped" : "unmapped";
  const q = place.params.get("q") ?? "";
  const items = useMemo(() => coverage.data?.items ?? [], [coverage.data]);
  const chosen = useMemo(() => {
    const words = q.toLowerCase().split(/\s+/).filter(Boolean);
    return items
      .filter((item) => (item.canonical !== null) === (which === "mapped"))
      .filter((item) => words.every((word) => `${item.provider} ${item.namespace} ${item.metric} ${item.canonical ?? ""}`.toLowerCase().includes(word)));
  }, [items, which, q]);
  return (
    <>
      <header className="sentence">
        <h1 className="h2">{t("coverage.title")}</h1>
        <p className="facts">
          <Link href={hrefTo(place, "sources")}>{t("coverage.back")}</Link>
        </p>
      </header>
      <Tabs
        label={t("coverage.title")}
        active={which}
        onChoose={(id) => setParams({ coverage: id })}
        tabs={(["unmapped", "mapped"] as const).map((id) => ({ id, label: t(`coverage.${id}Tab`), count: items.filter((item) => (item.canonical !== null) === (id === "mapped")).length }))}
      >
        <input className="tab-search" type="search" aria-label={t("coverage.search")} placeholder={t("coverage.search")} value={q} onChange={(event) => setParams({ q: event.target.value }, true)} />
      </Tabs>
      <Panel title={t("coverage.list")} aside={t("table.rows", { n: Math.min(chosen.length, SHOWN_MAX), total: chosen.length })}>
        <Read of={coverage} what="coverage.title" rows={10}>
          {() =>
            chosen.length === 0 ? (
              <Empty mark="ok">{t("coverage.nothing")}</Empty>
            ) : (
              <div className="scroll-x">
                <table className="rows">
                  <thead>
                    <tr>
                      <th scope="col">{t("field.provider")}</th>
                      <th scope="col">{t("coverage.namespace")}</th>
                      <th scope="col">{t("coverage.metric")}</th>
                      <th scope="col">{t("coverage.statistic")}</th>
                      <th scope="col">{t("coverage.canonical")}</th>
                      <th scope="col">{t("coverage.unit")}</th>
                      <th scope="col" className="right">
                        {t("page.resources")}
                      </th>
                      <th scope="col">{t("page.sources")}</th>
                    </tr>
                  </thead>
                  <tbody>
                    {chosen.slice(0, SHOWN_MAX).map((item) => (
                      <tr key={`${item.provider} ${item.namespace} ${item.metric} ${item.statistic}`}>
                        <td>
                          <Provider provider={item.provider} />
                        </td>
                        <td className="code">
                          <Foreign max={60}>{item.namespace}</Foreign>
                        </td>
                        <td className="code">
                          <Foreign max={80}>{item.metric}</Foreign>
                        </td>
                        <td>
                          <Foreign max={30}>{item.statistic}</Foreign>
                        </td>
                        <td className="code">{item.canonical === null ? <span className="quiet">{t("coverage.raw")}</span> : <Foreign max={80}>{item.canonical}</Foreign>}</td>
                        <td className="code">{item.unit ?? "—"}</td>
                        <td className="figures right">{t.number(item.resources)}</td>
                        <td>
                          <Foreign max={60}>{item.sources.join(", ")}</Foreign>
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            )
          }
        </Read>
      </Panel>
    </>
  );
}
