import { useState } from "react";

import { imageUrl } from "@/api/client";
import type { Trajectory } from "@/api/client";
import { formatPlural } from "@/format";

import { PatchPicture } from "./PatchPicture";
import { visibleText } from "./quantities";

interface Props {
  trajectory: Trajectory;
  dataset: string;
}

/** The problem as the model reads it: picture with its patches, and the prompt's tokens. */
export function PromptPanel({ trajectory, dataset }: Props) {
  const [token, setToken] = useState<number | null>(null);
  const { image, prompt } = trajectory;
  return (
    <section className="card steps-panel steps-prompt" aria-labelledby="steps-prompt">
      <h2 id="steps-prompt">Prompt</h2>
      {trajectory.image_sha256 === null || image === null ? (
        <p className="soft">Text only.</p>
      ) : (
        <>
          <PatchPicture
            src={imageUrl(dataset, trajectory.image_sha256)}
            alt={`Picture of problem ${trajectory.item_id}`}
            image={image}
            onPoint={setToken}
          />
          <p className="small" data-testid="image-span">
            {describeImage(image)}
          </p>
          <p className="small soft" aria-live="polite">
            {token === null
              ? "Point at a patch to see its token."
              : `Token ${token}, position ${positionOf(trajectory.prompt_positions, token)}`}
          </p>
        </>
      )}
      <p className="steps-question">{trajectory.question}</p>
      <p>
        <span className="soft">gold</span> <b className="mono">{trajectory.gold_answer}</b>
      </p>
      <details>
        <summary>{formatPlural(prompt.length, "prompt token")}</summary>
        <ol className="tokens tokens-prompt">
          {prompt.map(({ id, text }, at) => {
            const isImage = image !== null && at >= image.span_start && at < image.span_end;
            if (isImage && at > image.span_start) return null;
            return isImage ? (
              <li key={at} className="token-image">
                {formatPlural(image.num_tokens, "image token")}
              </li>
            ) : (
              <li key={at} className="token" title={`${at}: id ${id}, position ${positionOf(trajectory.prompt_positions, at)}`}>
                {visibleText(text)}
              </li>
            );
          })}
        </ol>
      </details>
    </section>
  );
}

function positionOf(positions: number[][], token: number): string {
  return `(${positions.map((axis) => axis[token] ?? "?").join(", ")})`;
}

function describeImage({ patch_grid, merged_grid, num_tokens, span_start, span_end }: NonNullable<Trajectory["image"]>): string {
  const where = `prompt tokens ${span_start} to ${span_end - 1}`;
  if (patch_grid === null || merged_grid === null) return `${formatPlural(num_tokens, "image token")}, ${where}`;
  const cut = `${patch_grid.height} \u00d7 ${patch_grid.width} patches`;
  return `${cut}, merged to ${merged_grid.height} \u00d7 ${merged_grid.width} = ${num_tokens} tokens: ${where}`;
}
