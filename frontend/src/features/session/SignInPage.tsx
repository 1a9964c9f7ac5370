import { useMutation, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useRouter } from "@tanstack/react-router";
import { useState } from "react";

import { ApiError, client, unwrap } from "@/api/client";

import "./sign-in.css";

const route = getRouteApi("/sign-in");

/** Only addresses of this dashboard, so that a link cannot lead elsewhere. */
function safeTarget(to: string | undefined): string {
  return to?.startsWith("/") && !to.startsWith("//") && !to.startsWith("/\\") ? to : "/runs";
}

export function SignInPage() {
  const { to } = route.useSearch();
  const router = useRouter();
  const cache = useQueryClient();
  const [token, setToken] = useState("");
  const signIn = useMutation({
    mutationFn: () => unwrap(client.POST("/api/v1/session", { body: { token: token.trim() } })),
    onSuccess: () => {
      cache.clear();
      router.history.push(safeTarget(to));
    },
  });
  const submit = (event: React.SyntheticEvent) => {
    event.preventDefault();
    signIn.mutate();
  };
  return (
    <main className="sign-in">
      <form className="card" onSubmit={submit}>
        <h1>Sign in to Maye</h1>
        <p className="soft">
          The token lies on the server in <code>$MAYE_HOME/admin-token</code> (by default{" "}
          <code>.maye/admin-token</code>).
        </p>
        <input type="text" name="username" autoComplete="username" value="admin" readOnly hidden />
        <label htmlFor="token">Token</label>
        <input
          id="token"
          type="password"
          value={token}
          onChange={(event) => setToken(event.target.value)}
          autoComplete="current-password"
          spellCheck={false}
          // The only thing to do on this page.
          // eslint-disable-next-line jsx-a11y/no-autofocus
          autoFocus
          required
          aria-invalid={signIn.isError}
          aria-describedby="token-problem"
        />
        <p id="token-problem" className="problem" role="alert">
          {signIn.isError ? describe(signIn.error) : null}
        </p>
        <button type="submit" className="button primary" disabled={signIn.isPending}>
          {signIn.isPending ? "Signing in" : "Sign in"}
        </button>
      </form>
    </main>
  );
}

function describe(error: Error): string {
  if (error instanceof ApiError && error.status === 401) return "This is not the token. Compare it with the file.";
  return error.message;
}
