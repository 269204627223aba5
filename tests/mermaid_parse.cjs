// mermaid_parse.cjs FILE...: ends with 1 where mermaid's own parser refuses one of these diagrams. It
// wants a document to be there, though nothing is drawn.
const fs = require('fs');
const { pathToFileURL } = require('url');
const { window } = new (require('jsdom').JSDOM)('');
Object.assign(globalThis, { window, document: window.document });

import(pathToFileURL(require.resolve('mermaid'))).then(async ({ default: mermaid }) => {
  for (const name of process.argv.slice(2)) {
    await mermaid.parse(fs.readFileSync(name, 'utf8')).catch(e => {
      console.log(`${name}: ${e.message}`);
      process.exitCode = 1;
    });
  }
});
