// Fail when the scripts that index.html loads first weigh more than 300 kB gzipped.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const LIMIT_KB = 300;
const dist = new URL("../dist/", import.meta.url);
const html = readFileSync(new URL("index.html", dist), "utf8");
const scripts = [...html.matchAll(/(?:src|href)="\/(assets\/[^"]+\.js)"/g)].map((match) => match[1]);
const bytes = scripts.reduce((sum, path) => sum + gzipSync(readFileSync(new URL(path, dist))).length, 0);
const kB = (bytes / 1000).toFixed(1);
console.log(`first-load JavaScript: ${kB} kB gzipped (limit ${LIMIT_KB})`);
if (scripts.length === 0 || bytes > LIMIT_KB * 1000) process.exit(1);
