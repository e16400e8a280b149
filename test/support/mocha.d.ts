/* The part of mocha that our tests use; mocha brings no types of its own. */
declare module "mocha" {
  /** What `this` is inside a test or a hook written with `function`. */
  export interface TestContext {
    timeout(limitMs: number): this;
    /** Ends the test as skipped; the reporter names it. */
    skip(): never;
    readonly test?: { fullTitle(): string };
  }
  type Body = (this: TestContext) => void | Promise<void>;
  interface Suite {
    (title: string, body: (this: { timeout(limitMs: number): void }) => void): void;
    only: Suite;
    skip: Suite;
  }
  interface Test {
    (title: string, body?: Body): void;
    only: Test;
    skip: Test;
  }
  interface Hook {
    (body: Body): void;
    (description: string, body: Body): void;
  }
  export const describe: Suite;
  export const it: Test;
  export const before: Hook;
  export const after: Hook;
  export const beforeEach: Hook;
  export const afterEach: Hook;

  interface FinishedTest {
    fullTitle(): string;
  }
  export interface Runner {
    on(event: "pending", listener: (test: FinishedTest) => void): void;
    once(event: "end", listener: () => void): void;
  }
  class Spec {
    constructor(runner: Runner, options: object);
    readonly stats: { readonly passes: number; readonly failures: number; readonly pending: number };
  }
  const mocha: { readonly reporters: { readonly Spec: typeof Spec } };
  export default mocha;
}
