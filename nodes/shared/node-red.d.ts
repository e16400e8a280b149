/*
 * The part of Node-RED that our nodes touch, typed by hand: small enough to read, and free of the gaps of the published
 * types (close handlers that may be async, missing newer fields).
 */
export interface NodeMessage {
  payload?: unknown;
  topic?: string;
  _msgid?: string;
  [key: string]: unknown;
}

export interface StatusMessage {
  readonly fill?: "red" | "green" | "yellow" | "blue" | "grey";
  readonly shape?: "ring" | "dot";
  readonly text?: string;
}

export type SendFunction = (message: NodeMessage | (NodeMessage | NodeMessage[] | null)[] | null) => void;

/** A node as Node-RED makes it. */
export interface RuntimeNode {
  readonly id: string;
  readonly type: string;
  readonly name?: string;
  readonly z?: string;
  readonly credentials?: Readonly<Record<string, string | undefined>>;
  send: SendFunction;
  status(status: StatusMessage | string): void;
  log(text: string): void;
  warn(text: string): void;
  error(text: unknown, message?: NodeMessage): void;
  debug(text: string): void;
  trace(text: string): void;
  on(event: "input", listener: (message: NodeMessage, send: SendFunction, done: (error?: Error) => void) => void): void;
  on(event: "close", listener: (removed: boolean, done: () => void) => void): void;
  context(): ContextStore & { readonly flow?: ContextStore; readonly global: ContextStore };
}

export interface ContextStore {
  get(key: string, store: string | undefined, callback: (error: Error | null, found: unknown) => void): void;
  set(key: string, toKeep: unknown, store: string | undefined, callback: (error?: Error | null) => void): void;
}

export interface AdminRequest {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}
export interface AdminResponse {
  status(code: number): AdminResponse;
  json(body: unknown): void;
  sendStatus(code: number): void;
}

/** Express middleware made by Node-RED; opaque to us. */
export type PermissionCheck = (...handlerArguments: never[]) => void;
export type AdminHandler = (request: AdminRequest, response: AdminResponse) => void;

/** The runtime API handed to a node module. */
export interface NodeRed {
  readonly nodes: {
    createNode(node: RuntimeNode, config: Readonly<Record<string, unknown>>): void;
    registerType(
      type: string,
      constructor: (this: RuntimeNode, config: Readonly<Record<string, unknown>>) => void,
      options?: { readonly credentials?: Readonly<Record<string, { readonly type: "text" | "password" }>> },
    ): void;
    getNode(id: string): RuntimeNode | null | undefined;
  };
  readonly httpAdmin: {
    get(path: string, permission: PermissionCheck, handler: AdminHandler): void;
    post(path: string, permission: PermissionCheck, handler: AdminHandler): void;
  };
  readonly auth: { needsPermission(permission: string): PermissionCheck };
  readonly settings: Readonly<Record<string, unknown>>;
  readonly log: { warn(text: string): void; error(text: string): void };
  _(key: string, params?: Readonly<Record<string, unknown>>): string;
}
