import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { datasetsQuery } from "@/api/queries";
import { EmptyState, ErrorState, Loading } from "@/components/States";
import { formatCount } from "@/format";

import "./datasets.css";

export function DatasetsPage() {
  const query = useQuery(datasetsQuery);
  return (
    <div className="page">
      <div className="page-head">
        <h1>Data sets</h1>
        <span className="grow" />
        <Link to="/new-dataset" className="button primary">
          Add a data set
        </Link>
      </div>
      {query.isError && !query.data ? (
        <ErrorState what="The data sets could not be loaded" error={query.error} onRetry={() => void query.refetch()} />
      ) : query.isPending ? (
        <Loading label="Loading data sets" rows={4} height={32} />
      ) : query.data.length === 0 ? (
        <EmptyState title="No data sets yet">
          <p>
            A data set has problems with right answers, with or without pictures, in up to three splits. It comes as a zip, a
            parquet file, a folder on the server or from the hub.
          </p>
          <Link to="/new-dataset" className="button primary">
            Add a data set
          </Link>
        </EmptyState>
      ) : (
        <div className="card list-card">
          <table className="list" data-testid="datasets-table">
            <thead>
              <tr>
                <th scope="col">Data set</th>
                <th scope="col">Kind</th>
                <th scope="col">Splits</th>
                <th scope="col" className="number">
                  Pictures
                </th>
                <th scope="col">Licence</th>
              </tr>
            </thead>
            <tbody>
              {query.data.map((dataset) => (
                <tr key={dataset.slug}>
                  <td>
                    <Link to="/datasets/$slug" params={{ slug: dataset.slug }} className="list-name">
                      {dataset.title}
                    </Link>
                    <div className="mono soft">{dataset.slug}</div>
                  </td>
                  <td>{dataset.kind}</td>
                  <td>
                    {dataset.splits.map((split) => (
                      <span key={split.name} className="list-split">
                        <span className="soft">{split.name}</span> {formatCount(split.num_items)}
                      </span>
                    ))}
                  </td>
                  <td className="number">{formatCount(dataset.num_images)}</td>
                  <td>{dataset.licence}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </div>
  );
}
