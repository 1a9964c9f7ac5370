// One theme for dashboard and documentation, which share origin and storage: begin in the one that was
// chosen there (the system's where none was), and keep what is chosen here for both.
{
  const schemes = { light: "default", dark: "slate" };
  const theme = localStorage.getItem("maye-theme");
  if (theme in schemes) {
    __md_set("__palette", {
      index: theme === "dark" ? 1 : 0,
      color: {
        media: `(prefers-color-scheme: ${theme})`,
        scheme: schemes[theme],
        primary: "custom",
        accent: "custom",
      },
    });
  } else {
    // The theme itself stores what it finds at a first visit, as if it had been chosen.
    localStorage.removeItem(`${__md_scope.pathname}.__palette`);
  }
  document.addEventListener("change", (event) => {
    const { name, dataset } = event.target;
    if (event.isTrusted && name === "__palette") {
      localStorage.setItem("maye-theme", dataset.mdColorScheme === "slate" ? "dark" : "light");
    }
  });
}
