/** Files to and from the server, with their progress; the typed client knows none. */
import { ApiError, toApiError } from "./client";

export interface Transfer {
  /** Bytes so far. */
  done: number;
  /** Of all; null when it was not said. */
  total: number | null;
}

interface Options {
  onProgress: (transfer: Transfer) => void;
  signal?: AbortSignal;
}

const UNREACHABLE = "The connection broke before the file was through.";

interface UploadOptions extends Options {
  contentType: string;
}

/** Send a file; `fetch` does not tell how much of a body is through, XMLHttpRequest does. */
export function upload<T>(path: string, file: Blob, { contentType, onProgress, signal }: UploadOptions): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.setRequestHeader("Content-Type", contentType);
    request.upload.onprogress = (event) => onProgress({ done: event.loaded, total: event.lengthComputable ? event.total : null });
    request.onerror = () => reject(new ApiError(0, "unreachable", UNREACHABLE));
    request.onabort = () => reject(new ApiError(0, "cancelled", "The upload was stopped; nothing of it is kept."));
    request.onload = () => {
      const answer = parseBody(request.responseText);
      if (request.status >= 200 && request.status < 300) resolve(answer as T);
      else reject(toApiError(request.status, answer));
    };
    signal?.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}

/** Fetch a file whole; what goes wrong on the way is an error, not half a file. */
export async function download(path: string, { onProgress, signal }: Options): Promise<{ blob: Blob; name: string }> {
  let response: Response;
  try {
    response = await fetch(path, signal === undefined ? {} : { signal });
  } catch {
    throw new ApiError(0, signal?.aborted === true ? "cancelled" : "unreachable", UNREACHABLE);
  }
  if (!response.ok || response.body === null) throw toApiError(response.status, parseBody(await response.text()));
  const length = response.headers.get("Content-Length");
  const total = length === null ? null : Number(length);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let done = 0;
  try {
    const reader = response.body.getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      parts.push(next.value);
      done += next.value.length;
      onProgress({ done, total });
    }
  } catch {
    throw new ApiError(0, signal?.aborted === true ? "cancelled" : "unreachable", UNREACHABLE);
  }
  return { blob: new Blob(parts), name: fileNameOf(response.headers.get("Content-Disposition")) };
}

/** The name that a header gives a file: `attachment; filename="run-1.zip"`. */
export function fileNameOf(disposition: string | null): string {
  return /filename="([^"/\\]+)"/.exec(disposition ?? "")?.[1] ?? "download";
}

function parseBody(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
