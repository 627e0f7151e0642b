import type { ReactNode } from "react";

import { usePlace } from "../../url/state";
import { IncidentDetailPage } from "./detail";
import { IncidentList } from "./list";

/** Incidents, or one of them. */
export default function IncidentsPage(): ReactNode {
  const id = usePlace().params.get("id");
  return id === undefined ? <IncidentList /> : <IncidentDetailPage key={id} id={id} />;
}
