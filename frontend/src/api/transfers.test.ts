import { expect, test, vi } from "vitest";

// The client asks the page for its address when it is loaded.
vi.stubGlobal("window", { location: { origin: "http://localhost" } });
const { fileNameOf } = await import("./transfers");

test("a download is called as the server says, never with a path", () => {
  expect(fileNameOf('attachment; filename="counting-1a2b3c4d.zip"')).toBe("counting-1a2b3c4d.zip");
  expect(fileNameOf('attachment; filename="../../evil"')).toBe("download");
  expect(fileNameOf(null)).toBe("download");
});
