// Prints swaps of random pools of Balancer's V3 vault with what the protocol's own package,
// @balancer-labs/balancer-maths of tests/evm, answers: one JSON object a line.
//
//   node v3_answers.mjs PACKAGES_FOLDER SEED POOLS SWAPS_PER_POOL
//
// {"variant", "decimals", "balances", "rates", "fee", "weights" or "amp", "swaps": [[given in,
// token in, token out, amount, answer or null]]}. Amounts are decimal text.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import path from 'node:path';

const [folder, seed, pools, swapsPerPool] = process.argv.slice(2);
const require = createRequire(pathToFileURL(path.join(path.resolve(folder), 'package.json')));
const { Vault } = require('@balancer-labs/balancer-maths');

let state = BigInt(seed) * 2n + 1n;
const next = () => {  // SplitMix64
  state = BigInt.asUintN(64, state + 0x9e3779b97f4a7c15n);
  let z = state;
  z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
  z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn);
  return z ^ (z >> 31n);
};
const below = (end) => Number(next() % BigInt(end));
const bits = (count) => {
  let value = 0n;
  for (let have = 0; have < count; have += 64) value = (value << 64n) | next();
  return BigInt.asUintN(count - 1, value) | (1n << BigInt(count - 1));
};
const upTo = (most) => {
  if (most <= 1n) return 1n;
  const value = bits(1 + below(most.toString(2).length));
  return value > most ? most - (value % most) : value;
};

const one = 10n ** 18n;
const vault = new Vault();

const weightsOf = (count) => {
  const weights = Array(count).fill(one / 100n);
  let left = one - (one / 100n) * BigInt(count);
  const kind = below(4);
  for (let i = 0; i + 1 < count; i += 1) {
    let share = 0n;
    if (kind === 0) share = one / BigInt(count) - one / 100n;
    if (kind === 1) share = (left * BigInt(below(1000))) / 1000n;
    if (kind === 2) share = left / 5n;
    weights[i] += share;
    left -= share;
  }
  weights[count - 1] += left;
  return weights;
};

const poolOf = (weighted) => {
  const count = 2 + below(weighted ? 7 : 4);
  const decimals = Array.from({ length: count }, () => [18, 6, 8, 18][below(4)]);
  const rates = decimals.map(() => (below(3) === 0 ? one : one / 2n + upTo(one * 2n)));
  const size = 50 + below(30);
  const scaling = decimals.map((d) => 10n ** BigInt(18 - d));
  const balances = scaling.map((s) => {
    const raw = bits(size + below(weighted ? 24 : below(4) === 0 ? 14 : 3)) / s;
    return raw === 0n ? 1n : raw;
  });
  const pool = {
    poolType: weighted ? 'WEIGHTED' : 'STABLE',
    tokens: decimals.map((_, i) => `0x${(i + 1).toString(16).padStart(40, '0')}`),
    scalingFactors: scaling,
    tokenRates: rates,
    balancesLiveScaled18: balances.map((b, i) => (b * scaling[i] * rates[i]) / one),
    swapFee: [10n ** 12n, 3n * 10n ** 15n, 5n * 10n ** 14n, one / 100n, one / 10n][below(5)],
    aggregateSwapFee: 0n,
    totalSupply: one,
    supportsUnbalancedLiquidity: true,
  };
  if (weighted) pool.weights = weightsOf(count);
  else pool.amp = 1000n * [1n, 5n, 50n, 200n, 2000n, 5000n, 1n + BigInt(below(5000))][below(7)];
  return { pool, decimals, balances };
};

for (let p = 0; p < Number(pools); p += 1) {
  const weighted = p % 2 === 0;
  const { pool, decimals, balances } = poolOf(weighted);
  const swaps = [];
  for (let s = 0; s < Number(swapsPerPool); s += 1) {
    const givenIn = below(2) === 0;
    const i = below(decimals.length);
    const o = (i + 1 + below(decimals.length - 1)) % decimals.length;
    const most = givenIn ? balances[i] : balances[o];
    const part = weighted ? (most * 3n) / 10n : below(8) === 0 ? most * 2n : (most * 9n) / 10n;
    // From the least that the vault takes, but for a few.
    const token = givenIn ? i : o;
    const least = below(16) === 0 ? 1n : 1n + 2n * 10n ** 6n / pool.scalingFactors[token];
    let amount = upTo(part) + least;
    if (below(40) === 0) amount = most * 3n;
    let answer = null;
    try {
      answer = vault.swap(
        { swapKind: givenIn ? 0 : 1, amountRaw: amount, tokenIn: pool.tokens[i],
          tokenOut: pool.tokens[o] },
        { ...pool, balancesLiveScaled18: [...pool.balancesLiveScaled18] });
    } catch {
      answer = null;
    }
    swaps.push([givenIn, i, o, String(amount), answer === null ? null : String(answer)]);
  }
  const text = {
    variant: weighted ? '20241205-v3-weighted-pool' : '20241205-v3-stable-pool',
    decimals, balances: balances.map(String), rates: pool.tokenRates.map(String),
    fee: String(pool.swapFee), swaps,
  };
  if (weighted) text.weights = pool.weights.map(String);
  else text.amp = String(pool.amp);
  console.log(JSON.stringify(text));
}
