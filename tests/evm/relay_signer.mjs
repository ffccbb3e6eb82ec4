// Who signed a relay's request, by viem: prints the address that its header X-Flashbots-Signature
// recovers to.
//   node relay_signer.mjs BODY_IN_HEX HEADER
import { keccak256, recoverMessageAddress } from "viem";

const [body, header] = process.argv.slice(2);
const signature = header.slice(header.indexOf(":") + 1);
// A text, so that its characters are signed, and not the bytes that they stand for.
console.log(await recoverMessageAddress({ message: keccak256(body), signature }));
