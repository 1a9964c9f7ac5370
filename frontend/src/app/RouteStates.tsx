import { Link } from "@tanstack/react-router";
import type { ErrorComponentProps } from "@tanstack/react-router";

import { EmptyState, ErrorState } from "@/components/States";

export function NotFound() {
  return (
    <div className="page">
      <EmptyState title="There is no such page">
        <Link to="/runs" className="button">
          All runs
        </Link>
      </EmptyState>
    </div>
  );
}

export function PageError({ error, reset }: ErrorComponentProps) {
  return (
    <div className="page">
      <ErrorState what="This page failed" error={error instanceof Error ? error : new Error(String(error))} onRetry={reset} />
    </div>
  );
}
