// Reads descriptions of executor runs, one JSON object a line, and prints the calldata of each, as
// viem's encoders make it of the description in docs/executor.md.
//   node encode_programs.mjs FILE
import { readFileSync } from "node:fs";

const abi = new URL("node_modules/viem/_esm/utils/abi/", import.meta.url);
const { encodePacked } = await import(new URL("encodePacked.js", abi));
const { encodeAbiParameters } = await import(new URL("encodeAbiParameters.js", abi));
const { keccak256 } = await import(new URL("../hash/keccak256.js", abi));
const artefact = new URL("../../contracts/Executor.json", import.meta.url);
const { inputs } = JSON.parse(readFileSync(artefact, "utf8")).abi.find(({ name }) => name === "run");
const signature = "run(uint256,(address,int256,uint8)[],bytes)";
const selector = keccak256(new TextEncoder().encode(signature)).slice(0, 10);

const packed = (fields) =>
  encodePacked(
    fields.map(([type]) => type),
    fields.map(([, value]) => value),
  ).slice(2);
const bytes = (hex) => (hex.length - 2) / 2;

const literal = (number) => {
  const digits = BigInt(number) === 0n ? "" : BigInt(number).toString(16);
  const hex = `0x${digits.length % 2 ? "0" : ""}${digits}`;
  return [["uint8", bytes(hex)], ["bytes", hex]];
};
const sources = ["literal", "balance", "returned", "called_with"];
const amount = (terms) =>
  (terms.length ? terms : [{ source: "literal", number: "0x0" }])
    .map((term, i) => {
      const head =
        sources.indexOf(term.source) +
        (term.share === undefined ? 0 : 16) +
        (term.subtracted ? 32 : 0) +
        (term.negated ? 64 : 0) +
        (i + 1 < terms.length ? 128 : 0);
      const fields = [["uint8", head]];
      if (term.source === "literal") fields.push(...literal(term.number));
      else if (term.source === "balance") fields.push(["address", term.token]);
      else fields.push(["uint16", term.offset]);
      if (term.share !== undefined) fields.push(["uint32", term.share]);
      return packed(fields);
    })
    .join("");

const steps = {
  call({ target, value, approval, callback, data, patches }) {
    const flags =
      (value.length ? 1 : 0) +
      (approval ? 2 : 0) +
      (approval?.spender ? 4 : 0) +
      (callback ? 8 : 0) +
      (callback?.caller ? 16 : 0) +
      (callback?.kept ? 32 : 0) +
      (patches.length ? 64 : 0);
    let out = packed([["uint8", 1], ["uint8", flags], ["address", target]]);
    if (value.length) out += amount(value);
    if (approval) {
      out += packed([["address", approval.token]]);
      if (approval.spender) out += packed([["address", approval.spender]]);
      out += amount(approval.amount);
    }
    if (callback) {
      const { caller, selector, times, kept, program } = callback;
      if (caller) out += packed([["address", caller]]);
      out += packed([["bytes4", selector], ["uint8", times]]);
      const size = ["uint24", bytes(program)];
      out += packed(
        kept
          ? [size, ["bytes", program]]
          : [["uint24", callback.calldata_offset], ["uint24", callback.data_offset], size],
      );
    }
    out += packed([["uint24", bytes(data)], ["bytes", data]]);
    if (patches.length) out += packed([["uint8", patches.length]]);
    for (const patch of patches) out += packed([["uint24", patch.offset]]) + amount(patch.amount);
    return out;
  },
  payment: ({ token, to, amount: terms }) =>
    packed([["uint8", 2], ["address", token], ["address", to]]) + amount(terms),
  answer: ({ data }) => packed([["uint8", 3], ["uint16", bytes(data)], ["bytes", data]]),
};

for (const line of readFileSync(process.argv[2], "utf8").trim().split("\n")) {
  const run = JSON.parse(line);
  const program = `0x${run.steps.map((step) => steps[step.kind](step)).join("")}`;
  const settlements = run.settlements.map(({ token, least, settle }) => ({
    token,
    least: BigInt(least),
    settle,
  }));
  const args = [BigInt(run.deadline), settlements, program];
  process.stdout.write(`${selector}${encodeAbiParameters(inputs, args).slice(2)}\n`);
}
