// What viem makes of random inputs, one JSON object a line: its input and what is hashed, signed or
// encoded.
//   node sign_oracle.mjs rlp|legacy|access_list|dynamic_fee|message|execute|0.6|0.7|0.8 COUNT SEED
// Numbers are hexadecimal texts. Edge values come often: zero, the highest, each length at which an
// encoding changes.
import { createHash } from "node:crypto";
import {
  concat, encodeFunctionData, hashMessage, keccak256, numberToHex, parseAbi, serializeTransaction,
  toHex, toRlp,
} from "viem";
import { privateKeyToAccount } from "viem/accounts";
import {
  formatUserOperationRequest, getUserOperationHash, toPackedUserOperation,
} from "viem/account-abstraction";

const [kind, count, seed] = [process.argv[2], Number(process.argv[3]), process.argv[4]];

// Bytes of SHA-256 over a counter.
let pool = Buffer.alloc(0);
let blocks = 0;
function bytes(length) {
  const parts = [pool];
  let have = pool.length;
  while (have < length) {
    const next = createHash("sha256").update(`${kind} ${seed} ${blocks++}`).digest();
    parts.push(next);
    have += next.length;
  }
  const all = Buffer.concat(parts);
  pool = all.subarray(length);
  return all.subarray(0, length);
}
const below = (limit) => bytes(6).readUIntBE(0, 6) % limit;
const one_of = (list) => list[below(list.length)];

const edges = [0n, 1n, 127n, 128n, 255n, 256n, 2n ** 53n, 2n ** 64n - 1n, 2n ** 64n, 2n ** 128n - 1n,
  2n ** 128n, 2n ** 255n, 2n ** 256n - 1n];
function number(bits) {
  const limit = 2n ** BigInt(bits);
  if (below(5) < 2) return one_of(edges.filter((edge) => edge < limit).concat([limit - 1n]));
  return BigInt("0x" + bytes(32).toString("hex")) % 2n ** BigInt(1 + below(bits));
}
const lengths = [0, 0, 1, 2, 31, 32, 33, 55, 56, 57, 255, 256, 257, 1000, 4096];
function data() {
  const length = below(200) === 0 ? 70000 : below(3) === 0 ? below(600) : one_of(lengths);
  if (length === 1) return toHex(Uint8Array.of(one_of([0, 1, 0x7f, 0x80, 0xff])));
  return toHex(bytes(length));
}
const address = () =>
  one_of([() => toHex(bytes(20)), () => toHex(bytes(20)), () => toHex(bytes(20)),
    () => numberToHex(0, { size: 20 }), () => "0x" + "ff".repeat(20)])();
const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
function key() {
  const value = one_of([1n, order - 1n, ...Array(8).fill(0n)]) ||
    (BigInt(toHex(bytes(32))) % (order - 1n)) + 1n;
  return numberToHex(value, { size: 32 });
}
const accounts = Array.from({ length: 16 }, () => key());
const chain = () => one_of([1, 10, 56, 137, 8453, 42161, 31337, 2 ** 31, 2 ** 50, 1 + below(100000)]);
const hex = (value) => numberToHex(value);

function random_rlp(depth) {
  if (below(3) > 0) return depth === 4 || below(40) === 0 ? data() : toHex(bytes(below(60)));
  if (depth === 0) return [];
  return Array.from({ length: one_of([0, 1, 2, 3, 12]) }, () => random_rlp(depth - 1));
}

function access_list() {
  return Array.from({ length: one_of([0, 0, 1, 2, 5]) }, () => ({
    address: address(),
    storageKeys: Array.from({ length: one_of([0, 1, 2, 7]) }, () => toHex(bytes(32))),
  }));
}

async function transaction(type) {
  const private_key = one_of(accounts);
  const account = privateKeyToAccount(private_key);
  const fields = {
    chainId: chain(),
    nonce: number(64) % (2n ** 64n - 1n),
    gas: number(64),
    to: below(6) === 0 ? undefined : address(),
    value: number(256),
    data: data(),
  };
  if (type === "eip1559") {
    fields.maxFeePerGas = number(256);
    fields.maxPriorityFeePerGas = number(256) % (fields.maxFeePerGas + 1n);
  } else {
    fields.gasPrice = number(256);
  }
  if (type !== "legacy") fields.accessList = access_list();
  const signed = await account.signTransaction({ ...fields, type });
  return {
    key: private_key, address: account.address, chain: hex(fields.chainId), nonce: hex(fields.nonce),
    gas: hex(fields.gas), to: fields.to ?? null, value: hex(fields.value), data: fields.data,
    gas_price: hex(fields.gasPrice ?? 0n), max_fee: hex(fields.maxFeePerGas ?? 0n),
    priority: hex(fields.maxPriorityFeePerGas ?? 0n), access_list: fields.accessList ?? [],
    signing_hash: keccak256(serializeTransaction({ ...fields, type })), signed,
    hash: keccak256(signed),
  };
}

async function message() {
  const private_key = one_of(accounts);
  const account = privateKeyToAccount(private_key);
  const raw = data();
  // The body of a request, as relays have it signed.
  const body = JSON.stringify({ jsonrpc: "2.0", id: below(1000), method: "eth_sendBundle",
    params: [{ txs: [raw] }] });
  const relayed = await account.signMessage({ message: keccak256(toHex(Buffer.from(body))) });
  return {
    key: private_key, message: raw, hash: hashMessage({ raw }),
    signature: await account.signMessage({ message: { raw } }), body,
    header: `${account.address}:${relayed}`,
  };
}

const account_abi = parseAbi(["function execute(address dest, uint256 value, bytes func)"]);
function execute() {
  const [target, value, bytes] = [address(), number(256), data()];
  return {
    target, value: hex(value), data: bytes,
    encoded: encodeFunctionData({ abi: account_abi, args: [target, value, bytes] }),
  };
}

async function user_operation(version) {
  const private_key = one_of(accounts);
  const account = privateKeyToAccount(private_key);
  const bits = version === "0.6" ? 256 : 128;
  const delegated = version === "0.8" && below(5) === 0;
  const factory = delegated ? "0x7702" + "00".repeat(18) : below(2) ? address() : null;
  const factory_data = factory ? data() : "0x";
  const paymaster = below(2) ? address() : null;
  const paymaster_data = paymaster ? data() : "0x";
  const plain = {
    sender: address(), nonce: number(256), callData: data(), callGasLimit: number(bits),
    verificationGasLimit: number(bits), preVerificationGas: number(256), maxFeePerGas: number(bits),
    maxPriorityFeePerGas: number(bits), signature: data(),
  };
  const limits = paymaster && version !== "0.6" ? [number(128), number(128)] : [0n, 0n];
  const operation = { ...plain };
  if (version === "0.6") {
    operation.initCode = factory ? concat([factory, factory_data]) : "0x";
    operation.paymasterAndData = paymaster ? concat([paymaster, paymaster_data]) : "0x";
  } else {
    if (factory) [operation.factory, operation.factoryData] = [factory, factory_data];
    if (paymaster) {
      operation.paymaster = paymaster;
      operation.paymasterData = paymaster_data;
      [operation.paymasterVerificationGasLimit, operation.paymasterPostOpGasLimit] = limits;
    }
  }
  const delegate = delegated ? address() : null;
  const chain_id = chain();
  const entry_point = address();
  const hash = getUserOperationHash({
    chainId: chain_id, entryPointAddress: entry_point, entryPointVersion: version,
    userOperation: delegated ? { ...operation, authorization: { address: delegate } } : operation,
  });
  const packed = version === "0.6" || delegated ? null : toPackedUserOperation(operation);
  return {
    key: private_key, chain: hex(chain_id), entry_point, factory, factory_data, paymaster,
    paymaster_data, delegate, limits: limits.map(hex), sender: plain.sender, nonce: hex(plain.nonce),
    call_data: plain.callData, call_gas: hex(plain.callGasLimit),
    verification_gas: hex(plain.verificationGasLimit),
    pre_verification_gas: hex(plain.preVerificationGas), max_fee: hex(plain.maxFeePerGas),
    priority: hex(plain.maxPriorityFeePerGas), user_signature: plain.signature, hash,
    packed: packed && [packed.initCode, packed.accountGasLimits, packed.gasFees,
      packed.paymasterAndData],
    json: formatUserOperationRequest(operation),
    signature: version === "0.8" ? await account.sign({ hash })
      : await account.signMessage({ message: { raw: hash } }),
  };
}

const make = {
  rlp: () => { const item = random_rlp(4); return { item, encoded: toRlp(item) }; },
  legacy: () => transaction("legacy"),
  access_list: () => transaction("eip2930"),
  dynamic_fee: () => transaction("eip1559"),
  message,
  execute,
}[kind] ?? (() => user_operation(kind));

for (let i = 0; i < count; ++i) {
  const line = JSON.stringify(await make()) + "\n";
  if (!process.stdout.write(line)) await new Promise((go) => process.stdout.once("drain", go));
}
