import { useMemo } from "react";

import type { Block, Figure, PanelSeries } from "@/api/report";

import { lookKey } from "./panel-data";
import type { Look } from "./panel-data";
import { PanelChart } from "./PanelChart";

interface Props {
  figure: Figure;
  looks: Map<string, Look>;
  isPublishedShown: boolean;
  /** Address of an export, by ending. */
  exportUrl: (ending: "png" | "svg") => string;
}

/** A figure in the paper's layout. */
export function FigureView({ figure, looks, isPublishedShown, exportUrl }: Props) {
  const number = figure.name.replace("figure-", "Figure ");
  return (
    <section className="card figure" aria-labelledby={figure.name} data-testid={figure.name}>
      <header className="row figure-head">
        <h3 id={figure.name}>
          {number} <span className="soft figure-title">{figure.title}</span>
        </h3>
        <span className="grow" />
        <a className="button small" href={exportUrl("png")} download={`${figure.name}.png`} aria-label={`${number} as PNG`}>
          PNG
        </a>
        <a className="button small" href={exportUrl("svg")} download={`${figure.name}.svg`} aria-label={`${number} as SVG`}>
          SVG
        </a>
      </header>
      {figure.blocks.length === 0 ? <p className="soft">Nothing is measured yet.</p> : null}
      {figure.blocks.map((block) => (
        <BlockView key={block.title} block={block} name={figure.name} looks={looks} isPublishedShown={isPublishedShown} />
      ))}
    </section>
  );
}

type BlockProps = Pick<Props, "looks" | "isPublishedShown"> & { block: Block; name: string };

function BlockView({ block, name, looks, isPublishedShown }: BlockProps) {
  const panels = useMemo(
    () =>
      block.panels.map((panel) => ({
        ...panel,
        series: panel.series.filter(({ role }) => isPublishedShown || role !== "published"),
      })),
    [block, isPublishedShown],
  );
  const legend = new Map(panels.flatMap((panel) => panel.series).map((series) => [lookKey(series), series]));
  return (
    <div className="block">
      <div className="row block-head">
        <b className="mono">{block.title}</b>
        {[...legend].map(([key, series]) => (
          <LegendItem key={key} series={series} look={looks.get(key)} />
        ))}
      </div>
      <div className="panels" style={{ "--columns": block.num_columns } as React.CSSProperties}>
        {panels.map((panel) => (
          <PanelChart key={panel.title} panel={panel} looks={looks} syncKey={`${name} ${block.title} ${panel.x_label}`} />
        ))}
      </div>
    </div>
  );
}

function LegendItem({ series, look }: { series: PanelSeries; look: Look | undefined }) {
  return (
    <span className="legend-item small">
      <svg viewBox="0 0 20 4" width="20" height="4" aria-hidden="true" style={{ color: `var(${look?.color ?? "--text-soft"})` }}>
        <path d="M0 2 H20" stroke="currentColor" strokeWidth="2.5" strokeDasharray={look?.dash?.join(" ")} />
      </svg>
      {series.label}
      <span className="soft">n={series.num_runs}</span>
    </span>
  );
}
