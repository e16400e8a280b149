import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "mocha";
import { ALARM_DELAYS_S } from "../../../../lib/planning/control/alarms.ts";
import { alarmCodes, reasonCodes, safeStateCodes } from "../../../../lib/planning/control/codes.ts";
import { FOLLOW_TRANSITIONS, followSignals } from "../../../../lib/planning/control/follow.ts";
import { HEALTH_TRANSITIONS, healthSignals } from "../../../../lib/planning/control/health.ts";
import { MODES } from "../../../../lib/planning/control/modes.ts";
import { parseControlSettings } from "../../../../lib/planning/control/settings.ts";

const page = readFileSync(new URL("../../../../docs/control.md", import.meta.url), "utf8");

/** The rows of the table whose head begins with these cells; backticks taken off. */
function table(...head: readonly string[]): readonly (readonly string[])[] {
  const lines = page.split("\n");
  const start = lines.findIndex((line) => line.startsWith(`| ${head.join(" | ")} |`));
  assert.notEqual(start, -1, `no table "${head.join(" | ")}"`);
  const rows: string[][] = [];
  for (const line of lines.slice(start + 2)) {
    if (!line.startsWith("|")) break;
    rows.push(
      line
        .slice(1, -1)
        .split("|")
        .map((cell) => cell.trim().replaceAll("`", "")),
    );
  }
  return rows;
}

/** A transition table as the page draws it. */
const drawn = (transitions: Readonly<Record<string, Readonly<Record<string, string>>>>, signals: readonly string[]) =>
  Object.entries(transitions).map(([phase, row]) => [phase, ...signals.map((signal) => row[signal])]);

describe("docs/control.md says what the code does", () => {
  it("modes", () => {
    const yes = (flag: boolean): string => (flag ? "yes" : "no");
    assert.deepEqual(
      table("mode", "asks for"),
      Object.entries(MODES).map(([mode, row]) => [
        mode,
        row.wish,
        yes(row.charge),
        yes(row.discharge),
        row.delays,
        yes(row.truncates),
      ]),
    );
  });

  it("starting and stopping", () => {
    assert.deepEqual(table("phase", ...followSignals), drawn(FOLLOW_TRANSITIONS, followSignals));
  });

  it("the life of an input", () => {
    assert.deepEqual(table("phase", ...healthSignals), drawn(HEALTH_TRANSITIONS, healthSignals));
  });

  it("every setting with its default", () => {
    const shown = table("setting", "unit", "default").map(([setting, , byDefault]) => [setting, byDefault]);
    const real = Object.entries(parseControlSettings({})).map(([setting, byDefault]) => [
      setting,
      JSON.stringify(byDefault),
    ]);
    assert.deepEqual(shown, real);
  });

  it("every reason, the safe states last", () => {
    const shown = table("code", "meaning").map(([code]) => code);
    assert.deepEqual(shown, [...reasonCodes]);
    assert.deepEqual(shown.slice(shown.indexOf("safe-charge")), [...safeStateCodes]);
  });

  it("every alarm and how long it waits", () => {
    assert.deepEqual(
      table("code", "after").map(([code, after]) => [code, after]),
      alarmCodes.map((code) => [code, `${ALARM_DELAYS_S[code]} s`]),
    );
  });
});
