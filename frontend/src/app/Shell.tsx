import { Link, Outlet, useNavigate, useRouter } from "@tanstack/react-router";
import { useState } from "react";

import { client } from "@/api/client";
import { toggleTheme, useTheme } from "@/components/theme";
import { useShortcuts } from "@/components/use-shortcuts";

import { ShortcutHelp } from "./ShortcutHelp";
import { StorageBanner } from "./StorageBanner";
import { useStream } from "./use-stream";
import "./shell.css";

const PAGES = [
  { to: "/runs", label: "Runs" },
  { to: "/experiments", label: "Experiments" },
  { to: "/datasets", label: "Data sets" },
  { to: "/models", label: "Models" },
  { to: "/workers", label: "Workers" },
] as const;

/** Frame of every page behind the sign-in: navigation, the stream's state, shortcuts. */
export function Shell() {
  const navigate = useNavigate();
  const router = useRouter();
  const stream = useStream(() => {
    void navigate({ to: "/sign-in", search: { to: router.state.location.href } });
  });
  const [isHelpOpen, setIsHelpOpen] = useState(false);
  useShortcuts({
    "g r": () => void navigate({ to: "/runs" }),
    "g e": () => void navigate({ to: "/experiments" }),
    "g d": () => void navigate({ to: "/datasets" }),
    "g m": () => void navigate({ to: "/models" }),
    "g w": () => void navigate({ to: "/workers" }),
    c: () => void navigate({ to: "/runs/new" }),
    "?": () => setIsHelpOpen(true),
  });
  return (
    <>
      <a className="skip" href="#main">
        Skip to content
      </a>
      <header className="bar">
        <Link to="/runs" className="brand" aria-label="Maye, all runs">
          <svg viewBox="4 4 27 22" width="20" height="16" aria-hidden="true">
            <path d="M5 24 C9 24 9 20 12 20 S16 13 19 13 S23 8 27 8" className="brand-line" />
            <circle cx="27" cy="8" r="3" className="brand-dot" />
          </svg>
          Maye
        </Link>
        <nav aria-label="Pages" className="bar-nav">
          {PAGES.map((page) => (
            <Link key={page.to} to={page.to} className="bar-link">
              {page.label}
            </Link>
          ))}
          <a className="bar-link" href="/docs/">
            Docs
          </a>
        </nav>
        <span className="grow" />
        <BarTools onHelp={() => setIsHelpOpen(true)} />
      </header>
      {stream === "down" ? (
        <div className="banner" role="status" data-testid="stream-banner">
          Reconnecting to the server. What you see may be old; nothing is lost.
        </div>
      ) : null}
      <StorageBanner />
      <main id="main" tabIndex={-1} data-stream={stream}>
        <Outlet />
      </main>
      <ShortcutHelp isOpen={isHelpOpen} onClose={() => setIsHelpOpen(false)} />
    </>
  );
}

function BarTools({ onHelp }: { onHelp: () => void }) {
  const theme = useTheme();
  const next = theme === "dark" ? "light" : "dark";
  const signOut = async () => {
    await client.DELETE("/api/v1/session");
    window.location.assign("/sign-in");
  };
  return (
    <>
      <button type="button" className="button quiet bar-tool" onClick={onHelp} aria-label="Keyboard shortcuts">
        ?
      </button>
      <button type="button" className="button quiet bar-tool" onClick={toggleTheme} aria-label={`Use the ${next} theme`}>
        <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
          <circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" strokeWidth="1.5" />
          <path d="M8 2 A6 6 0 0 1 8 14 Z" fill="currentColor" />
        </svg>
      </button>
      <button type="button" className="button quiet bar-tool bar-out" onClick={() => void signOut()}>
        Sign out
      </button>
    </>
  );
}
