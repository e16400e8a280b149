(function () {
  type Check = (this: EditorNode, text: string, _options: unknown) => boolean | string;
  interface Found {
    name: string;
    host: string | null;
    baseTopic: string | null;
    firmware: string | null;
  }

  const isEmpty = (text: unknown): boolean => text === "" || text === undefined || text === null;
  // Node-RED fills in environment variables such as ${BROKER_HOST} at start
  const isVariable = (text: string): boolean => /^\$\{[^}]+\}$/.test(text ?? "");
  /** Fields that are not shown may stay empty; what stands in them must make sense all the same. */
  const matching = (pattern: RegExp, reason: string, neededVia: readonly string[]): Check =>
    function (text, _options) {
      const via = String($("#node-config-input-via").val() ?? this.via);
      if (isEmpty(text)) return neededVia.includes(via) ? this._(`ev-openevse-connection.error.${reason}`) : true;
      return isVariable(text) || pattern.test(text.trim()) ? true : this._(`ev-openevse-connection.error.${reason}`);
    };
  const between = (low: number, high: number, isWhole: boolean): Check =>
    function (text, _options) {
      const number = Number(text);
      const fits = !isEmpty(text) && number >= low && number <= high && (!isWhole || Number.isInteger(number));
      return fits ? true : this._("ev-openevse-connection.error.between", { low, high });
    };

  /** Lists what answered; names from the network are only ever shown as text. */
  function showFound(node: EditorNode, found: Found[]): void {
    const told = $("#ev-openevse-connection-told");
    const list = $("#ev-openevse-connection-found").empty();
    told.text(node._(`ev-openevse-connection.search.${found.length === 0 ? "none" : "choose"}`));
    for (const { name, host, baseTopic, firmware } of found) {
      const label = [name, baseTopic ?? host, firmware].filter((part) => part !== null && part !== "").join(" - ");
      const choose = $('<button type="button" class="red-ui-button">')
        .text(label)
        .on("click", () => {
          if (baseTopic !== null) $("#node-config-input-baseTopic").val(baseTopic).trigger("change");
          else $("#node-config-input-url").val(`http://${host}`).trigger("change");
          told.text(node._("ev-openevse-connection.search.taken", { name }));
          list.empty();
        });
      $("<li>").append(choose).appendTo(list);
    }
  }

  /** Asks Node-RED to listen: to the network for HTTP, to the broker in the dialog for MQTT. */
  function search(node: EditorNode): void {
    const field = (name: string): string => String($(`#node-config-input-${name}`).val() ?? "");
    const button = $("#ev-openevse-connection-search").prop("disabled", true);
    const told = $("#ev-openevse-connection-told").text(node._("ev-openevse-connection.search.running"));
    $("#ev-openevse-connection-found").empty();
    const names = ["scheme", "host", "port", "path", "tls", "user", "password", "announceTopic"];
    const broker = Object.fromEntries(names.map((name) => [name, field(name)]));
    $.ajax({
      url: "ev-openevse-connection/discover",
      type: "POST",
      timeout: 20000,
      contentType: "application/json",
      data: JSON.stringify(field("via") === "mqtt" ? { via: "mqtt", id: node.id, ...broker } : { via: "http" }),
    })
      .done((found: Found[]) => showFound(node, found))
      .fail((reply: { status: number; responseJSON?: { field?: string } }) => {
        const isForbidden = reply.status === 401 || reply.status === 403;
        const wrong = reply.responseJSON?.field;
        if (wrong === undefined) {
          told.text(node._(`ev-openevse-connection.search.${isForbidden ? "forbidden" : "failed"}`));
          return;
        }
        const label = node._(`ev-openevse-connection.label.${wrong}`);
        told.text(node._("ev-openevse-connection.search.invalid", { field: label }));
        $(`#node-config-input-${wrong}`).trigger("focus");
      })
      .always(() => button.prop("disabled", false));
  }

  RED.nodes.registerType("ev-openevse-connection", {
    category: "config",
    defaults: {
      version: { value: 1 },
      name: { value: "" },
      via: { value: "mqtt" },
      scheme: { value: "mqtt" },
      host: { value: "", validate: matching(/^[\w.:%-]{1,253}$/, "host", ["mqtt"]) },
      port: { value: "1883", required: true, validate: between(1, 65535, true) },
      path: { value: "/mqtt", validate: matching(/^\/[\w./-]{0,200}$/, "path", []) },
      tls: { value: "", type: "tls-config", required: false },
      clientId: { value: "", validate: matching(/^[\w.:-]{1,64}$/, "clientId", []) },
      keepAliveS: { value: "30", required: true, validate: between(5, 600, true) },
      baseTopic: { value: "", validate: matching(/^[^#+<>\0/]+(\/[^#+<>\0/]+)*$/, "baseTopic", ["mqtt", "fed"]) },
      announceTopic: { value: "openevse/announce/#", validate: matching(/^[^#+<>\0]+(\/[#+])?$/, "announceTopic", []) },
      url: { value: "", validate: matching(/^(https?:\/\/)?[\w.:[\]-]{1,253}(\/.*)?$/, "url", ["http"]) },
      pollS: { value: "5", required: true, validate: between(1, 300, false) },
      claimId: { value: "2027", required: true, validate: between(1, 65535, true) },
      minA: { value: "6", required: true, validate: between(6, 80, false) },
      maxA: { value: "32", required: true, validate: between(6, 80, false) },
      phases: { value: "auto" },
      channel: { value: "auto" },
      onExit: { value: "release" },
      whMeaning: { value: "ask" },
      silenceS: { value: "95", required: true, validate: between(35, 3600, false) },
    },
    credentials: {
      user: { type: "text" },
      password: { type: "password" },
      webUser: { type: "text" },
      webPassword: { type: "password" },
    },
    label(this: EditorNode) {
      return this.name || String(this.baseTopic || this.url || this._("ev-openevse-connection.title"));
    },
    oneditprepare(this: EditorNode) {
      const via = $("#node-config-input-via");
      const scheme = $("#node-config-input-scheme");
      const show = (): void => {
        const way = via.val();
        const kind = String(scheme.val());
        $(".ev-openevse-connection-mqtt").toggle(way === "mqtt");
        $(".ev-openevse-connection-http").toggle(way === "http");
        $(".ev-openevse-connection-topics").toggle(way !== "http");
        $(".ev-openevse-connection-web").toggle(kind.startsWith("ws"));
        $(".ev-openevse-connection-tls").toggle(kind.endsWith("s") && kind !== "ws");
        $("#ev-openevse-connection-search").toggle(way !== "fed");
      };
      /** The usual port of a protocol follows it, as long as nobody has entered another one. */
      const usual: Record<string, string> = { mqtt: "1883", mqtts: "8883", ws: "80", wss: "443" };
      const port = $("#node-config-input-port");
      const followScheme = (): void => {
        if (Object.values(usual).includes(String(port.val()))) port.val(usual[String(scheme.val())] ?? "1883");
      };
      // a connection that was saved before there was a choice
      const phases = $("#node-config-input-phases");
      if (isEmpty(phases.val())) phases.val("auto");
      via.on("change", show);
      scheme.on("change", show);
      // Node-RED itself announces a change while it fills the form
      scheme.on("input", followScheme);
      show();
      $("#ev-openevse-connection-search").on("click", () => search(this));
    },
  });
})();
