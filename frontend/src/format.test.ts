import { expect, test } from "vitest";

import {
  formatAge,
  formatBytes,
  formatCount,
  formatDuration,
  formatGain,
  formatGib,
  formatInterval,
  formatNumber,
  formatPoints,
  formatRough,
  formatShare,
  formatShareNumber,
  formatSi,
  formatTicks,
} from "./format";

test("numbers keep four significant digits and small ones become powers", () => {
  expect(formatNumber(0.83124)).toBe("0.8312");
  expect(formatNumber(5e-6)).toBe("5e-6");
  expect(formatNumber(0)).toBe("0");
  expect(formatNumber(-0.1)).toBe("\u22120.1");
  expect(formatNumber(NaN)).toBe("not a number");
  expect(formatNumber(-Infinity)).toBe("\u2212\u221e");
});

test("counts, shares, sizes", () => {
  expect(formatGib(85_899_345_920)).toBe("80\u202fGiB");
  expect(formatGib(25_757_220_864)).toBe("24\u202fGiB");
  expect(formatGib(8_053_063_680)).toBe("7.5\u202fGiB");
  expect(formatCount(12345)).toBe("12\u202f345");
  expect(formatShare(0.6213)).toBe("62.1\u202f%");
  expect(formatShare(NaN)).toBe("not a number");
  expect(formatSi(1_132_544)).toBe("1.13\u202fM");
  expect(formatBytes(4_600_000)).toBe("4.6\u202fMB");
  expect(formatBytes(12)).toBe("12\u202fB");
});

test("durations show their two largest parts", () => {
  expect(formatDuration(0.42)).toBe("0.42 s");
  expect(formatDuration(59.7)).toBe("1 min");
  expect(formatDuration(200)).toBe("3 min 20 s");
  expect(formatDuration(7500)).toBe("2 h 5 min");
  expect(formatDuration(86400 * 2 + 3600)).toBe("2 d 1 h");
  expect(formatRough(3422)).toBe("57 min");
});

test("ages are distances from now", () => {
  const now = Date.parse("2026-01-02T03:04:05Z");
  expect(formatAge("2026-01-02T03:04:00Z", now)).toBe("just now");
  expect(formatAge("2026-01-02T03:02:00Z", now)).toBe("2 min ago");
  expect(formatAge("2025-12-31T03:04:05Z", now)).toBe("2 d ago");
});

test("ticks of an axis share their number of decimals", () => {
  expect(formatTicks([0, 0.5, 1], "1")).toEqual(["0.0", "0.5", "1.0"]);
  expect(formatTicks([0, 0.25, 0.5], "share")).toEqual(["0%", "25%", "50%"]);
  expect(formatTicks([0, 600], "time")).toEqual(["0 s", "10 min"]);
  // Not "3" for 2.5.
  expect(formatTicks([0, 2.5, 5], "1")).toEqual(["0.0", "2.5", "5.0"]);
});

test("estimates, gains and intervals", () => {
  expect(formatShareNumber(0.6214)).toBe("62.1");
  expect(formatGain(0.123)).toBe("+12.3\u202f%");
  expect(formatGain(-0.05)).toBe("\u22125.0\u202f%");
  expect(formatGain(3.5)).toBe("+350\u202f%");
  expect(formatPoints(-0.041)).toBe("\u22124.1");
  expect(formatInterval({ low: 0.6, high: null }, formatShareNumber)).toBe("[60.0, \u2013]");
});
