/** Who runs what: letters for marks, full names, and where a region lies. */

export const PROVIDERS: Record<string, { mark: string; name: string }> = {
  aws: { mark: "AWS", name: "AWS" },
  azure: { mark: "AZ", name: "Azure" },
  gcp: { mark: "GC", name: "Google" },
  alibaba_cloud: { mark: "AL", name: "Alibaba" },
  huawei_cloud: { mark: "HW", name: "Huawei" },
  onprem: { mark: "PR", name: "On-prem" },
  isobar: { mark: "ISO", name: "Isobar" },
};

/** Providers in the order rows are shown; those we do not know come last, by name. */
export function providerOrder(provider: string): string {
  const place = Object.keys(PROVIDERS).indexOf(provider);
  return place < 0 ? `9${provider}` : `${place}`;
}

export function providerName(provider: string): string {
  return PROVIDERS[provider]?.name ?? provider;
}

/** At most three letters. */
export function providerMark(provider: string): string {
  return PROVIDERS[provider]?.mark ?? provider.slice(0, 3).toUpperCase();
}

export const GEOGRAPHIES = ["americas", "europe", "mea", "china", "apac", "local"] as const;
export type Geography = (typeof GEOGRAPHIES)[number];

/** First match decides. The names of regions say where they are. */
const PLACES: readonly [RegExp, Geography][] = [
  [/^(cn-(north|northwest|east|south|southwest|hangzhou|beijing|shanghai|shenzhen|qingdao|zhangjiakou|huhehaote|wulanchabu|heyuan|guangzhou|chengdu|nanjing|fuzhou|wuhan))|^china/, "china"],
  [/^(us|ca|mx|sa|na|la)-|^us-gov|americas?|^(east|west|central|north|south)?(us|canada|mexico|brazil)|^(us|canada|brazil|mexico|chile)|^(northcentralus|southcentralus|westcentralus)|^northamerica|^southamerica/, "americas"],
  [/^(me|af|il)-|^(uae|israel|qatar|southafrica|africa|middleeast)/, "mea"],
  [/^eu-|^europe|europe$|^(uk|france|germany|norway|switzerland|sweden|poland|italy|spain|austria|denmark|belgium)/, "europe"],
  [/^(ap|asia|cn-hongkong|australia)-?|asia$|^(japan|korea|india|australia|newzealand|indonesia|malaysia|taiwan)|india$/, "apac"],
];

/** Where a region lies; a room of one's own is local. */
export function geographyOf(provider: string, region: string): Geography {
  if (provider === "onprem" || region === "") return "local";
  return PLACES.find(([pattern]) => pattern.test(region))?.[1] ?? "local";
}

export interface ResourceParts {
  provider: string;
  account: string;
  region: string;
  type: string;
  native: string;
}

/** `provider:account:region:type:native-id`; the native id may hold colons. Null when it is no resource id. */
export function partsOf(id: string | null): ResourceParts | null {
  if (!id) return null;
  const [provider, account, region, type, ...native] = id.split(":");
  if (provider === undefined || account === undefined || region === undefined || type === undefined || native.length === 0) return null;
  return { provider, account, region, type, native: native.join(":") };
}
