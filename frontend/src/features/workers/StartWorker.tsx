import { useState } from "react";

import { copyText } from "@/components/copy-text";

const SHOWN_MS = 2000;

/** How another machine joins: what to type there. */
export function StartWorker() {
  const [isCopied, setIsCopied] = useState(false);
  const text = [
    `export MAYE_API_URL=${window.location.origin}`,
    "export MAYE_REDIS_URL=redis://:PASSWORD@HOST:6379/0",
    "export MAYE_HOME=/SHARED/FOLDER",
    "maye worker",
  ].join("\n");
  const copy = async () => {
    await copyText(text);
    setIsCopied(true);
    setTimeout(() => setIsCopied(false), SHOWN_MS);
  };
  return (
    <div className="start-worker">
      <p>
        On a machine with Maye installed: where the platform answers, its Redis, and the folder of state that all machines
        see. The worker finds its GPUs by itself.
      </p>
      <pre className="start-command">{text}</pre>
      <div className="row">
        <button type="button" className="button small" onClick={() => void copy()}>
          {isCopied ? "Copied" : "Copy"}
        </button>
        <a href="/docs/how-to/several-machines/">Several machines, step by step</a>
      </div>
    </div>
  );
}
