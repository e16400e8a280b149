"use strict";
// Where this folder is: `import.meta` does not exist in the CommonJS build, nor `__dirname` when the sources run directly.
exports.directory = __dirname;
