(function () {
  interface Channel {
    role: string;
    invert: boolean;
  }
  interface Found {
    name: string;
    host: string;
    generation: number | null;
  }

  const CHANNELS = [0, 1, 2];

  // validators take two arguments, although they need one: only then does the editor take a text for a reason

  const between = (low: number, high: number) =>
    function (this: EditorNode, text: string, _options: unknown): boolean | string {
      const number = Number(text);
      return text !== "" && number >= low && number <= high
        ? true
        : this._("ev-shelly-em.error.between", { low, high });
    };

  /** The same rules as in the runtime, told while typing. */
  function checkAddress(this: EditorNode, text: string, _options: unknown): boolean | string {
    const typed = (text ?? "").trim();
    if (typed === "") return this._("ev-shelly-em.error.noAddress");
    if (typed.startsWith("${")) return true;
    try {
      const url = new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(typed) ? typed : `http://${typed}`);
      if (url.protocol !== "http:") return this._("ev-shelly-em.error.onlyHttp");
      if (url.username !== "" || url.password !== "") return this._("ev-shelly-em.error.loginInAddress");
      return true;
    } catch {
      return this._("ev-shelly-em.error.address");
    }
  }

  function checkChannels(this: EditorNode, saved: unknown, _options: unknown): boolean | string {
    const channels = Array.isArray(saved) ? (saved as Channel[]) : [];
    const used = (this.sumPhases === true ? channels.slice(0, 1) : channels).filter(({ role }) => role !== "off");
    if (used.length === 0) return this._("ev-shelly-em.error.noChannel");
    return used.filter(({ role }) => role === "grid").length > 1 ? this._("ev-shelly-em.error.twoGrids") : true;
  }

  /** Asks Node-RED to listen on the network; names from there are only ever shown as text. */
  function search(node: EditorNode): void {
    const button = $("#ev-shelly-em-search").prop("disabled", true);
    const told = $("#ev-shelly-em-told").text(node._("ev-shelly-em.search.running"));
    const list = $("#ev-shelly-em-found").empty();
    $.ajax({ url: "ev-shelly-em/discover", type: "POST", timeout: 15000 })
      .done((found: Found[]) => {
        told.text(node._(found.length === 0 ? "ev-shelly-em.search.none" : "ev-shelly-em.search.choose"));
        for (const { name, host } of found) {
          const choose = $('<button type="button" class="red-ui-button">')
            .text(`${name} (${host})`)
            .on("click", () => {
              $("#node-input-host").val(host).trigger("change");
              told.text(node._("ev-shelly-em.search.taken", { host }));
              list.empty();
            });
          $("<li>").append(choose).appendTo(list);
        }
      })
      .fail((reply) => {
        const isForbidden = reply.status === 401 || reply.status === 403;
        told.text(node._(isForbidden ? "ev-shelly-em.search.forbidden" : "ev-shelly-em.search.failed"));
      })
      .always(() => button.prop("disabled", false));
  }

  RED.nodes.registerType("ev-shelly-em", {
    category: "EV devices",
    color: "#C0DEED",
    icon: "ev-shelly-em.svg",
    inputs: 1,
    outputs: 1,
    defaults: {
      version: { value: 1 },
      name: { value: "" },
      host: { value: "", required: true, validate: checkAddress },
      channels: {
        value: [
          { role: "grid", invert: false },
          { role: "off", invert: false },
          { role: "off", invert: false },
        ],
        validate: checkChannels,
      },
      sumPhases: { value: false },
      pollS: { value: "1", required: true, validate: between(0.5, 3600) },
      push: { value: true },
      frozenAfterS: { value: "60", required: true, validate: between(2, 86400) },
      includeRaw: { value: false },
    },
    credentials: {
      user: { type: "text" },
      password: { type: "password" },
    },
    label(this: EditorNode) {
      return this.name || this._("ev-shelly-em.title");
    },
    paletteLabel: "shelly em",
    labelStyle(this: EditorNode) {
      return this.name ? "node_label_italic" : "";
    },
    inputLabels(this: EditorNode) {
      return this._("ev-shelly-em.port.input");
    },
    outputLabels(this: EditorNode) {
      return this._("ev-shelly-em.port.output");
    },
    oneditprepare(this: EditorNode) {
      const channels = Array.isArray(this.channels) ? (this.channels as Partial<Channel>[]) : [];
      for (const channel of CHANNELS) {
        $(`#ev-shelly-em-role-${channel}`).val(channels[channel]?.role ?? "off");
        $(`#ev-shelly-em-invert-${channel}`).prop("checked", channels[channel]?.invert === true);
      }
      const sum = $("#node-input-sumPhases");
      const showChannels = (): void => {
        $(".ev-shelly-em-further").toggle(!sum.is(":checked"));
        const first = sum.is(":checked") ? "ev-shelly-em.label.allPhases" : "ev-shelly-em.label.channel1";
        $("#ev-shelly-em-first").text(this._(first));
      };
      sum.on("change", showChannels);
      showChannels();
      $("#ev-shelly-em-search").on("click", () => search(this));
    },
    oneditsave(this: EditorNode) {
      this.channels = CHANNELS.map((channel) => ({
        role: String($(`#ev-shelly-em-role-${channel}`).val() ?? "off"),
        invert: $(`#ev-shelly-em-invert-${channel}`).is(":checked"),
      }));
    },
  });
})();
