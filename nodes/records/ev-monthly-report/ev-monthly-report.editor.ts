(function () {
  interface WindowRow {
    days?: string;
    from?: string;
    to?: string;
    pricePerKwh?: string;
  }
  type Check = (this: EditorNode, text: string, _options: unknown) => boolean | string;
  /** The editor's own list widget; its types are not published. */
  interface ListWidget {
    editableList(options: object): ListWidget;
    editableList(method: "addItem", row: object): ListWidget;
    editableList(method: "items"): JQuery;
  }

  const CLOCK_TIME = /^([01]\d|2[0-3]):[0-5]\d$/;
  const DAYS = ["all", "workdays", "weekend"];
  const isPrice = (text: string): boolean => text !== "" && Number(text) >= -100 && Number(text) <= 100000;

  const between = (low: number, high: number, mayBeEmpty: boolean): Check =>
    function (text, _options) {
      if ((text ?? "") === "") return mayBeEmpty ? true : this._("ev-monthly-report.error.between", { low, high });
      const number = Number(text);
      return number >= low && number <= high ? true : this._("ev-monthly-report.error.between", { low, high });
    };

  const checkZone: Check = function (text, _options) {
    if ((text ?? "") === "") return true;
    try {
      Intl.DateTimeFormat("en", { timeZone: text });
      return true;
    } catch {
      return this._("ev-monthly-report.error.zone");
    }
  };

  const checkCurrency: Check = function (text, _options) {
    return (text ?? "") === "" || /^[A-Z]{3}$/.test(text) ? true : this._("ev-monthly-report.error.currency");
  };

  function checkWindows(this: EditorNode, saved: unknown, _options: unknown): boolean | string {
    if (!Array.isArray(saved)) return this._("ev-monthly-report.error.windows");
    const isWhole = ({ from, to, pricePerKwh }: WindowRow): boolean =>
      CLOCK_TIME.test(from ?? "") && CLOCK_TIME.test(to ?? "") && isPrice(pricePerKwh ?? "");
    return (saved as WindowRow[]).every(isWhole) ? true : this._("ev-monthly-report.error.windows");
  }

  const listOf = (): ListWidget => $("#ev-monthly-report-windows") as object as ListWidget;

  function drawWindow(node: EditorNode, container: JQuery, row: WindowRow): void {
    const title = (field: string): string => node._(`ev-monthly-report.column.${field}`);
    const days = $("<select>")
      .attr({ "data-field": "days", "aria-label": title("days") })
      .css("width", "110px");
    for (const word of DAYS)
      $("<option>")
        .val(word)
        .text(node._(`ev-monthly-report.days.${word}`))
        .appendTo(days);
    container.append(days.val(row.days ?? "all"));
    for (const field of ["from", "to"] as const) {
      const input = $('<input type="time">').css({ width: "100px", marginLeft: "6px" });
      container.append(input.attr({ "data-field": field, "aria-label": title(field) }).val(row[field] ?? ""));
    }
    const price = $('<input type="number" step="any">').css({ width: "90px", marginLeft: "6px" });
    const label = title("pricePerKwh");
    container.append(
      price.attr({ "data-field": "pricePerKwh", "aria-label": label, placeholder: label }).val(row.pricePerKwh ?? ""),
    );
  }

  RED.nodes.registerType("ev-monthly-report", {
    category: "EV records",
    color: "#E2D96E",
    icon: "ev-monthly-report.svg",
    inputs: 1,
    outputs: 1,
    defaults: {
      version: { value: 1 },
      name: { value: "" },
      from: { value: "folder" },
      sourceFolder: { value: "" },
      store: { value: "", type: "ev-store", required: false },
      device: { value: "" },
      pricePerKwh: { value: "", validate: between(-100, 100000, true) },
      windows: { value: [], validate: checkWindows },
      businessPercent: { value: "0", required: true, validate: between(0, 100, false) },
      owner: { value: "" },
      language: { value: "ja" },
      automatic: { value: true },
      writesFiles: { value: true },
      folder: { value: "" },
      doubled: { value: false },
      site: { value: "", type: "ev-site", required: false },
      zone: { value: "", validate: checkZone },
      currency: { value: "", validate: checkCurrency },
    },
    label(this: EditorNode) {
      return this.name || this._("ev-monthly-report.title");
    },
    paletteLabel: "monthly report",
    labelStyle(this: EditorNode) {
      return this.name ? "node_label_italic" : "";
    },
    inputLabels(this: EditorNode) {
      return this._("ev-monthly-report.port.input");
    },
    outputLabels(this: EditorNode) {
      return this._("ev-monthly-report.port.output");
    },
    oneditprepare(this: EditorNode) {
      const list = listOf().editableList({
        addItem: (container: JQuery, _index: number, row: WindowRow) => drawWindow(this, container, row),
        removable: true,
        sortable: true,
        height: "auto",
      });
      for (const row of Array.isArray(this.windows) ? (this.windows as WindowRow[]) : []) {
        list.editableList("addItem", row);
      }
      const show = (): void => {
        const isStore = $("#node-input-from").val() === "store";
        $(".ev-monthly-report-store").toggle(isStore);
        $(".ev-monthly-report-folder").toggle(!isStore);
        $(".ev-monthly-report-files").toggle($("#node-input-writesFiles").is(":checked"));
      };
      $("#node-input-from, #node-input-writesFiles").on("change", show);
      show();
    },
    oneditsave(this: EditorNode) {
      const windows: Record<string, string>[] = [];
      listOf()
        .editableList("items")
        .each((_index, item) => {
          const row: Record<string, string> = {};
          $(item)
            .find("[data-field]")
            .each((_at, cell) => {
              row[$(cell).attr("data-field") ?? ""] = String($(cell).val() ?? "");
            });
          windows.push(row);
        });
      this.windows = windows;
    },
  });
})();
