(function () {
  interface Backup {
    name: string;
    bytes: number;
    at: string;
  }
  type Check = (this: EditorNode, text: string, _options: unknown) => boolean | string;

  // Node-RED fills in environment variables such as ${DB_URL} at start
  const isVariable = (text: string): boolean => /^\$\{[^}]+\}$/.test(text ?? "");
  const whole = (low: number, high: number): Check =>
    function (text, _options) {
      const number = Number(text);
      const fits = text !== "" && Number.isInteger(number) && number >= low && number <= high;
      return fits ? true : this._("ev-store.error.whole", { low, high });
    };
  const url: Check = function (text, _options) {
    // while the dialog is open the choice in it counts
    const kind = $("#node-config-input-kind").val() ?? this.kind;
    if (kind === "sqlite" && (text ?? "") === "") return true;
    const fits =
      isVariable(text) || /^(mysql|mariadb|postgres|postgresql):\/\/[^/\s]+\/[\w$.-]+$/i.test((text ?? "").trim());
    return fits ? true : this._("ev-store.error.url");
  };
  const file: Check = function (text, _options) {
    return /^[ -\uFFFF]*$/.test(text ?? "") ? true : this._("ev-store.error.file");
  };

  /** Asks the running store; what comes back is only ever shown as text. */
  function ask(node: EditorNode, action: string, body: object, done: (reply: never) => void): void {
    const told = $("#ev-store-told").text(node._("ev-store.backup.running"));
    const buttons = $(".ev-store-backups button").prop("disabled", true);
    $.ajax({
      url: `ev-store/${encodeURIComponent(node.id)}/${action}`,
      type: "POST",
      contentType: "application/json",
      data: JSON.stringify(body),
      timeout: 300_000,
    })
      .done((reply: unknown) => done(reply as never))
      .fail((reply: { status: number; responseJSON?: { text?: string } }) => {
        const isForbidden = reply.status === 401 || reply.status === 403;
        const reason = reply.status === 404 ? "notRunning" : isForbidden ? "forbidden" : "failed";
        told.text(node._(`ev-store.backup.${reason}`, { text: reply.responseJSON?.text ?? "" }));
      })
      .always(() => buttons.prop("disabled", false));
  }

  const size = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

  function list(node: EditorNode): void {
    ask(node, "backups", {}, ({ backups }: { backups: Backup[] }) => {
      $("#ev-store-told").text(node._(backups.length === 0 ? "ev-store.backup.none" : "ev-store.backup.choose"));
      const choice = $("#ev-store-choice").empty();
      for (const { name, bytes, at } of backups) {
        const text = `${name} (${new Date(at).toLocaleString()}, ${size(bytes)})`;
        $("<option>").val(name).text(text).appendTo(choice);
      }
      $("#ev-store-restore-row").toggle(backups.length > 0);
    });
  }

  function backup(node: EditorNode): void {
    ask(node, "backup", {}, ({ name, bytes, sessions }: { name: string; bytes: number; sessions: number }) => {
      list(node);
      RED.notify(node._("ev-store.backup.made", { name, size: size(bytes), sessions }), "success");
    });
  }

  function restore(node: EditorNode): void {
    const name = String($("#ev-store-choice").val() ?? "");
    if (name === "" || !window.confirm(node._("ev-store.backup.confirm", { name }))) return;
    ask(node, "restore", { name }, ({ sessions }: { sessions: number }) => {
      list(node);
      RED.notify(node._("ev-store.backup.restored", { name, sessions }), "success");
    });
  }

  RED.nodes.registerType("ev-store", {
    category: "config",
    defaults: {
      version: { value: 1 },
      name: { value: "" },
      kind: { value: "sqlite" },
      file: { value: "", validate: file },
      url: { value: "", validate: url },
      tls: { value: "off" },
      keepReadingsDays: { value: "0", required: true, validate: whole(0, 36500) },
      backupsKept: { value: "7", required: true, validate: whole(0, 365) },
    },
    credentials: { user: { type: "text" }, password: { type: "password" } },
    label(this: EditorNode) {
      return this.name || this._("ev-store.title");
    },
    oneditprepare(this: EditorNode) {
      const kind = $("#node-config-input-kind");
      const showServer = (): void => {
        $(".ev-store-server").toggle(kind.val() !== "sqlite");
        $(".ev-store-backups").toggle(kind.val() === "sqlite");
      };
      kind.on("change", showServer);
      showServer();
      $("#ev-store-restore-row").hide();
      $("#ev-store-backup").on("click", () => backup(this));
      $("#ev-store-list").on("click", () => list(this));
      $("#ev-store-restore").on("click", () => restore(this));
    },
  });
})();
