// The protocols' own packages on the pools and swaps of a file that gantry_peers wrote: each answer
// has to be ours. Prints venue, name and nanoseconds a line, with tabs between.
//   node peers.mjs FILE MILLISECONDS
// Curve is not among them: @curvefi/api asks a node for each quote.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { Token, CurrencyAmount } = require("@uniswap/sdk-core");
const { Pair } = require("@uniswap/v2-sdk");
const { Pool, Tick, TickListDataProvider } = require("@uniswap/v3-sdk");
const { Vault } = require("@balancer-labs/balancer-maths");

const tokens = ["0x0000000000000000000000000000000000001000", "0x0000000000000000000000000000000000001001"];
const coins = tokens.map((address) => new Token(1, address, 18));

function balancer({ balances, fee }, kind) {
  const vault = new Vault();
  const one = 10n ** 18n;
  const pool = {
    ...kind,
    tokens,
    scalingFactors: [1n, 1n],
    tokenRates: [one, one],
    balancesLiveScaled18: balances.map(BigInt),
    swapFee: BigInt(fee),
    aggregateSwapFee: 0n,
    totalSupply: one,
    supportsUnbalancedLiquidity: true,
  };
  return (token, amount) =>
    vault.swap(
      { swapKind: 0, amountRaw: BigInt(amount), tokenIn: tokens[token], tokenOut: tokens[1 - token] },
      { ...pool, balancesLiveScaled18: [...pool.balancesLiveScaled18] },
    );
}

const makers = {
  uniswap_v2({ reserves }) {
    const pair = new Pair(...reserves.map((r, i) => CurrencyAmount.fromRawAmount(coins[i], r)));
    return (token, amount) =>
      pair.getOutputAmount(CurrencyAmount.fromRawAmount(coins[token], amount))[0].quotient;
  },
  uniswap_v3({ fee, spacing, sqrt, tick, liquidity, ticks }) {
    const list = ticks.map(
      ([index, liquidityGross, liquidityNet]) => new Tick({ index, liquidityGross, liquidityNet }),
    );
    const provider = new TickListDataProvider(list, spacing);
    const pool = new Pool(...coins, fee, sqrt, liquidity, tick, provider);
    return async (token, amount) =>
      (await pool.getOutputAmount(CurrencyAmount.fromRawAmount(coins[token], amount)))[0].quotient;
  },
  balancer_v3_weighted: ({ weights, ...pool }) => balancer(pool, { poolType: "WEIGHTED", weights: weights.map(BigInt) }),
  balancer_v3_stable: ({ amp, ...pool }) => balancer(pool, { poolType: "STABLE", amp: BigInt(amp) }),
};
const names = {
  uniswap_v2: "@uniswap/v2-sdk",
  uniswap_v3: "@uniswap/v3-sdk",
  balancer_v3_weighted: "@balancer-labs/balancer-maths",
  balancer_v3_stable: "@balancer-labs/balancer-maths",
};

const [file, milliseconds] = process.argv.slice(2);
for (const { venue, pools } of JSON.parse(readFileSync(file, "utf8"))) {
  if (!makers[venue]) continue;
  const quoters = pools.map((pool) => makers[venue](pool));
  let compared = 0;
  for (const [p, pool] of pools.entries()) {
    for (const [token, , amount, out] of pool.swaps) {
      const answer = String(await quoters[p](token, amount));
      if (answer !== out) throw new Error(`${venue}: ${amount} of ${token}: ${answer}, not ${out}`);
      compared += 1;
    }
  }
  // Compiled by now.
  let quotes = 0;
  const begin = process.hrtime.bigint();
  let ns = 0;
  for (let s = 0; ns < milliseconds * 1e6; s = (s + 1) % pools[0].swaps.length) {
    for (const [p, pool] of pools.entries()) await quoters[p](pool.swaps[s][0], pool.swaps[s][2]);
    quotes += pools.length;
    ns = Number(process.hrtime.bigint() - begin);
  }
  process.stderr.write(`${venue}: ${compared} answers of ${names[venue]} are ours\n`);
  console.log([venue, names[venue], ns / quotes].join("\t"));
}
