/** Values with their UCUM units as people read them. */

const SCALES: readonly [number, string][] = [
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];
const BINARY: readonly [number, string][] = [
  [2 ** 40, "Ti"],
  [2 ** 30, "Gi"],
  [2 ** 20, "Mi"],
  [2 ** 10, "Ki"],
];

/** Three significant digits, thousands separated, no exponent between 1e-4 and 1e15. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "−Inf";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e15)) return value.toExponential(2).replace("-", "−");
  const digits = size >= 100 || size === 0 ? 0 : size >= 10 ? 1 : Math.min(6, 2 - Math.floor(Math.log10(size)));
  const rounded = Number.isInteger(value) ? value : Number(value.toFixed(digits));
  return rounded.toLocaleString("en-GB", { maximumFractionDigits: 6 }).replace("-", "−");
}

function scaled(value: number, scales: readonly [number, string][], unit: string): string {
  const scale = scales.find(([size]) => Math.abs(value) >= size);
  return scale ? `${figure(value / scale[0])} ${scale[1]}${unit}` : `${figure(value)} ${unit}`.trimEnd();
}

/** `31.2 %`, `1,904`, `412 s`, `3.2 GiB`, `18 MiB/s`. The unit is UCUM's: `1` is a ratio, braces are a count of things. */
export function formatValue(value: number, unit: string | null | undefined): string {
  switch (unit) {
    case "1":
    case "ratio":
      return `${figure(value * 100)} %`;
    case "%":
      return `${figure(value)} %`;
    case "By":
      return scaled(value, BINARY, "B");
    case "By/s":
      return scaled(value, BINARY, "B/s");
    case "s":
      return value !== 0 && Math.abs(value) < 1 ? `${figure(value * 1000)} ms` : `${figure(value)} s`;
    case "ms":
      return `${figure(value)} ms`;
    case null:
    case undefined:
    case "":
      return figure(value);
    default: {
      const plain = unit.replace(/\{[^}]*\}/g, "");
      return scaled(value, SCALES, plain === "/s" || plain === "" ? plain : plain);
    }
  }
}

/** Money with its currency: `$1,284`, two digits below a hundred. */
export function money(amount: number, currency: string): string {
  const digits = Math.abs(amount) < 100 ? 2 : 0;
  try {
    return amount.toLocaleString("en-US", { style: "currency", currency, minimumFractionDigits: digits, maximumFractionDigits: digits });
  } catch {
    return `${figure(amount)} ${currency}`;
  }
}
