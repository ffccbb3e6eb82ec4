// Prints calls of Curve's pools and router and of Balancer's vault and routers, as viem encodes
// them, one JSON object a line: {what, to, value, data, swaps}, with the swaps that they ask for.
//   node encode_pending.mjs COUNT SEED
import { encodeFunctionData, getAddress, maxUint256, parseAbi } from "./node_modules/viem/_esm/index.js";

const [, , count, seed] = process.argv;
let state = BigInt(seed) * 2n + 1n;
const random = (below) => {
  state = (state * 6364136223846793005n + 1442695040888963407n) & ((1n << 64n) - 1n);
  return Number((state >> 33n) % BigInt(below));
};
const pick = (list) => list[random(list.length)];
const address = (number) => getAddress(`0x${(0x1000n + BigInt(number)).toString(16).padStart(40, "0")}`);
const amount = () => (BigInt(random(1 << 30)) << BigInt(random(90))) + 1n;
const deadline = () => 4_000_000_000n + BigInt(random(1000));
const coin = "0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE";
const nobody = "0x0000000000000000000000000000000000000000";
const receiver = address(77);
// As the test configures them.
const router = address(1);
const pools = [
  { address: address(2), coins: [address(10), address(11), address(12)] },
  { address: address(3), coins: [coin, address(13)] },
];
const vault = address(4);
const router3 = address(5);
const wrapped = address(6);

const curve = parseAbi([
  "function exchange(int128 i, int128 j, uint256 dx, uint256 min_dy)",
  "function exchange(int128 i, int128 j, uint256 dx, uint256 min_dy, address receiver)",
  "function exchange(uint256 i, uint256 j, uint256 dx, uint256 min_dy)",
  "function exchange(uint256 i, uint256 j, uint256 dx, uint256 min_dy, address receiver)",
  "function exchange(uint256 i, uint256 j, uint256 dx, uint256 min_dy, bool use_eth)",
  "function exchange(uint256 i, uint256 j, uint256 dx, uint256 min_dy, bool use_eth, address receiver)",
]);
const curveRouter = parseAbi([
  "function exchange(address[11] route, uint256[5][5] params, uint256 amount, uint256 min_dy)",
  "function exchange(address[11] route, uint256[5][5] params, uint256 amount, uint256 min_dy, address[5] pools)",
  "function exchange(address[11] route, uint256[5][5] params, uint256 amount, uint256 min_dy, address[5] pools, address receiver)",
]);
const vault2 = parseAbi([
  "struct SingleSwap { bytes32 poolId; uint8 kind; address assetIn; address assetOut; uint256 amount; bytes userData; }",
  "struct Step { bytes32 poolId; uint256 assetInIndex; uint256 assetOutIndex; uint256 amount; bytes userData; }",
  "struct Funds { address sender; bool fromInternalBalance; address recipient; bool toInternalBalance; }",
  "function swap(SingleSwap singleSwap, Funds funds, uint256 limit, uint256 deadline)",
  "function batchSwap(uint8 kind, Step[] swaps, address[] assets, Funds funds, int256[] limits, uint256 deadline)",
]);
const vault3 = parseAbi([
  "function swapSingleTokenExactIn(address pool, address tokenIn, address tokenOut, uint256 exactAmountIn, uint256 minAmountOut, uint256 deadline, bool wethIsEth, bytes userData)",
  "function swapSingleTokenExactOut(address pool, address tokenIn, address tokenOut, uint256 exactAmountOut, uint256 maxAmountIn, uint256 deadline, bool wethIsEth, bytes userData)",
  "function swapSingleTokenExactIn(address pool, address tokenIn, address tokenOut, uint256 exactAmountIn, uint256 minAmountOut, uint256 deadline, bytes userData)",
  "function swapSingleTokenExactOut(address pool, address tokenIn, address tokenOut, uint256 exactAmountOut, uint256 maxAmountIn, uint256 deadline, bytes userData)",
  "function multicall(bytes[] data)",
]);
const call = (item, args) => encodeFunctionData({ abi: [item], args });
const userData = () => `0x${"ab".repeat(random(70))}`;
const funds = { sender: receiver, fromInternalBalance: false, recipient: receiver, toInternalBalance: true };
const poolId = (pool, n) => `${pool}${n.toString(16).padStart(24, "0")}`;
const swap = (exactIn, given, limit, until, hops) => ({
  exact_in: exactIn,
  amount_in: exactIn ? given : limit,
  amount_out: exactIn ? limit : given,
  deadline: until,
  hops,
});
const distinct = (many) => {
  const numbers = [];
  while (numbers.length < many) {
    const number = 20 + random(12);
    if (!numbers.includes(number)) numbers.push(number);
  }
  return numbers.map(address);
};

const makers = {
  pool() {
    const item = pick(curve);
    const pool = pick(pools);
    const i = random(pool.coins.length);
    const j = (i + 1 + random(pool.coins.length - 1)) % pool.coins.length;
    const [dx, least] = [amount(), amount()];
    const args = [BigInt(i), BigInt(j), dx, least];
    for (const { type } of item.inputs.slice(4)) args.push(type === "bool" ? random(2) === 1 : receiver);
    return {
      to: pool.address,
      data: call(item, args),
      swaps: [swap(true, dx, least, 0n, [[pool.address, pool.coins[i], pool.coins[j]]])],
    };
  },
  route() {
    const hops = 1 + random(5);
    const tokens = distinct(hops + 1);
    if (random(3) === 0) tokens[0] = coin;
    const route = Array(11).fill(nobody);
    const params = Array.from({ length: 5 }, () => Array(5).fill(0n));
    const made = [];
    for (let i = 0; i < hops; ++i) {
      const pool = address(100 + random(10));
      route.splice(2 * i, 3, tokens[i], pool, tokens[i + 1]);
      params[i] = [0n, 1n, BigInt(1 + random(9)), 10n, 2n];
      made.push([pool, tokens[i], tokens[i + 1]]);
    }
    const [sold, least] = [amount(), amount()];
    const item = pick(curveRouter);
    const args = [route, params, sold, least, Array(5).fill(nobody), receiver].slice(0, item.inputs.length);
    return {
      to: router,
      value: tokens[0] === coin ? sold : 0n,
      data: call(item, args),
      swaps: [swap(true, sold, least, 0n, made)],
    };
  },
  single() {
    const pool = address(100 + random(10));
    const [assetIn, assetOut] = distinct(2);
    const kind = random(2);
    const [given, limit, until] = [amount(), amount(), deadline()];
    const ofCoin = random(3) === 0;
    const data = call(vault2.find(({ name }) => name === "swap"), [
      { poolId: poolId(pool, random(999)), kind, assetIn: ofCoin ? nobody : assetIn, assetOut, amount: given, userData: userData() },
      funds,
      limit,
      until,
    ]);
    return { to: vault, data, swaps: [swap(kind === 0, given, limit, until, [[pool, ofCoin ? wrapped : assetIn, assetOut]])] };
  },
  batch() {
    const kind = random(2);
    const chains = 1 + random(3);
    const assets = [];
    const steps = [];
    const swaps = [];
    const limits = [];
    const until = deadline();
    for (let c = 0; c < chains; ++c) {
      const hops = 1 + random(4);
      const first = assets.length;
      const tokens = distinct(hops + 1);
      if (random(3) === 0) tokens[0] = nobody;
      assets.push(...tokens);
      const given = amount();
      const made = tokens.slice(1).map((token, i) => [address(100 + random(10)), tokens[i], token]);
      const order = [...made.keys()];
      if (kind === 1) order.reverse();
      order.forEach((i, n) =>
        steps.push({
          poolId: poolId(made[i][0], random(999)),
          assetInIndex: BigInt(first + i),
          assetOutIndex: BigInt(first + i + 1),
          amount: n === 0 ? given : 0n,
          userData: userData(),
        }),
      );
      for (let i = 0; i <= hops; ++i) limits.push(0n);
      const most = amount();
      const least = amount();
      limits[first] = most;
      limits[first + hops] = -least;
      const named = made.map((hop) => hop.map((one) => (one === nobody ? wrapped : one)));
      const limit = kind === 0 ? (chains === 1 ? least : 0n) : chains === 1 ? most : maxUint256;
      swaps.push(swap(kind === 0, given, limit, until, named));
    }
    const data = call(vault2.find(({ name }) => name === "batchSwap"), [kind, steps, assets, funds, limits, until]);
    return { to: vault, data, swaps };
  },
  single3() {
    const one = () => {
      const item = pick(vault3.slice(0, 4));
      const pool = address(100 + random(10));
      const [tokenIn, tokenOut] = distinct(2);
      const [given, limit, until] = [amount(), amount(), deadline()];
      const args = [pool, tokenIn, tokenOut, given, limit, until];
      if (item.inputs.length === 8) args.push(random(2) === 1);
      args.push(userData());
      return {
        data: call(item, args),
        swaps: [swap(item.name.endsWith("In"), given, limit, until, [[pool, tokenIn, tokenOut]])],
      };
    };
    if (random(3) !== 0) return { to: router3, ...one() };
    const several = [one(), one(), one()];
    return {
      to: router3,
      data: call(vault3[4], [several.map(({ data }) => data)]),
      swaps: several.flatMap(({ swaps }) => swaps),
    };
  },
};

const lower = (_, value) => (typeof value === "bigint" ? value.toString() : value);
const names = Object.keys(makers);
for (let i = 0; i < Number(count); ++i) {
  const what = names[i % names.length];
  const { value = 0n, ...made } = makers[what]();
  console.log(JSON.stringify({ what, value, ...made }, lower).toLowerCase());
}
