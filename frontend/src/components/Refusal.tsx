import "./labelled-field.css";

interface Props {
  what: string;
  error: Error & { code?: string; requestId?: string | null; fields?: readonly { path: readonly (string | number)[]; message: string }[] };
}

/** Why the server refused, line by line: every bad row, every field. */
export function Refusal({ what, error }: Props) {
  const [first, ...lines] = error.message.split("\n");
  const fields = (error.fields ?? []).map(({ path, message }) => `${path.filter((part) => part !== "body").join(".")}: ${message}`);
  return (
    <div className="refusal" role="alert" data-testid="refusal">
      <p className="state-title">{what}</p>
      <p>{first}</p>
      {lines.length + fields.length === 0 ? null : (
        <ul>
          {[...lines, ...fields].map((line, index) => (
            // Two rows may be refused in the same words.
            <li key={`${index} ${line}`}>{line}</li>
          ))}
        </ul>
      )}
      <p className="soft small">
        Code <code>{error.code ?? "client_error"}</code>
        {error.requestId ? (
          <>
            , request <code>{error.requestId}</code>
          </>
        ) : null}
      </p>
    </div>
  );
}
