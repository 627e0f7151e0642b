import type { Settings } from "../settings";
import { currentPlace, setParams } from "../url/state";

/** The other zone; where the address names one, it is changed there. */
export function toggleZone(settings: Settings, change: (next: Partial<Settings>) => void): void {
  const zone = settings.zone === "utc" ? "local" : "utc";
  if (currentPlace().params.has("zone")) setParams({ zone }, true);
  else change({ zone });
}
