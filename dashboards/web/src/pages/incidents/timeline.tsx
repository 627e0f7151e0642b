import { useMemo, useState, type KeyboardEvent, type ReactNode } from "react";

import { ENTRY_KINDS, type Entry, type Incident } from "../../api/centre";
import { clock, moment } from "../../format/time";
import { visible } from "../../format/untrusted";
import { useText, type Speaker } from "../../i18n/text";
import { pictureOf } from "../../model/incident";
import { Icon, type IconName } from "../../parts/icon";
import { useNow } from "../../parts/now";
import { Empty, Panel } from "../../parts/panel";
import { Foreign } from "../../parts/text";
import { At } from "../../parts/time";
import { Link } from "../../shell/rail";
import { useSettings } from "../../settings";
import { hrefTo, setParams, usePlace } from "../../url/state";

const ICONS: Record<Entry["kind"], IconName> = { alert: "alerts", notice: "cloud", incident: "merge", person: "user", delivery: "send" };
const WIDTH = 600;
const BARS_HEIGHT = 44;
const LANE = 22;

/** What an entry says in one line. */
function said(t: Speaker, entry: Entry): string {
  return [entry.subject, t.word("entry", entry.what), entry.actor ?? "", entry.detail].map(visible).filter(Boolean).join(" · ");
}

/** Everything that happened, over its time: alerts as bars, and a lane each for notices, the incident, people and deliveries. */
export function Timeline({ incident, entries, at, onAt }: { incident: Incident; entries: readonly Entry[]; at: number | null; onAt: (at: number | null) => void }): ReactNode {
  const t = useText();
  const { zone } = useSettings().settings;
  const present = useNow();
  // The picture of what goes on grows in steps, not each second.
  const now = incident.ends_at === null ? Math.ceil(present / 15_000) * 15_000 : Date.parse(incident.ends_at);
  const startsAt = Date.parse(incident.starts_at);
  const picture = useMemo(() => pictureOf(entries, startsAt, now), [entries, startsAt, now]);
  const x = (time: number): number => ((time - picture.from) / (picture.to - picture.from)) * WIDTH;
  const most = Math.max(1, ...picture.bars);
  const height = BARS_HEIGHT + picture.lanes.length * LANE;
  const times = useMemo(() => [...new Set(entries.map((entry) => Date.parse(entry.at)))].sort((a, b) => a - b), [entries]);
  const step = (event: KeyboardEvent): void => {
    const here = at ?? Infinity;
    if (event.key === "ArrowLeft") onAt([...times].reverse().find((time) => time < here) ?? times[0] ?? null);
    else if (event.key === "ArrowRight") onAt(times.find((time) => time > here) ?? null);
    else if (event.key === "Home") onAt(times[0] ?? null);
    else if (event.key === "End") onAt(null);
    else return;
    event.preventDefault();
  };
  const shownAt = at ?? picture.to;
  return (
    <Panel title={t("incident.timeline")} className="timeline" aside={at === null ? t("incident.now") : <button type="button" onClick={() => onAt(null)}>{t("incident.backToNow")}</button>}>
      <div className="timeline-body">
        <div className="lane-names" aria-hidden="true">
          <span>{t("lane.alert")}</span>
          {picture.lanes.map((lane) => (
            <span key={lane.kind}>{t(`lane.${lane.kind}`)}</span>
          ))}
        </div>
        <svg viewBox={`0 0 ${WIDTH} ${height}`} height={height} preserveAspectRatio="none" role="img" aria-label={t("incident.picture", { n: entries.length, from: moment(picture.from, present, zone), to: moment(picture.to, present, zone) })}>
          {picture.bars.map((bar, index) => (
            <rect key={index} className="beats" x={(index * WIDTH) / picture.bars.length} width={WIDTH / picture.bars.length - 1} y={BARS_HEIGHT - (bar / most) * (BARS_HEIGHT - 4)} height={(bar / most) * (BARS_HEIGHT - 4)} />
          ))}
          {picture.lanes.map((lane, row) => (
            <g key={lane.kind}>
              <line className="rule" x1="0" x2={WIDTH} y1={BARS_HEIGHT + row * LANE} y2={BARS_HEIGHT + row * LANE} />
              {lane.marks.map((mark) => (
                <rect key={mark.at} className={`event e-${lane.kind}`} x={mark.x * WIDTH - 3} y={BARS_HEIGHT + row * LANE + 8} width={mark.entries.length > 1 ? 10 : 6} height="8">
                  <title>{mark.entries.slice(0, 6).map((entry) => said(t, entry)).join("\n")}</title>
                </rect>
              ))}
            </g>
          ))}
          <line className="begin" x1={x(startsAt)} x2={x(startsAt)} y1="0" y2={height} />
          <line className="here" x1={x(shownAt)} x2={x(shownAt)} y1="0" y2={height} />
        </svg>
        <input
          type="range"
          aria-label={t("incident.scrub")}
          aria-valuetext={moment(shownAt, present, zone)}
          min={picture.from}
          max={picture.to}
          step={1000}
          value={shownAt}
          onKeyDown={step}
          onChange={(event) => onAt(Number(event.target.value) >= picture.to - 1000 ? null : Number(event.target.value))}
        />
        <p className="axis" aria-hidden="true">
          {picture.ticks.map((tick) => (
            <span key={tick} style={{ insetInlineStart: `${(x(tick) / WIDTH) * 100}%` }}>
              {clock(tick, zone).slice(0, 5)}
            </span>
          ))}
        </p>
      </div>
    </Panel>
  );
}

const SHOWN_MAX = 200;

/** The same as a list, the latest first, narrowed to a kind. */
export function Events({ entries, total }: { entries: readonly Entry[]; total: number }): ReactNode {
  const t = useText();
  const place = usePlace();
  const kind = ENTRY_KINDS.find((known) => known === place.params.get("kind")) ?? null;
  const [limit, setLimit] = useState(SHOWN_MAX);
  const chosen = useMemo(() => entries.filter((entry) => kind === null || entry.kind === kind).reverse(), [entries, kind]);
  return (
    <Panel
      title={t("incident.events")}
      aside={
        <select aria-label={t("incident.kinds")} value={kind ?? ""} onChange={(event) => setParams({ kind: event.target.value }, true)}>
          <option value="">{t("incident.allKinds", { n: entries.length })}</option>
          {ENTRY_KINDS.map((one) => (
            <option key={one} value={one}>
              {t(`lane.${one}`)}
            </option>
          ))}
        </select>
      }
    >
      {chosen.length === 0 ? (
        <Empty mark="info">{t("incident.noEvents")}</Empty>
      ) : (
        <ol className="events">
          {chosen.slice(0, limit).map((entry, index) => (
            <li key={`${entry.at} ${index}`}>
              <span className="quiet figures">
                <At at={Date.parse(entry.at)} />
              </span>
              <Icon name={ICONS[entry.kind]} />
              <span>
                <span className="unseen">{t(`lane.${entry.kind}`)}</span>
                {entry.actor !== null && (
                  <>
                    <b>
                      <Foreign max={60}>{entry.actor}</Foreign>
                    </b>{" "}
                  </>
                )}
                {t.word("entry", entry.what)}{" "}
                {entry.alert !== null ? (
                  <Link href={hrefTo(place, "alerts", { open: entry.alert, view: "resolved" })}>
                    <Foreign max={80}>{entry.subject}</Foreign>
                  </Link>
                ) : (
                  <Foreign max={80}>{entry.subject}</Foreign>
                )}{" "}
                {entry.detail !== "" && (
                  <span className="quiet">
                    <Foreign max={300}>{entry.detail}</Foreign>
                  </span>
                )}
              </span>
            </li>
          ))}
        </ol>
      )}
      {chosen.length > limit && (
        <p className="panel-foot">
          <button type="button" className="link" onClick={() => setLimit(limit + SHOWN_MAX)}>
            {t("incident.moreEvents", { n: chosen.length - limit })}
          </button>
        </p>
      )}
      {total > entries.length && <p className="panel-foot">{t("incident.replayed", { n: total - entries.length })}</p>}
    </Panel>
  );
}
