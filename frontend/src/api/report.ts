/** The parts of an experiment's report by name. */
import type { Schemas } from "./client";

export type Report = Schemas["Report"];
export type TableRow = Report["table"][number];
export type TableEntry = TableRow["entries"][number];
export type Estimate = NonNullable<TableRow["vanilla"]>;
export type Figure = Report["figures"][number];
export type Block = Figure["blocks"][number];
export type Panel = Block["panels"][number];
export type PanelSeries = Panel["series"][number];
export type Finding = Report["findings"][number];
export type Correlation = Report["correlations"][number];
export type ConfigDifference = Report["differences"][number];
