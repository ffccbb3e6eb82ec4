// Metrics of a backtest from its list of trades alone, for comparison: reads its JSON from stdin,
// and of it the trades, the capital and the time that was traded. Definitions: docs/backtesting.md.
// Integers are BigInt; statistics are taken in two passes over an array of returns.
import { readFileSync } from 'node:fs';

const result = JSON.parse(readFileSync(0, 'utf8'));
const trades = result.trades.filter((t) => t.outcome !== 'expired');
const ether = (wei) => Number(wei) / 1e18;
const total = (list, of) => list.reduce((sum, t) => sum + BigInt(of(t)), 0n);
const filled = trades.filter((t) => t.outcome === 'filled');
// Into a position or out of one: nothing is predicted of it. What goes in has neither won nor lost.
const cycles = filled.filter((t) => !t.one_way);
const closed = trades.filter((t) => !t.opens);

// The equity after all trades up to a time.
const equityAt = (time) => result.capital_eth +
  ether(total(trades.filter((t) => t.time_s <= time), (t) => t.result_wei));
const returns = [];
const seconds = result.last_time_s - result.first_time_s;
const period_s = seconds >= 20 * 86400 ? 86400 : seconds >= 20 * 3600 ? 3600 : 60;
for (let begin = result.first_time_s; begin < result.last_time_s; begin += period_s) {
  const before = begin === result.first_time_s ? result.capital_eth : equityAt(begin);
  returns.push(equityAt(begin + period_s) / before - 1);
}
const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;
const average = mean(returns);
const variance = returns.reduce((a, r) => a + (r - average) ** 2, 0) / (returns.length - 1);
const downside = mean(returns.map((r) => (r < 0 ? r * r : 0)));
const annual = Math.sqrt((365.25 * 86400) / period_s);

// Every pair of a peak and what comes after it, by block.
const blocks = [...new Set(trades.map((t) => t.block))];
const curve = [result.capital_eth, ...blocks.map((b) => result.capital_eth +
  ether(total(trades.filter((t) => t.block <= b), (t) => t.result_wei)))];
let drawdown = 0;
for (let i = 0; i < curve.length; i++) {
  for (let j = i; j < curve.length; j++) {
    drawdown = Math.max(drawdown, (curve[i] - curve[j]) / curve[i]);
  }
}

process.stdout.write(JSON.stringify({
  net_wei: String(total(trades, (t) => t.result_wei)),
  gas_wei: String(total(trades, (t) => t.gas_wei)),
  realised_wei: String(total(cycles, (t) => t.result_wei)),
  predicted_wei: String(total(cycles, (t) => t.predicted_wei)),
  opened: filled.filter((t) => t.opens).length,
  win_rate: closed.filter((t) => BigInt(t.result_wei) > 0n).length / closed.length,
  turnover: ether(total(filled, (t) => t.stake_wei)) / result.capital_eth,
  max_drawdown: drawdown,
  sharpe: (average / Math.sqrt(variance)) * annual,
  sortino: (average / Math.sqrt(downside)) * annual,
  period_s,
  periods: returns.length,
}));
