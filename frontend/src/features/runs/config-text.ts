/** A configuration as rows of a table and as YAML. */

export interface ConfigRow {
  path: string[];
  text: string;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A leaf as it would stand in YAML; text is quoted only where YAML needs it. */
export function scalarText(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value);
  return /^[A-Za-z][\w./ -]*$/.test(value) && !/^(true|false|null|yes|no|on|off)$/i.test(value)
    ? value
    : JSON.stringify(value);
}

function flowText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flowText).join(", ")}]`;
  if (isRecord(value)) {
    const parts = Object.entries(value).map(([key, part]) => `${key}: ${flowText(part)}`);
    return `{${parts.join(", ")}}`;
  }
  return scalarText(value);
}

/** Leaves of a nested configuration with their paths; a list is one leaf. */
export function configRows(config: Record<string, unknown>, path: string[] = []): ConfigRow[] {
  return Object.entries(config).flatMap(([key, value]) =>
    isRecord(value)
      ? configRows(value, [...path, key])
      : [{ path: [...path, key], text: Array.isArray(value) ? value.map(flowText).join("\n") : scalarText(value) }],
  );
}

/** The configuration as YAML. */
export function toYaml(config: Record<string, unknown>, indent = ""): string {
  return Object.entries(config)
    .map(([key, value]) => {
      if (isRecord(value)) return `${indent}${key}:\n${toYaml(value, `${indent}  `)}`;
      if (Array.isArray(value)) {
        return `${indent}${key}:\n${value.map((item) => `${indent}  - ${flowText(item)}\n`).join("")}`;
      }
      return `${indent}${key}: ${scalarText(value)}\n`;
    })
    .join("");
}
