/** Absolute path of this folder: the sources, or their compiled copies. */
export declare const directory: string;
