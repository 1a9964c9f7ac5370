import { useMemo, useRef, useState } from "react";

import type { Panel } from "@/api/report";
import { Skeleton } from "@/components/States";
import { useInView } from "@/components/use-in-view";
import { formatNumber, formatShareNumber, formatValue } from "@/format";
import "uplot/dist/uPlot.min.css";

import { alignPanel, describe, hasZeroAxis, lookKey, unitOf } from "./panel-data";
import type { Look, PanelData } from "./panel-data";
import { PanelTable } from "./PanelTable";
import { usePanelPlot } from "./use-panel-plot";

interface Props {
  panel: Panel;
  looks: Map<string, Look>;
  syncKey: string;
}

/** One pair of axes, drawn once it comes into view. */
export function PanelChart({ panel, looks, syncKey }: Props) {
  const [ref, isSeen] = useInView<HTMLElement>();
  const [isTable, setIsTable] = useState(false);
  const data = useMemo(() => alignPanel(panel.series), [panel.series]);
  const numPoints = data.curves.reduce((sum, { mean }) => sum + mean.filter((value) => typeof value === "number").length, 0);
  return (
    <figure ref={ref} className="panel" data-testid="panel" data-title={panel.title} data-points={numPoints}>
      <figcaption className="panel-head">
        <h4 title={panel.y_label}>{panel.title}</h4>
        <button
          type="button"
          className="button quiet small panel-tool"
          aria-pressed={isTable}
          onClick={() => setIsTable(!isTable)}
          aria-label={isTable ? `Show ${panel.title} as chart` : `Show ${panel.title} as table`}
        >
          {isTable ? "Chart" : "Table"}
        </button>
      </figcaption>
      {numPoints === 0 ? (
        <p className="panel-empty soft small">Nothing is measured yet.</p>
      ) : !isSeen ? (
        <Skeleton height={150} />
      ) : isTable ? (
        <PanelTable panel={panel} data={data} />
      ) : (
        <Plot panel={panel} data={data} looks={looks} syncKey={syncKey} />
      )}
    </figure>
  );
}

function Plot({ panel, data, looks: all, syncKey }: Props & { data: PanelData }) {
  const tip = useRef<HTMLDivElement>(null);
  const unit = unitOf(panel);
  const looks = data.curves.map(({ series }) => all.get(lookKey(series)) ?? { color: "--text-soft", dash: undefined, width: 1 });
  const box = usePanelPlot({
    data,
    looks,
    unit,
    hasZero: hasZeroAxis(panel),
    isWhole: panel.y_label === "count",
    syncKey,
    onCursor: (index, left) => showTip(tip.current, index, left),
  });
  // Written without rendering: the cursor moves often.
  const showTip = (element: HTMLDivElement | null, index: number | null, left: number) => {
    if (element === null) return;
    element.hidden = index === null;
    if (index === null) return;
    element.dataset.side = left > 0.5 ? "left" : "right";
    const lines = data.curves.map(({ series, mean }, curve) => {
      const line = document.createElement("div");
      const swatch = document.createElement("i");
      swatch.style.background = `var(${looks[curve]?.color ?? "--text-soft"})`;
      const value = mean[index];
      line.append(swatch, typeof value === "number" ? formatValue(value, unit) : "\u2013", spreadText(series.std?.[series.x.indexOf(data.xs[index] ?? NaN)]));
      return line;
    });
    const head = document.createElement("div");
    head.textContent = `${panel.x_label} ${formatNumber(data.xs[index] ?? NaN)}`;
    element.replaceChildren(head, ...lines);
  };
  const spreadText = (std: number | null | undefined) =>
    typeof std === "number" ? ` \u00b1 ${unit === "share" ? formatShareNumber(std) : formatNumber(std, 3)}` : "";
  return (
    <>
      <p className="visually-hidden">{describe(panel, (value) => formatValue(value, unit))}</p>
      <div className="panel-plot" aria-hidden="true">
        <div ref={box} className="panel-canvas" />
        <div ref={tip} className="panel-tip small" hidden />
      </div>
      <p className="panel-x soft" aria-hidden="true">
        {panel.x_label}
      </p>
    </>
  );
}
