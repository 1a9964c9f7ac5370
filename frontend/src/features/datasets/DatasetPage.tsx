import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";

import { imageUrl } from "@/api/client";
import type { Schemas } from "@/api/client";
import { datasetsQuery, itemsQuery } from "@/api/queries";
import { Picture } from "@/components/Picture";
import { EmptyState, ErrorState, Loading } from "@/components/States";
import { formatCount, formatPlural } from "@/format";

import "./datasets.css";

const route = getRouteApi("/shell/datasets/$slug");

export function DatasetPage() {
  const { slug } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const query = useQuery(datasetsQuery);
  const dataset = query.data?.find((entry) => entry.slug === slug);
  if (dataset === undefined) {
    return (
      <div className="page">
        {query.isPending ? (
          <Loading label="Loading the data set" />
        ) : query.isError ? (
          <ErrorState what="The data set could not be loaded" error={query.error} onRetry={() => void query.refetch()} />
        ) : (
          <EmptyState title={`There is no data set ${slug}`}>
            <Link to="/datasets" className="button">
              All data sets
            </Link>
          </EmptyState>
        )}
      </div>
    );
  }
  const split = dataset.splits.find(({ name }) => name === search.split) ?? dataset.splits[0];
  return (
    <div className="page">
      <div className="row">
        <Link to="/datasets" className="soft">
          Data sets
        </Link>
        <span className="soft" aria-hidden="true">
          /
        </span>
        <h1>{dataset.title}</h1>
      </div>
      <p className="soft dataset-facts">
        <span className="mono">{dataset.slug}</span>, {dataset.kind}, {formatPlural(dataset.num_images, "picture")},
        licence: {dataset.licence}
        {dataset.source === null ? null : <>, from: {dataset.source}</>}
      </p>
      <div className="segments" role="group" aria-label="Split">
        {dataset.splits.map(({ name, num_items }) => (
          <button
            key={name}
            type="button"
            aria-pressed={name === split?.name}
            onClick={() => void navigate({ search: { split: name }, replace: true })}
          >
            {name} <span className="soft">{formatCount(num_items)}</span>
          </button>
        ))}
      </div>
      {split === undefined ? null : <Gallery slug={slug} split={split} />}
    </div>
  );
}

function Gallery({ slug, split }: { slug: string; split: Schemas["SplitInfo"] }) {
  const query = useInfiniteQuery(itemsQuery(slug, split.name));
  if (query.isError && !query.data) {
    return <ErrorState what="The problems could not be loaded" error={query.error} onRetry={() => void query.refetch()} />;
  }
  if (query.data === undefined) return <Loading label="Loading problems" rows={4} height={160} />;
  const items = query.data.pages.flatMap((page) => page.items);
  return (
    <>
      <ul className="gallery" data-testid="gallery">
        {items.map((item) => (
          <li key={item.row} className="card problem-card" data-testid="problem">
            {item.image_sha256 === null ? (
              <span className="picture-none soft small">text only</span>
            ) : (
              <Picture src={imageUrl(slug, item.image_sha256)} alt={`Picture of problem ${item.item_id}`} />
            )}
            <p className="problem-question">{item.question}</p>
            <p>
              <span className="soft">answer</span> <b className="mono">{item.answer}</b>
            </p>
            <p className="soft small problem-id">
              {item.item_id}
              {item.category === null ? "" : `, ${item.category}`}
            </p>
          </li>
        ))}
      </ul>
      <div className="row">
        {query.hasNextPage ? (
          <button type="button" className="button" onClick={() => void query.fetchNextPage()} disabled={query.isFetchingNextPage}>
            Show more
          </button>
        ) : null}
        <span className="soft small" role="status">
          {formatCount(items.length)} of {formatPlural(split.num_items, "problem")}
        </span>
      </div>
    </>
  );
}
