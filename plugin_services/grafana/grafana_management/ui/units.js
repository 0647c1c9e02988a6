// Numbers with Grafana's units, as far as they are common; others are written behind the number.

const SHORT = [[1e12, " T"], [1e9, " Bil"], [1e6, " Mil"], [1e3, " K"]];
const BINARY = [[2 ** 40, " TiB"], [2 ** 30, " GiB"], [2 ** 20, " MiB"], [2 ** 10, " KiB"], [1, " B"]];
const DECIMAL = [[1e12, " TB"], [1e9, " GB"], [1e6, " MB"], [1e3, " kB"], [1, " B"]];
const TIMES = [[86400, " d"], [3600, " h"], [60, " min"], [1, " s"], [1e-3, " ms"], [1e-6, " µs"], [1e-9, " ns"]];
const PER_SECOND = { reqps: "req/s", ops: "ops/s", rps: "reads/s", wps: "writes/s", cps: "c/s", iops: "io/s", pps: "p/s" };

function number(value, decimals) {
  const digits = decimals ?? (Math.abs(value) >= 100 || Number.isInteger(value) ? 0 : Math.abs(value) >= 1 ? 2 : 3);
  return value.toLocaleString(undefined, { maximumFractionDigits: digits, minimumFractionDigits: decimals ?? 0 });
}

function scaled(value, scale, decimals) {
  const [size, name] = scale.find(([size]) => Math.abs(value) >= size) ?? scale.at(-1);
  return `${number(value / size, decimals)}${value === 0 ? scale.find(([size]) => size === 1)?.[1] ?? "" : name}`;
}

/** What a person reads of a value. */
export function shown(value, unit = "", decimals = null) {
  if (value === null || value === undefined) return "–";
  switch (unit) {
    case "":
    case "none":
      return number(value, decimals);
    case "short":
      return Math.abs(value) >= 1000 ? scaled(value, SHORT, decimals) : number(value, decimals);
    case "percent":
      return `${number(value, decimals)} %`;
    case "percentunit":
      return `${number(value * 100, decimals)} %`;
    case "bytes":
      return scaled(value, BINARY, decimals);
    case "decbytes":
      return scaled(value, DECIMAL, decimals);
    case "binBps":
      return `${scaled(value, BINARY, decimals)}/s`;
    case "Bps":
      return `${scaled(value, DECIMAL, decimals)}/s`;
    case "bps":
      return scaled(value, DECIMAL.map(([size, name]) => [size, name.replace("B", "b/s")]), decimals);
    case "s":
      return scaled(value, TIMES, decimals);
    case "ms":
      return scaled(value / 1e3, TIMES, decimals);
    case "µs":
      return scaled(value / 1e6, TIMES, decimals);
    case "ns":
      return scaled(value / 1e9, TIMES, decimals);
    default:
      return `${number(value, decimals)} ${PER_SECOND[unit] ?? unit.replace(/^(suffix|prefix):/, "")}`;
  }
}
