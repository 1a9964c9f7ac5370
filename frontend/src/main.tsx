// First, so that the styles of components stand after them and win.
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/detail.css";
import "./styles/list.css";

import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { startTheme } from "@/components/theme";

import { createQueryClient } from "./app/query-client";
import { buildRouter } from "./router";

startTheme();
const queryClient = createQueryClient(() => {
  const { pathname, href } = router.state.location;
  if (pathname !== "/sign-in") void router.navigate({ to: "/sign-in", search: { to: href } });
});
const router = buildRouter(queryClient);

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
);
