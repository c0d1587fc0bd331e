// A plain page of a REST API from its OpenAPI document: no scripts, nothing from other servers.

interface Operation {
  readonly summary?: string;
  readonly description?: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly description?: string }[];
}

export interface ApiDocument {
  readonly info: { readonly title: string; readonly description?: string };
  readonly paths?: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

export function renderApiPage(document: ApiDocument): string {
  const rows = Object.entries(document.paths ?? {}).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { summary = '', description = '', parameters = [] }]) => {
      const names = parameters
        .map((parameter) => `<code>${escape(parameter.name)}</code> ${escape(parameter.description ?? '')}`)
        .join('<br>');
      return `<tr><td><code>${method.toUpperCase()}</code></td><td><code>${escape(path)}</code></td><td>${escape(summary)}<br><small>${escape(description)}</small></td><td>${names}</td></tr>`;
    }),
  );
  const title = escape(document.info.title);
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #ccc;padding:.5rem;text-align:left;vertical-align:top}</style>
<h1>${title}</h1><p>${escape(document.info.description ?? '')}</p><p>OpenAPI document: <a href="/docs/json">/docs/json</a></p>
<table><tr><th>Method</th><th>Path</th><th>What it does</th><th>Parameters</th></tr>${rows.join('')}</table></html>`;
}
