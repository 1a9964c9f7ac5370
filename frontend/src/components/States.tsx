import "./states.css";

interface EmptyProps {
  title: string;
  children?: React.ReactNode;
}

/** What will be here, and the action that fills it. */
export function EmptyState({ title, children }: EmptyProps) {
  return (
    <div className="state" data-testid="empty">
      <p className="state-title">{title}</p>
      {children}
    </div>
  );
}

interface ErrorProps {
  what: string;
  error: Error & { code?: string; requestId?: string | null };
  onRetry?: () => void;
}

/** What failed, its code, and a retry; the rest of the page stays. */
export function ErrorState({ what, error, onRetry }: ErrorProps) {
  return (
    <div className="state state-error" role="alert">
      <p className="state-title">{what}</p>
      <p>{error.message}</p>
      <p className="soft small">
        Code <code>{error.code ?? "client_error"}</code>
        {error.requestId ? (
          <>
            , request <code>{error.requestId}</code>
          </>
        ) : null}
      </p>
      {onRetry ? (
        <button type="button" className="button" onClick={onRetry}>
          Try again
        </button>
      ) : null}
    </div>
  );
}

/** A grey block in the shape of what is loading. */
export function Skeleton({ height, width = "100%" }: { height: number; width?: number | string }) {
  return <span className="skeleton" style={{ height, width }} aria-hidden="true" />;
}

/** Lines of skeletons, announced once. */
export function Loading({ label, rows = 6, height = 20 }: { label: string; rows?: number; height?: number }) {
  return (
    <div className="loading" role="status">
      <span className="visually-hidden">{label}</span>
      {Array.from({ length: rows }, (_, row) => (
        <Skeleton key={row} height={height} />
      ))}
    </div>
  );
}
