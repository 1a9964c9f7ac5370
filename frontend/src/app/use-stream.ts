import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useEffectEvent, useState } from "react";

import { applyEvent } from "@/api/live-cache";
import { sessionQuery } from "@/api/queries";
import { EventStream } from "@/api/stream";
import type { StreamState } from "@/api/stream";

const HIDDEN_CLOSE_MS = 60_000;

/** Keep the tab's stream open while it is visible; what it says goes into the cache. */
export function useStream(onSignedOut: () => void): StreamState {
  const cache = useQueryClient();
  const [state, setState] = useState<StreamState>("connecting");
  const signedOut = useEffectEvent(onSignedOut);
  useEffect(() => {
    const stream = new EventStream("/api/v1/stream", {
      onEvent: (kind, data) => applyEvent(cache, kind, data),
      onState: setState,
      onRefused: () => void checkSession(),
    });
    const checkSession = async () => {
      const session = await cache.query({ ...sessionQuery, staleTime: 0, retry: false }).catch(() => null);
      if (session?.is_signed_in === false) signedOut();
    };
    // A browser allows six connections to a server: a tab that nobody looks at gives its own back.
    let timer: ReturnType<typeof setTimeout> | undefined;
    const onVisibility = () => {
      clearTimeout(timer);
      if (document.hidden) timer = setTimeout(() => stream.close(), HIDDEN_CLOSE_MS);
      else stream.open();
    };
    stream.open();
    document.addEventListener("visibilitychange", onVisibility);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", onVisibility);
      stream.close();
    };
  }, [cache]);
  return state;
}
