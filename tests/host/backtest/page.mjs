// Runs the script of a backtest's page in a document that holds what is appended to it, and says as
// JSON what is there. Reads the page from stdin; the arguments are texts for the filter of trades.
import { readFileSync } from 'node:fs';
import vm from 'node:vm';

class Element {
  children = [];
  attributes = {};
  value = '';
  text = '';
  set textContent(text) { this.text = String(text); }
  get textContent() { return this.text + this.children.map((c) => c.textContent).join(' '); }
  append(...children) {
    for (const child of children) this.children.push(child);
  }
  replaceChildren() { this.children = []; }
  setAttribute(name, value) { this.attributes[name] = String(value); }
  // Of that kind, wherever within it.
  all(tag) {
    return this.children.flatMap((c) => [...(c.tag === tag ? [c] : []), ...c.all(tag)]);
  }
}
const made = (tag) => Object.assign(new Element(), { tag });

const page = readFileSync(0, 'utf8');
const ids = new Map([...page.matchAll(/ id="([^"]+)"/g)].map((m) => [m[1], made('div')]));
const [, data, script] = page.match(
  /<script id="data" type="application\/json">(.*?)<\/script>\s*<script>(.*)<\/script>/s);
ids.get('data').text = data;
const document = {
  getElementById: (id) => ids.get(id),
  createElement: made,
  createElementNS: (_, tag) => made(tag),
};
function Option(text) {
  return Object.assign(made('option'), { text });
}
vm.runInNewContext(script, { document, Option });

const rows = (id) => Math.max(0, ids.get(id).all('tr').length - 1);
const found = process.argv.slice(2).map((text) => {
  ids.get('f-text').value = text;
  ids.get('f-text').oninput();
  return rows('trades');
});
process.stdout.write(JSON.stringify({
  rest: ids.get('rest').textContent,
  dots: ids.get('scatter').all('circle').length,
  equity_path: ids.get('equity').all('path').map((p) => p.attributes.d).join(''),
  drawdown_path: ids.get('drawdown').all('path').map((p) => p.attributes.d).join(''),
  days: rows('days'),
  found,
}));
