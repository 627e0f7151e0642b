import type { ReactNode } from "react";

export interface Tab {
  id: string;
  label: string;
  count?: number | undefined;
}

/** Views of one page, as links would be: the address holds which. */
export function Tabs({ tabs, active, label, onChoose, children }: { tabs: readonly Tab[]; active: string; label: string; onChoose: (id: string) => void; children?: ReactNode }): ReactNode {
  return (
    <nav className="tabs" aria-label={label}>
      {tabs.map((tab) => (
        <button key={tab.id} type="button" aria-current={tab.id === active ? "true" : undefined} onClick={() => onChoose(tab.id)}>
          <bdi>{tab.label}</bdi>
          {tab.count !== undefined && <span className="count">{tab.count.toLocaleString("en-GB")}</span>}
        </button>
      ))}
      {children}
    </nav>
  );
}
