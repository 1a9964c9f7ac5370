// Begin in the dashboard's theme (same origin, same storage) until the reader chooses one here.
{
  const theme = localStorage.getItem("maye-theme");
  if (__md_get("__palette") === null && (theme === "light" || theme === "dark")) {
    const scheme = theme === "dark" ? "slate" : "default";
    __md_set("__palette", {
      index: theme === "dark" ? 1 : 0,
      color: { media: `(prefers-color-scheme: ${theme})`, scheme, primary: "custom", accent: "custom" },
    });
  }
}
