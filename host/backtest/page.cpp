#include "host/backtest/backtest_report.hpp"

namespace gantry::host {
namespace {

// Between the two stands the JSON. Nothing is loaded from anywhere.
constexpr std::string_view page_begin = R"html(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Gantry backtest</title>
<style>
:root{--ink:#1c2430;--dim:#667085;--line:#d8dee8;--paper:#fff;--good:#0a7d4f;--bad:#b3261e;--mark:#2457c5}
@media(prefers-color-scheme:dark){:root{--ink:#e6eaf0;--dim:#98a2b3;--line:#2d3644;--paper:#12161d;--good:#4cc38a;--bad:#ff8f85;--mark:#82a8ff}}
body{font:14px/1.45 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:1080px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.4rem;margin:0}h2{font-size:1rem;margin:2rem 0 .5rem}p{margin:.2rem 0;color:var(--dim)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(140px,1fr));gap:.6rem;margin-top:1rem}
.tile{border:1px solid var(--line);border-radius:6px;padding:.5rem .7rem}.tile b{display:block;font-size:1.15rem;font-variant-numeric:tabular-nums}
.tile span{color:var(--dim);font-size:.85rem}.good{color:var(--good)}.bad{color:var(--bad)}
svg{width:100%;height:auto;display:block}svg text{fill:var(--dim);font-size:11px}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:right;padding:.25rem .5rem;border-bottom:1px solid var(--line);white-space:nowrap}
th{color:var(--dim);font-weight:600}th.t,td.t{text-align:left}td.w{white-space:normal;min-width:14rem}
.filters{display:flex;flex-wrap:wrap;gap:.5rem;margin:.4rem 0}
select,input{font:inherit;color:inherit;background:var(--paper);border:1px solid var(--line);border-radius:4px;padding:.2rem .4rem}
</style></head><body>
<h1>Backtest</h1><div id="head"></div><div class="tiles" id="tiles"></div><div id="rest"></div>
<h2>Equity (ETH)</h2><div id="equity"></div>
<h2>Drawdown (% of the peak)</h2><div id="drawdown"></div>
<h2>Predicted against realised (ETH, trades that were filled, but for positions)</h2><div id="scatter"></div>
<h2>By strategy</h2><div class="scroll" id="strategies"></div>
<h2>By venue</h2><p>A trade through two venues is in both.</p><div class="scroll" id="venues"></div>
<h2>By day</h2><p>Returns are of a day's own periods, and each day begins with the capital.</p><div class="scroll" id="days"></div>
<h2>What was refused</h2><div class="scroll" id="refused"></div>
<h2>Trades</h2><div class="filters">
<select id="f-strategy"></select><select id="f-venue"></select><select id="f-outcome"></select>
<input id="f-text" placeholder="token, pool, block"><span id="count"></span></div>
<div class="scroll" id="trades"></div>
<script id="data" type="application/json">)html";

constexpr std::string_view page_end = R"html(</script>
<script>
'use strict';
const d = JSON.parse(document.getElementById('data').textContent);
const el = (id) => document.getElementById(id);
const make = (tag, text, cls) => { const e = document.createElement(tag); if (text !== undefined) e.textContent = text; if (cls) e.className = cls; return e; };
const num = (v, n = 4) => v === null || v === undefined ? '-' : Number(v).toLocaleString('en', { maximumFractionDigits: n });
const eth = (wei) => Number(BigInt(wei)) / 1e18;
const when = (s) => new Date(s * 1000).toISOString().replace('T', ' ').slice(0, 19);
const sign = (v) => v > 0 ? 'good' : v < 0 ? 'bad' : '';

el('head').append(make('p', d.recording + '  ·  ' + d.chain + '  ·  blocks ' + d.first_block + ' to ' + d.last_block +
  '  ·  ' + when(d.first_time_s) + ' to ' + when(d.last_time_s) + ' UTC'), make('p', d.provenance),
  make('p', Object.entries(d.settings).map(([k, v]) => k + ' ' + (Array.isArray(v) ? v.join(', ') || '-' : v === null ? 'for ever' : v)).join('  ·  ')));
const m = d.metrics;
for (const [name, value, cls] of [
  ['net, ETH', num(m.net_eth, 6), sign(m.net_eth)], ['net, USD', num(m.net_usd, 2), sign(m.net_usd)],
  ['filled of sent', m.filled + ' / ' + m.sent], ['reverted', m.reverted],
  ['win rate', m.win_rate === null ? '-' : num(m.win_rate * 100, 1) + ' %'],
  ['largest drawdown', num(m.max_drawdown * 100, 4) + ' %'], ['Sharpe', num(m.sharpe, 2)], ['Sortino', num(m.sortino, 2)],
  ['turnover', num(m.turnover, 4)], ['gas, ETH', num(eth(m.gas_wei), 6)]]) {
  const tile = make('div', undefined, 'tile'); tile.append(make('b', value, cls), make('span', name)); el('tiles').append(tile);
}

// In no figure.
const counted = (n, what) => num(n) + ' ' + what + (n === 1 ? '' : 's'), held = d.open_at_the_end;
if (d.under_way_at_the_end) el('rest').append(make('p', counted(d.under_way_at_the_end, 'trade') + ' under way at the end: in no figure'));
if (held.positions) el('rest').append(make('p', counted(held.positions, 'position') + ' open at the end, bought for ' + num(eth(held.cost_wei), 6) + ' ETH and worth ' +
  num(eth(held.worth_wei), 6) + ' ETH then' + (held.unvalued ? ', ' + num(held.unvalued) + ' without a price' : '') + ': in no figure'));

const svg = (tag, attributes) => { const e = document.createElementNS('http://www.w3.org/2000/svg', tag); for (const k in attributes) e.setAttribute(k, attributes[k]); return e; };
// Points of one chart, [x, y], with four marks at each axis.
function chart(id, points, options) {
  if (points.length < 1) { el(id).append(make('p', 'nothing to show')); return; }
  const W = 1000, H = 240, left = 78, low = 24, top = 8, right = 14;
  // Not as arguments of one call: there may be more of them than it takes.
  let x0 = Infinity, x1 = -Infinity, y0 = Infinity, y1 = -Infinity;
  for (const [x, y] of points) { x0 = Math.min(x0, x); x1 = Math.max(x1, x); y0 = Math.min(y0, y); y1 = Math.max(y1, y); }
  if (options.equal) { x0 = y0 = Math.min(x0, y0); x1 = y1 = Math.max(x1, y1); }
  if (x1 === x0) x1 = x0 + 1;
  if (y1 === y0) { y1 += Math.abs(y1) * 1e-6 || 1; y0 -= Math.abs(y0) * 1e-6; }
  const X = (x) => left + (x - x0) / (x1 - x0) * (W - left - right), Y = (y) => H - low - (y - y0) / (y1 - y0) * (H - low - top);
  const s = svg('svg', { viewBox: '0 0 ' + W + ' ' + H, role: 'img' });
  for (let i = 0; i <= 3; i++) {
    const y = y0 + (y1 - y0) * i / 3, x = x0 + (x1 - x0) * i / 3;
    s.append(svg('line', { x1: left, x2: W - right, y1: Y(y), y2: Y(y), stroke: 'var(--line)' }));
    const a = svg('text', { x: left - 6, y: Y(y) + 4, 'text-anchor': 'end' }); a.textContent = Number(y.toPrecision(options.digits || 4)); s.append(a);
    const b = svg('text', { x: X(x), y: H - 6, 'text-anchor': i === 3 ? 'end' : i === 0 ? 'start' : 'middle' }); b.textContent = options.label(x); s.append(b);
  }
  if (options.dots) {
    s.append(svg('line', { x1: X(x0), y1: Y(y0), x2: X(x1), y2: Y(y1), stroke: 'var(--dim)', 'stroke-dasharray': '4 4' }));
    // One of those that would cover each other.
    const places = new Map();
    for (const p of points) places.set(Math.round(X(p[0])) + ',' + Math.round(Y(p[1])), p);
    for (const p of places.values()) s.append(svg('circle', { cx: X(p[0]), cy: Y(p[1]), r: 3, fill: 'var(--mark)', 'fill-opacity': .6 }));
  } else {
    // Of each column its lowest, its highest and its last.
    const columns = [];
    for (const [x, y] of points) {
      const at = Math.round(X(x) * 4) / 4, last = columns[columns.length - 1];
      if (last && last.at === at) { last.low = Math.min(last.low, y); last.high = Math.max(last.high, y); last.y = y; }
      else columns.push({ at, low: y, high: y, y });
    }
    let path = 'M' + X(points[0][0]).toFixed(2) + ' ' + Y(points[0][1]).toFixed(2);
    for (const c of columns) path += 'H' + c.at + 'V' + Y(c.low).toFixed(2) + (c.high > c.low ? 'V' + Y(c.high).toFixed(2) + 'V' + Y(c.y).toFixed(2) : '');
    s.append(svg('path', { d: path, fill: 'none', stroke: options.colour, 'stroke-width': 1.6 }));
  }
  el(id).append(s);
}
const clock = (x) => when(x).slice(0, 16);
chart('equity', d.equity.map((p) => [p[0], p[2]]), { label: clock, colour: 'var(--mark)', digits: 7 });
let peak = -Infinity;
chart('drawdown', d.equity.map((p) => { peak = Math.max(peak, p[2]); return [p[0], peak > 0 ? (p[2] - peak) / peak * 100 : 0]; }), { label: clock, colour: 'var(--bad)' });
const filled = d.trades.filter((t) => t.outcome === 'filled' && !t.one_way);
chart('scatter', filled.map((t) => [eth(t.predicted_wei), eth(t.result_wei)]), { label: (x) => Number(x.toPrecision(5)), dots: true, equal: true });

function table(id, head, rows) {
  el(id).replaceChildren();
  if (!rows.length) { el(id).append(make('p', 'none')); return; }
  const t = make('table'), h = make('tr');
  for (const [name, cls] of head) h.append(make('th', name, cls));
  t.append(h);
  for (const row of rows) { const r = make('tr'); row.forEach((c, i) => { const many = Array.isArray(c); r.append(make('td', many ? c[0] : c, ((head[i][1] || '') + ' ' + (many ? c[1] : '')).trim())); }); t.append(r); }
  el(id).append(t);
}
const columns = [['name', 't'], ['sent'], ['filled'], ['gained'], ['reverted'], ['net, ETH'], ['net, USD'], ['predicted, ETH'], ['realised, ETH'], ['drawdown, %'], ['Sharpe']];
const row = (name, x) => [name, x.sent, x.filled, x.gained, x.reverted, [num(x.net_eth, 6), sign(x.net_eth)], num(x.net_usd, 2), num(eth(x.predicted_wei), 6), num(eth(x.realised_wei), 6), num(x.max_drawdown * 100, 4), num(x.sharpe, 2)];
for (const [id, from] of [['strategies', d.by_strategy], ['venues', d.by_venue], ['days', d.by_day]]) table(id, columns, Object.entries(from).map(([k, v]) => row(k, v)));
table('refused', [['reason', 't'], ['opportunities']], Object.entries({ ...d.refused, ...Object.fromEntries(Object.entries(d.not_sent).map(([k, v]) => [k + ' (after approval)', v])) }).sort((a, b) => b[1] - a[1]).map(([k, v]) => [k, num(v)]));

const options = (id, all, names) => { const s = el(id); s.append(new Option(all, '')); for (const n of names) s.append(new Option(n, n)); s.onchange = list; };
options('f-strategy', 'all strategies', Object.keys(d.by_strategy));
options('f-venue', 'all venues', Object.keys(d.by_venue));
options('f-outcome', 'all outcomes', [...new Set(d.trades.map((t) => t.outcome))].sort());
el('f-text').oninput = list;
const rows_max = 1000;
// What the text is looked for in: no names of what is not seen.
const words = (t) => [t.block, t.found_block, t.token, ...t.legs.flatMap((l) => [l.pool, l.token_in, l.token_out])].join(' ').toLowerCase();
function list() {
  const [s, v, o, q] = ['f-strategy', 'f-venue', 'f-outcome', 'f-text'].map((id) => el(id).value.trim());
  const hit = d.trades.filter((t) => (!s || t.strategy === s) && (!v || t.legs.some((l) => l.venue === v)) && (!o || t.outcome === o) &&
    (!q || words(t).includes(q.toLowerCase())));
  el('count').textContent = hit.length + ' of ' + d.trades.length + (hit.length > rows_max ? ', the first ' + rows_max + ' are shown' : '');
  table('trades', [['time, UTC', 't'], ['block'], ['strategy', 't'], ['route', 't w'], ['in'], ['predicted, ETH'], ['result, ETH'], ['outcome', 't']],
    hit.slice(0, rows_max).map((t) => [when(t.time_s), t.block, t.strategy, t.legs.map((l) => l.token_in).join(' → ') + (t.legs.length ? ' → ' + t.legs[t.legs.length - 1].token_out : '') + '  ' + [...new Set(t.legs.map((l) => l.venue))].join(', '),
      num(t.amount_in, 6) + ' ' + t.token, t.one_way ? '-' : num(eth(t.predicted_wei), 8), [num(eth(t.result_wei), 8), sign(eth(t.result_wei))], t.outcome + (t.taken_by_competitor ? ', taken' : '') + (t.opens ? ', opens a position' : t.one_way ? ', of a position' : '')]));
}
list();
</script></body></html>
)html";

}  // namespace

std::string backtest_page(const boost::json::object& result) {
  std::string out(page_begin);
  // Inside a script element "</script" and "<!--" would end or change it.
  for (const char c : boost::json::serialize(result)) {
    if (c == '<') {
      out += "\\u003c";
    } else {
      out += c;
    }
  }
  return out + std::string(page_end);
}

}  // namespace gantry::host
