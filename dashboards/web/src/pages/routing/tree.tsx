import type { ReactNode } from "react";

import type { RouteNode } from "../../api/centre";
import { duration } from "../../format/time";
import { useText } from "../../i18n/text";
import { Panel } from "../../parts/panel";
import { Foreign } from "../../parts/text";

/** The tree of routes: an alert goes down it and stops at the first that matches, unless that one goes on. */
export function Tree({ route }: { route: RouteNode }): ReactNode {
  const t = useText();
  return (
    <Panel title={t("routing.view.tree")} aside={t("routing.openHere")}>
      <ul className="tree panel-body">
        <Node node={route} />
      </ul>
    </Panel>
  );
}

function Node({ node }: { node: RouteNode }): ReactNode {
  const t = useText();
  const span = (seconds: number): string => duration(seconds * 1000, t.language);
  return (
    <li>
      <div className="route">
        <p>
          {node.matchers.length === 0 ? (
            <span className="quiet">{t("routing.all")}</span>
          ) : (
            node.matchers.map((matcher) => (
              <span key={matcher} className="chip">
                <Foreign max={120}>{matcher}</Foreign>
              </span>
            ))
          )}{" "}
          → <b><Foreign max={60}>{node.receiver}</Foreign></b>
          {node.continue && <span className="tag">{t("routing.continues")}</span>}
          {node.mute_intervals.map((name) => (
            <span key={name} className="tag">
              {t.rich("routing.muted", {}, { name: <Foreign max={40}>{name}</Foreign> })}
            </span>
          ))}
          {node.active_intervals.map((name) => (
            <span key={name} className="tag">
              {t.rich("routing.active", {}, { name: <Foreign max={40}>{name}</Foreign> })}
            </span>
          ))}
          <span className="figures end">{t.number(node.alerts)}</span>
        </p>
        <p className="quiet small">
          <span className="code">{node.place}</span>
          <span className="dot">{t.rich("routing.groupBy", {}, { names: <Foreign className="code">{node.group_by.join(", ") || "—"}</Foreign> })}</span>
          <span className="dot">{t("routing.times", { wait: span(node.group_wait), interval: span(node.group_interval), repeat: span(node.repeat_interval) })}</span>
        </p>
      </div>
      {node.routes.length > 0 && (
        <ul>
          {node.routes.map((child) => (
            <Node key={child.place} node={child} />
          ))}
        </ul>
      )}
    </li>
  );
}
