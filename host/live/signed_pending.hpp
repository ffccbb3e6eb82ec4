// The signed bytes of a transaction that waits, made again from its fields as a node tells them:
// what a bundle needs of somebody else's transaction. No request is needed for them, and no word is
// believed: bytes that do not hash to the transaction's own hash are none.
//
// SOURCE   "Transaction" of Ethereum's execution APIs: the fields; EIP-155, EIP-2930 and EIP-1559.
// THREADS  [any thread]
#pragma once
#include <boost/json.hpp>
#include <cstdint>
#include <vector>

#include "host/base/result.hpp"
#include "host/sign/transaction.hpp"

namespace gantry::host {

// Of an object as eth_getTransactionByHash gives it. Fails with `format`, without a subject: no
// type 0, 1 or 2, a field or the signature is missing or none, or it hashes to something else.
Result<std::vector<std::uint8_t>> signed_bytes_of(const boost::json::value& body);

// One that was read whole.
struct SignedPending {
  std::vector<std::uint8_t> bytes;
  sign::Transaction transaction;
  sign::EvmAddress from{};  // by its signature
};
// Fails with `format`.
Result<SignedPending> read_signed(std::vector<std::uint8_t> bytes, const sign::Curve& curve);

}  // namespace gantry::host
