import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { storageQuery } from "@/api/worker-queries";
import { capitalize } from "@/format";

/** On every page, that space runs out; nothing while there is enough. */
export function StorageBanner() {
  const { data } = useQuery(storageQuery);
  if (data === undefined || data.warnings.length === 0) return null;
  return (
    <div className="banner storage-banner" data-state={data.disk.state} role="status" data-testid="storage-banner">
      {data.warnings.map(capitalize).join(". ")}.{" "}
      <Link to="/workers" hash="storage">
        What takes space
      </Link>
    </div>
  );
}
