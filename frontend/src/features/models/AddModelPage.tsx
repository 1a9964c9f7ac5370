import { useMutation, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { client, unwrap } from "@/api/client";
import { LabelledText } from "@/components/LabelledField";
import { Refusal } from "@/components/Refusal";

const route = getRouteApi("/shell/new-model");
const SOURCES = ["folder", "hub"] as const;
type Source = (typeof SOURCES)[number];
const LABELS: Record<Source, string> = { folder: "Server folder", hub: "Hugging Face hub" };
const EMPTY = { folder: "", repo: "", revision: "main", slug: "", title: "" };

/** Register a model, from a folder on the server or from the hub. */
export function AddModelPage() {
  const from = SOURCES.find((source) => source === route.useSearch().from) ?? "folder";
  const navigate = route.useNavigate();
  return (
    <div className="page">
      <div className="page-head">
        <Link to="/models" className="soft">
          Models
        </Link>
        <span className="soft" aria-hidden="true">
          /
        </span>
        <h1>Add a model</h1>
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
  const [draft, setDraft] = useState(EMPTY);
  const change = (part: Partial<typeof EMPTY>) => setDraft((old) => ({ ...old, ...part }));
  const add = useMutation({
    mutationFn: () => {
      const about = { slug: draft.slug.trim(), title: draft.title.trim() };
      if (from === "folder") return unwrap(client.POST("/api/v1/models", { body: { ...about, folder: draft.folder.trim() } }));
      const source = { repo_id: draft.repo.trim(), revision: draft.revision.trim() };
      return unwrap(client.POST("/api/v1/models/hub", { body: { ...about, ...source } }));
    },
    onSuccess: async () => {
      for (const key of ["models", "presets"]) void cache.invalidateQueries({ queryKey: [key] });
      await navigate({ to: "/models" });
    },
  });
  return (
    <form
      className="card"
      onSubmit={(event) => {
        event.preventDefault();
        if (!add.isPending) add.mutate();
      }}
    >
      <div className="labelled-grid">
        {from === "folder" ? (
          <LabelledText
            label="Folder"
            value={draft.folder}
            isRequired
            onChange={(folder) => change({ folder })}
            help={
              <>
                Name of a folder in Hugging Face&apos;s layout, directly below <code>MAYE_IMPORT_DIR</code> on the server.
              </>
            }
          />
        ) : (
          <>
            <LabelledText
              label="Repository"
              value={draft.repo}
              isRequired
              placeholder="Qwen/Qwen2.5-VL-7B-Instruct"
              onChange={(repo) => change({ repo })}
              help="Owner and name on the hub. Only weights and settings are fetched, no code."
            />
            <LabelledText
              label="Revision"
              value={draft.revision}
              isRequired
              onChange={(revision) => change({ revision })}
              help="Branch, tag or commit; the commit it stands for is kept."
            />
          </>
        )}
        <LabelledText label="Title" value={draft.title} isRequired onChange={(title) => change({ title })} help="Name for people." />
        <LabelledText
          label="Slug"
          value={draft.slug}
          isRequired
          placeholder="qwen2.5-vl-7b"
          onChange={(slug) => change({ slug })}
          help="Unique name for configurations: small letters, digits, dots and dashes."
        />
      </div>
      {add.isError ? <Refusal what="The model was not added" error={add.error} /> : null}
      {add.isPending && from === "hub" ? (
        <p className="soft" role="status">
          The server fetches it from the hub. Large models take long; it goes on when this page is left.
        </p>
      ) : null}
      <div className="row">
        <button type="submit" className="button primary" disabled={add.isPending}>
          {add.isPending ? "Adding" : "Add the model"}
        </button>
        <a href="/docs/how-to/own-model/">Which models can be added</a>
      </div>
    </form>
  );
}
