import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { modelsQuery } from "@/api/queries";
import { Age } from "@/components/Age";
import { EmptyState, ErrorState, Loading } from "@/components/States";
import { formatBytes, formatSi } from "@/format";

export function ModelsPage() {
  const query = useQuery(modelsQuery);
  return (
    <div className="page">
      <div className="page-head">
        <h1>Models</h1>
        <span className="grow" />
        <Link to="/new-model" className="button primary">
          Add a model
        </Link>
      </div>
      {query.isError && !query.data ? (
        <ErrorState what="The models could not be loaded" error={query.error} onRetry={() => void query.refetch()} />
      ) : query.isPending ? (
        <Loading label="Loading models" rows={3} height={32} />
      ) : query.data.length === 0 ? (
        <EmptyState title="No models yet">
          <p>A model is a folder in Hugging Face&apos;s layout, on the server or on the hub.</p>
          <Link to="/new-model" className="button primary">
            Add a model
          </Link>
        </EmptyState>
      ) : (
        <div className="card list-card">
          <table className="list" data-testid="models-table">
            <thead>
              <tr>
                <th scope="col">Model</th>
                <th scope="col">Architecture</th>
                <th scope="col" className="number">
                  Parameters
                </th>
                <th scope="col" className="number">
                  Size
                </th>
                <th scope="col" className="number">
                  Added
                </th>
              </tr>
            </thead>
            <tbody>
              {query.data.map((model) => (
                <tr key={model.slug}>
                  <td>
                    <span className="list-name">{model.title}</span>
                    <div className="mono soft">{model.slug}</div>
                    {model.source === null ? null : <div className="soft small">from: {model.source}</div>}
                  </td>
                  <td className="mono">{model.architecture}</td>
                  <td className="number">{formatSi(model.num_parameters)}</td>
                  <td className="number">{formatBytes(model.size_bytes)}</td>
                  <td className="number">
                    <Age at={model.created_at} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </div>
  );
}
