import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useLayoutEffect, useRef, useState } from "react";

import { logQuery } from "@/api/queries";
import { MarkedText } from "@/components/MarkedText";
import { saveFile } from "@/components/save-file";
import { EmptyState, ErrorState, Loading } from "@/components/States";
import { useShortcuts } from "@/components/use-shortcuts";
import { formatPlural } from "@/format";

import { RunHistory } from "./RunHistory";

const route = getRouteApi("/shell/runs/$runId/log");

/** What happened to the run, and what its trainer printed. */
export function LogTab() {
  const { runId } = route.useParams();
  return (
    <>
      <RunHistory runId={runId} />
      <LogOfRun runId={runId} />
    </>
  );
}

function LogOfRun({ runId }: { runId: string }) {
  const query = useQuery(logQuery(runId));
  if (query.data === undefined) {
    return query.isError ? (
      <ErrorState what="The log could not be loaded" error={query.error} onRetry={() => void query.refetch()} />
    ) : (
      <Loading label="Loading the log" rows={12} height={14} />
    );
  }
  if (query.data.text === "") {
    return (
      <EmptyState title="No log yet">
        <p>What the trainer prints appears here as soon as a worker has taken the run.</p>
      </EmptyState>
    );
  }
  return <Log text={query.data.text} isComplete={query.data.is_complete} runId={runId} />;
}

function Log({ text, isComplete, runId }: { text: string; isComplete: boolean; runId: string }) {
  const { q = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const [isFollowing, setIsFollowing] = useState(true);
  const box = useRef<HTMLDivElement>(null);
  const search = useRef<HTMLInputElement>(null);
  useShortcuts({ "/": () => search.current?.focus() });
  const all = text.replace(/\n$/, "").split("\n");
  const lines = q === "" ? all : all.filter((line) => line.toLowerCase().includes(q.toLowerCase()));
  useLayoutEffect(() => {
    if (isFollowing && box.current !== null) box.current.scrollTop = box.current.scrollHeight;
  }, [text, q, isFollowing]);
  return (
    <>
      <div className="row" style={{ marginBottom: 8 }}>
        <input
          ref={search}
          type="search"
          aria-label="Search the log"
          placeholder="Search the log"
          value={q}
          onChange={(event) => void navigate({ search: event.target.value ? { q: event.target.value } : {}, replace: true })}
        />
        <label className="row">
          <input type="checkbox" checked={isFollowing} onChange={(event) => setIsFollowing(event.target.checked)} />
          Follow
        </label>
        <span className="soft small" role="status">
          {formatPlural(lines.length, "line")}
          {isComplete ? "" : ", older lines left out"}
        </span>
        <span className="grow" />
        <button type="button" className="button" onClick={() => saveFile(new Blob([text], { type: "text/plain" }), `${runId}.log`)}>
          Download
        </button>
      </div>
      {/* A scrolling region must be reachable by keyboard. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div ref={box} className="log card mono" role="log" aria-label="Log" aria-live="off" tabIndex={0} data-testid="log">
        {lines.map((line, index) => (
          <div key={index} className="log-line">
            {q === "" ? line || "\u00a0" : <MarkedText text={line} words={[q]} />}
          </div>
        ))}
      </div>
    </>
  );
}
