/* The part of the editor's API that our forms use. Global on purpose: editor scripts are plain scripts. */

interface EditorField {
  value: unknown;
  required?: boolean;
  type?: string;
  label?: string;
  /** Declare both parameters: with one, the editor takes a returned text for "valid" (it looks at the function's length). */
  validate?: (this: EditorNode, fieldValue: string, options: unknown) => boolean | string;
}

interface EditorNode {
  readonly id: string;
  readonly type: string;
  name: string;
  _(key: string, params?: Record<string, unknown>): string;
  [property: string]: unknown;
}

interface EditorDefinition {
  category: string;
  color?: string;
  defaults: Record<string, EditorField>;
  credentials?: Record<string, { type: "text" | "password" }>;
  inputs?: 0 | 1;
  outputs?: number;
  icon?: string;
  align?: "left" | "right";
  label?: string | ((this: EditorNode) => string);
  paletteLabel?: string | ((this: EditorNode) => string);
  labelStyle?: string | ((this: EditorNode) => string);
  inputLabels?: string | ((this: EditorNode, index: number) => string);
  outputLabels?: string | string[] | ((this: EditorNode, index: number) => string);
  oneditprepare?: (this: EditorNode) => void;
  oneditsave?: (this: EditorNode) => void;
  oneditcancel?: (this: EditorNode) => void;
  oneditdelete?: (this: EditorNode) => void;
}

declare const RED: {
  nodes: {
    registerType(type: string, definition: EditorDefinition): void;
    node(id: string): EditorNode | null;
  };
  notify(text: string, type?: "success" | "warning" | "error" | "compact"): void;
};
