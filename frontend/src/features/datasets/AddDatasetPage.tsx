import { useMutation, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { client, unwrap } from "@/api/client";
import type { Schemas } from "@/api/client";
import { upload } from "@/api/transfers";
import type { Transfer } from "@/api/transfers";
import { FileDrop } from "@/components/FileDrop";
import { LabelledText } from "@/components/LabelledField";
import { Refusal } from "@/components/Refusal";
import { TransferBar } from "@/components/TransferBar";
import { formatBytes } from "@/format";

import { EMPTY, fileManifest, hubManifest, SOURCES, uploadType } from "./dataset-draft";
import type { Draft, Source } from "./dataset-draft";
import { ManifestFields } from "./ManifestFields";

const route = getRouteApi("/shell/new-dataset");
const LABELS: Record<Source, string> = { upload: "Upload", folder: "Server folder", hub: "Hugging Face hub" };

/** Add a data set: completely, or not at all with every bad row listed. */
export function AddDatasetPage() {
  const from = SOURCES.find((source) => source === route.useSearch().from) ?? "upload";
  const navigate = route.useNavigate();
  return (
    <div className="page">
      <div className="page-head">
        <Link to="/datasets" className="soft">
          Data sets
        </Link>
        <span className="soft" aria-hidden="true">
          /
        </span>
        <h1>Add a data set</h1>
      </div>
      <div className="adding">
        <div className="segments" role="group" aria-label="Where it comes from">
          {SOURCES.map((source) => (
            <button key={source} type="button" aria-pressed={source === from} onClick={() => void navigate({ search: { from: source }, replace: true })}>
              {LABELS[source]}
            </button>
          ))}
        </div>
        <AddForm key={from} from={from} />
      </div>
    </div>
  );
}

function AddForm({ from }: { from: Source }) {
  const cache = useQueryClient();
  const navigate = useNavigate();
  const [draft, setDraft] = useState<Draft>(EMPTY);
  const [file, setFile] = useState<File | null>(null);
  const [transfer, setTransfer] = useState<Transfer | null>(null);
  const change = (part: Partial<Draft>) => setDraft((old) => ({ ...old, ...part }));
  const add = useMutation({
    mutationFn: () => request(from, draft, file, setTransfer),
    onSuccess: async (dataset) => {
      for (const key of ["datasets", "presets"]) void cache.invalidateQueries({ queryKey: [key] });
      await navigate({ to: "/datasets/$slug", params: { slug: dataset.slug } });
    },
  });
  const isParquet = file !== null && uploadType(file.name) === "application/vnd.apache.parquet";
  return (
    <form
      className="card"
      onSubmit={(event) => {
        event.preventDefault();
        if (!add.isPending) add.mutate();
      }}
    >
      {from === "upload" ? (
        <>
          <FileDrop label={file === null ? "Choose a file" : "Choose another file"} accept=".zip,.parquet" isDisabled={add.isPending} onFiles={([chosen]) => setFile(chosen ?? null)}>
            <span className="soft small">A zip with a dataset.yaml, JSONL or parquet files and pictures; or one parquet file with pictures in its rows.</span>
          </FileDrop>
          {file === null ? null : (
            <p data-testid="chosen-file">
              <b>{file.name}</b> <span className="soft">{formatBytes(file.size)}</span>
            </p>
          )}
        </>
      ) : from === "folder" ? (
        <LabelledText
          label="Folder"
          value={draft.folder}
          isRequired
          onChange={(folder) => change({ folder })}
          help={
            <>
              Name of a folder with a <code>dataset.yaml</code>, directly below <code>MAYE_IMPORT_DIR</code> on the server.
            </>
          }
        />
      ) : (
        <HubFields draft={draft} onChange={change} />
      )}
      {isParquet || (from === "hub" && draft.isDescribed) ? <ManifestFields draft={draft} onChange={change} isHub={from === "hub"} /> : null}
      {add.isError ? <Refusal what="Nothing was imported" error={add.error} /> : null}
      {add.isPending ? <Progress from={from} transfer={transfer} /> : null}
      <div className="row">
        <button type="submit" className="button primary" disabled={add.isPending || (from === "upload" && file === null)}>
          {add.isPending ? "Adding" : "Add the data set"}
        </button>
        <a href="/docs/how-to/own-data/">How a data set is made</a>
      </div>
    </form>
  );
}

function HubFields({ draft, onChange }: { draft: Draft; onChange: (part: Partial<Draft>) => void }) {
  return (
    <>
      <div className="labelled-grid">
        <LabelledText label="Repository" value={draft.repo} isRequired placeholder="hiyouga/geometry3k" onChange={(repo) => onChange({ repo })} help="Owner and name on the hub." />
        <LabelledText label="Revision" value={draft.revision} isRequired onChange={(revision) => onChange({ revision })} help="Branch, tag or commit; the commit it stands for is kept." />
      </div>
      <label className="row">
        <input type="checkbox" checked={!draft.isDescribed} onChange={(event) => onChange({ isDescribed: !event.target.checked })} />
        The repository has a dataset.yaml that says all the rest
      </label>
    </>
  );
}

/** How far it is: the file first, then the server's work on it. */
function Progress({ from, transfer }: { from: Source; transfer: Transfer | null }) {
  if (from === "upload" && transfer !== null && transfer.done !== transfer.total) {
    return <TransferBar label="Sending the file" {...transfer} />;
  }
  return (
    <p className="soft" role="status">
      {from === "hub"
        ? "The server fetches it from the hub and checks every row. Large data sets take minutes; it goes on when this page is left."
        : "The server checks every row and every picture."}
    </p>
  );
}

function request(from: Source, draft: Draft, file: File | null, onProgress: (transfer: Transfer) => void): Promise<Schemas["DatasetInfo"]> {
  if (from === "folder") return unwrap(client.POST("/api/v1/datasets", { body: { folder: draft.folder.trim() } }));
  if (from === "hub") {
    const body = { repo_id: draft.repo.trim(), revision: draft.revision.trim(), manifest: hubManifest(draft) };
    return unwrap(client.POST("/api/v1/datasets/hub", { body }));
  }
  const type = uploadType(file?.name ?? "");
  if (file === null || type === null) throw new Error(`${file?.name ?? "The file"} is neither a .zip nor a .parquet.`);
  const query = type === "application/zip" ? "" : `?manifest=${encodeURIComponent(JSON.stringify(fileManifest(draft)))}`;
  return upload(`/api/v1/datasets/upload${query}`, file, { contentType: type, onProgress });
}
