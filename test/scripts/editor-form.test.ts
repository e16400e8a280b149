import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { buildForm } from "../../scripts/editor-form.mjs";

const texts = {
  label: { name: "Name", pollS: "Read every", mode: "Mode", raw: "Raw", password: "Password" },
  placeholder: { name: "Meter", none: "none" },
  tip: { pollS: "In seconds", raw: "All of it", fuse: "Mind the fuse" },
  unit: { seconds: "s" },
  mode: { solar: "Sun", "5-1": "5.1", any: "any" },
  section: { expert: "Expert" },
};
const build = (source: string, isConfig = false): string => buildForm({ type: "ev-x", isConfig, source, texts });
const row = (label: string, field: string): string => `<div class="form-row">\n${label}\n${field}\n</div>`;
const label = (id: string, icon: string, name: string): string =>
  `<label for="${id}"><i class="fa fa-${icon}"></i> <span data-i18n="ev-x.label.${name}"></span></label>`;
const NUMBER = '<ev-number name="pollS" icon="clock-o" min="0.5" max="60" step="any"';

describe("the elements of an editor form", () => {
  it("leave plain HTML as it is", () => {
    const html = '<style>\n  .ev-x-told { margin: 0; }\n</style>\n<div class="ev-x-told" id="a">1 > 0</div>\n';
    assert.equal(build(html), html);
  });

  it("write a text with label, icon, placeholder, example and width", () => {
    assert.equal(
      build('<ev-text name="name" icon="tag" placeholder="name">'),
      row(
        label("node-input-name", "tag", "name"),
        '<input type="text" id="node-input-name" data-i18n="[placeholder]ev-x.placeholder.name">',
      ),
    );
    assert.match(
      build('<ev-text name="name" icon="tag" example="GBP" maxlength="3" autocomplete="off" short>'),
      /<input type="text" maxlength="3" autocomplete="off" placeholder="GBP" id="node-input-name" class="ev-form-short">/,
    );
  });

  it("give the fields of a config node the ids that Node-RED looks for", () => {
    assert.equal(
      build('<ev-password name="password" icon="lock">', true),
      row(
        label("node-config-input-password", "lock", "password"),
        '<input type="password" autocomplete="new-password" id="node-config-input-password">',
      ),
    );
  });

  it("write a number with its bounds, unit and tip, in a row that code can find", () => {
    assert.equal(
      build(`${NUMBER} unit="seconds" placeholder="none" tip class="ev-x-poll">`),
      [
        '<div class="form-row ev-x-poll">',
        label("node-input-pollS", "clock-o", "pollS"),
        '<input type="number" min="0.5" max="60" step="any" id="node-input-pollS" class="ev-form-number"' +
          ' data-i18n="[placeholder]ev-x.placeholder.none;[title]ev-x.tip.pollS">',
        '<span data-i18n="ev-x.unit.seconds"></span>',
        "</div>",
      ].join("\n"),
    );
  });

  it("write a choice whose values have texts of their own, a dot as a hyphen", () => {
    assert.equal(
      build('<ev-choice name="mode" icon="play" empty="any" values="solar 5.1">'),
      row(
        label("node-input-mode", "play", "mode"),
        [
          '<select id="node-input-mode">',
          '<option value="" data-i18n="ev-x.mode.any"></option>',
          '<option value="solar" data-i18n="ev-x.mode.solar"></option>',
          '<option value="5.1" data-i18n="ev-x.mode.5-1"></option>',
          "</select>",
        ].join("\n"),
      ),
    );
    assert.match(
      build('<ev-choice name="raw" icon="play" texts="mode" values="any">'),
      /id="node-input-raw".*\n.*mode\.any/,
    );
    assert.equal(
      build('<select id="a"><ev-options texts="mode" values="solar"></select>'),
      '<select id="a"><option value="solar" data-i18n="ev-x.mode.solar"></option></select>',
    );
  });

  it("write a tick before its text", () => {
    assert.equal(
      build('<ev-tick name="raw" tip>'),
      '<div class="form-row">\n<label for="node-input-raw" class="ev-form-tick" data-i18n="[title]ev-x.tip.raw">' +
        '<input type="checkbox" id="node-input-raw"> <span data-i18n="ev-x.label.raw"></span></label>\n</div>',
    );
  });

  it("write sections, which may lie in each other, and tips", () => {
    assert.equal(
      build(
        '<ev-section title="expert" open wide class="ev-x-a">\n<ev-section title="expert">\n<ev-tip text="fuse">\n</ev-section>\n</ev-section>',
      ),
      [
        '<details class="ev-form-section ev-form-wide ev-x-a" open>',
        '<summary data-i18n="ev-x.section.expert"></summary>',
        '<details class="ev-form-section">',
        '<summary data-i18n="ev-x.section.expert"></summary>',
        '<div class="form-tips" data-i18n="ev-x.tip.fuse"></div>',
        "</details>",
        "</details>",
      ].join("\n"),
    );
    const only = buildForm({ type: "ev-x", isConfig: false, source: "<ev-tip>", texts: { tip: "Mind" } });
    assert.equal(only, '<div class="form-tips" data-i18n="ev-x.tip"></div>');
  });

  const mistakes: readonly (readonly [string, string, RegExp])[] = [
    ["an unknown element", '<p>\n<ev-nubmer name="pollS">', /^ev-x\.html, line 2: there is no <ev-nubmer>\.$/],
    ["an element in capitals", '<EV-tick name="raw">', /line 1: there is no <EV-tick>/],
    ["an unknown attribute", '<ev-tick name="raw" unit="seconds">', /line 1: <ev-tick> knows no "unit"\./],
    [
      "a missing attribute",
      '\n\n<ev-number name="pollS" icon="a" min="0" max="1">',
      /line 3: <ev-number> lacks "step"\./,
    ],
    [
      "a flag with a value",
      '<ev-tick name="raw" tip="raw">',
      /attributes of <ev-tick name="raw" tip="raw"> cannot be read/,
    ],
    ["a value that is missing", "<ev-tick name>", /cannot be read/],
    ["a value that is empty", '<ev-tick name="">', /cannot be read/],
    ["a value without quotes", "<ev-tick name=raw>", /cannot be read/],
    ["a slash at the end", '<ev-tick name="raw"/>', /cannot be read/],
    ["an attribute twice", '<ev-tick name="raw" name="raw">', /cannot be read/],
    ["a tag without an end", '<ev-tick name="raw"\n<p>', /the tag at "<ev-tick name="raw"" has no end/],
    ["a setting twice", '<ev-tick name="raw">\n<ev-tick name="raw">', /line 2: the setting "raw" is in the form twice/],
    ["a section that is not closed", '<p>\n<ev-section title="expert">', /line 2: <ev-section> is not closed/],
    ["an end without a section", "</ev-section>", /line 1: <\/ev-section> closes no section/],
    ["an end that no element has", '<ev-tick name="raw"></ev-tick>', /<\/ev-tick> is too much/],
    ["a label without a text", '<ev-tick name="row">', /line 1: <ev-tick> needs the text "ev-x\.label\.row"/],
    ["a unit without a text", `${NUMBER} unit="hours">`, /needs the text "ev-x\.unit\.hours"/],
    ["a tip without a text", '<ev-text name="name" icon="tag" tip>', /needs the text "ev-x\.tip\.name"/],
    ["a value without a text", '<ev-choice name="mode" icon="a" values="moon">', /needs the text "ev-x\.mode\.moon"/],
    ["a section without a text", '<ev-section title="cloud"></ev-section>', /needs the text "ev-x\.section\.cloud"/],
  ];
  for (const [what, source, complaint] of mistakes) {
    it(`stop the build at ${what}`, () =>
      assert.throws(() => build(source), { name: "CannotGoOn", message: complaint }));
  }
});
