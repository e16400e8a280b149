declare module "node-red-node-test-helper" {
  const helper: {
    init(runtimePath: string): void;
    load(modules: never, flow: never, credentials: never): Promise<void>;
    unload(): Promise<void>;
    getNode(id: string): object | null;
    log(): object;
    startServer(done: () => void): void;
    stopServer(done: () => void): void;
    setFlows(flow: never, type?: string): Promise<void>;
  };
  export default helper;
}
