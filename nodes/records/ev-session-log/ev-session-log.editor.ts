(function () {
  interface DeviceRow {
    device?: string;
    vehicle?: string;
    user?: string;
    purpose?: string;
    businessPercent?: string;
    location?: string;
    isMeteredPlug?: boolean;
  }
  interface TagRow {
    rfid?: string;
    user?: string;
    vehicle?: string;
    purpose?: string;
  }
  type Check = (this: EditorNode, text: string, _options: unknown) => boolean | string;
  /** The editor's own list widget; its types are not published. */
  interface ListWidget {
    editableList(options: object): ListWidget;
    editableList(method: "addItem", row: object): ListWidget;
    editableList(method: "items"): JQuery;
  }

  const PURPOSES = ["", "business", "private", "mixed"];
  const LOCATIONS = ["", "home", "work", "public"];

  const between = (low: number, high: number, mayBeEmpty = false): Check =>
    function (text, _options) {
      if (mayBeEmpty && (text ?? "") === "") return true;
      const number = Number(text);
      return (text ?? "") !== "" && number >= low && number <= high
        ? true
        : this._("ev-session-log.error.between", { low, high });
    };

  /** While the dialog is open its choice counts, else what was saved. */
  const hasHouse = (node: EditorNode): boolean => {
    const chosen = $("#node-input-site").val() ?? node.site;
    return typeof chosen === "string" && chosen !== "" && chosen !== "_ADD_";
  };

  const zone: Check = function (text, _options) {
    if ((text ?? "") === "") return hasHouse(this) ? true : this._("ev-session-log.error.zone");
    try {
      Intl.DateTimeFormat("en", { timeZone: text });
      return true;
    } catch {
      return this._("ev-session-log.error.zone");
    }
  };
  const currency: Check = function (text, _options) {
    return (text ?? "") === "" || /^[A-Z]{3}$/.test(text) ? true : this._("ev-session-log.error.currency");
  };

  function checkDevices(this: EditorNode, saved: unknown, _options: unknown): boolean | string {
    if (!Array.isArray(saved)) return this._("ev-session-log.error.rows");
    const rows = saved as DeviceRow[];
    const names = rows.map(({ device }) => (device ?? "").trim());
    if (new Set(names).size < names.length) return this._("ev-session-log.error.twice");
    const isShare = ({ businessPercent }: DeviceRow): boolean => {
      const percent = Number(businessPercent ?? "");
      return percent >= 0 && percent <= 100;
    };
    if (!rows.every(isShare)) return this._("ev-session-log.error.between", { low: 0, high: 100 });
    const isNamed = ({ device, isMeteredPlug }: DeviceRow): boolean =>
      isMeteredPlug !== true || (device ?? "").trim() !== "";
    return rows.every(isNamed) ? true : this._("ev-session-log.error.plugName");
  }

  function checkTags(this: EditorNode, saved: unknown, _options: unknown): boolean | string {
    if (!Array.isArray(saved)) return this._("ev-session-log.error.rows");
    const cards = (saved as TagRow[]).map(({ rfid }) => (rfid ?? "").replace(/[\s:-]/g, "").toLowerCase());
    if (cards.includes("")) return this._("ev-session-log.error.noCard");
    return new Set(cards).size === cards.length ? true : this._("ev-session-log.error.twice");
  }

  /** One cell of a table row, with its name for screen readers and as a tip. */
  function cell(node: EditorNode, field: string, content: string | undefined, choices?: readonly string[]): JQuery {
    const title = node._(`ev-session-log.column.${field}`);
    const input = choices === undefined ? $('<input type="text">').attr("placeholder", title) : $("<select>");
    for (const word of choices ?? []) {
      $("<option>")
        .val(word)
        .text(word === "" ? title : node._(`ev-session-log.${field}.${word}`))
        .appendTo(input);
    }
    return input
      .addClass("ev-session-log-cell")
      .attr({ "data-field": field, "aria-label": title, title })
      .val(content ?? "");
  }

  function tick(node: EditorNode, field: string, isTicked: boolean | undefined): JQuery {
    const box = $('<input type="checkbox">')
      .attr("data-field", field)
      .prop("checked", isTicked === true);
    return $('<label class="ev-session-log-cell-tick">').append(
      box,
      $("<span>").text(node._(`ev-session-log.column.${field}`)),
    );
  }

  /** The list's own button to remove a row is a picture without a name. */
  const nameRemoval = (node: EditorNode, row: JQuery): void => {
    const title = node._("ev-session-log.button.removeRow");
    row.closest("li").find(".red-ui-editableList-item-remove").attr({ "aria-label": title, title });
  };

  const listOf = (id: string): ListWidget => $(id) as never;

  /** What the rows of a list hold, by field. */
  function readRows(id: string): Record<string, string | boolean>[] {
    const rows: Record<string, string | boolean>[] = [];
    listOf(id)
      .editableList("items")
      .each((_index, row) => {
        const fields: Record<string, string | boolean> = {};
        $(row)
          .find("[data-field]")
          .each((_position, element) => {
            const field = $(element);
            const name = String(field.attr("data-field"));
            fields[name] = field.is(":checkbox") ? field.is(":checked") : String(field.val() ?? "").trim();
          });
        rows.push(fields);
      });
    return rows;
  }

  RED.nodes.registerType("ev-session-log", {
    category: "EV records",
    color: "#E2D96E",
    icon: "ev-session-log.svg",
    inputs: 1,
    outputs: 1,
    defaults: {
      version: { value: 1 },
      name: { value: "" },
      store: { value: "", type: "ev-store", required: true },
      site: { value: "", type: "ev-site", required: false },
      zone: { value: Intl.DateTimeFormat().resolvedOptions().timeZone || "Europe/London", validate: zone },
      currency: { value: "EUR", validate: currency },
      fixedPrice: { value: "", validate: between(-100, 10000, true) },
      referencePrice: { value: "", validate: between(-100, 10000, true) },
      feedInPrice: { value: "", validate: between(-100, 10000, true) },
      updateIntervalS: { value: "60", validate: between(5, 86400) },
      keepEmpty: { value: false },
      devices: { value: [], validate: checkDevices },
      tags: { value: [], validate: checkTags },
      meterStaleAfterS: { value: "30", validate: between(1, 3600) },
      maxPowerW: { value: "25000", validate: between(100, 500000) },
      settleS: { value: "2", validate: between(0, 60) },
      graceS: { value: "", validate: between(0, 3600, true) },
      offlineCloseH: { value: "24", validate: between(0.1, 8760) },
      mergeGapS: { value: "0", validate: between(0, 86400) },
    },
    label(this: EditorNode) {
      return this.name || this._("ev-session-log.title");
    },
    paletteLabel: "ev session log",
    labelStyle(this: EditorNode) {
      return this.name ? "node_label_italic" : "";
    },
    inputLabels(this: EditorNode) {
      return this._("ev-session-log.port.input");
    },
    outputLabels(this: EditorNode) {
      return this._("ev-session-log.port.output");
    },
    oneditprepare(this: EditorNode) {
      const site = $("#node-input-site");
      const showOwn = (): void => {
        $(".ev-session-log-own").toggle(!hasHouse(this));
      };
      site.on("change", showOwn);
      showOwn();
      const devices = listOf("#ev-session-log-devices").editableList({
        addButton: this._("ev-session-log.button.addDevice"),
        removable: true,
        sortable: true,
        addItem: (row: JQuery, _index: number, saved: DeviceRow) => {
          row.append(
            cell(this, "device", saved.device),
            cell(this, "vehicle", saved.vehicle),
            cell(this, "user", saved.user),
            cell(this, "purpose", saved.purpose, PURPOSES),
            cell(this, "businessPercent", saved.businessPercent),
            cell(this, "location", saved.location, LOCATIONS),
            tick(this, "isMeteredPlug", saved.isMeteredPlug),
          );
          nameRemoval(this, row);
        },
      });
      for (const row of Array.isArray(this.devices) ? (this.devices as DeviceRow[]) : [])
        devices.editableList("addItem", row);
      const tags = listOf("#ev-session-log-tags").editableList({
        addButton: this._("ev-session-log.button.addTag"),
        removable: true,
        addItem: (row: JQuery, _index: number, saved: TagRow) => {
          row.append(
            cell(this, "rfid", saved.rfid),
            cell(this, "user", saved.user),
            cell(this, "vehicle", saved.vehicle),
            cell(this, "purpose", saved.purpose, PURPOSES),
          );
          nameRemoval(this, row);
        },
      });
      for (const row of Array.isArray(this.tags) ? (this.tags as TagRow[]) : []) tags.editableList("addItem", row);
    },
    oneditsave(this: EditorNode) {
      this.devices = readRows("#ev-session-log-devices");
      this.tags = readRows("#ev-session-log-tags");
    },
  });
})();
