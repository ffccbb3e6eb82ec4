// Keys, transactions and texts that the tests of host/sign share.
#pragma once
#include <catch2/catch.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/u256_convert.hpp"
#include "host/base/text.hpp"
#include "host/sign/keystore.hpp"
#include "host/sign/signer.hpp"

namespace gantry::host::test {

inline std::vector<std::uint8_t> bytes(std::string_view hex) {
  auto out = bytes_of_hex(hex);
  REQUIRE(out.has_value());
  return std::move(*out);
}
inline sign::EvmAddress address(std::string_view hex) {
  const auto all = bytes(hex);
  sign::EvmAddress out;
  REQUIRE(all.size() == out.size());
  std::copy(all.begin(), all.end(), out.begin());
  return out;
}
inline Hash32 hash(std::string_view hex) {
  const auto all = bytes(hex);
  Hash32 out;
  REQUIRE(all.size() == out.size());
  std::copy(all.begin(), all.end(), out.begin());
  return out;
}
inline sign::SecretBytes secret(std::string_view hex) {
  const auto all = bytes(hex);
  return {all.begin(), all.end()};
}

inline sign::Curve curve() { return sign::Curve::make(system_random()).value(); }

inline constexpr std::string_view some_key =
    "0x4646464646464646464646464646464646464646464646464646464646464646";
inline constexpr std::string_view some_address = "0x9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f";
inline constexpr std::string_view another_key =
    "0x4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318";

inline std::unique_ptr<sign::Signer> signer_of(std::string_view key) {
  return sign::make_local_signer(secret(key), curve()).value();
}

inline sign::Transaction some_transaction(sign::TransactionType type) {
  sign::Transaction out;
  out.type = type;
  out.chain_id = 1;
  out.nonce = 7;
  out.gas_limit = 210'000;
  out.to = address("0x7a250d5630b4cf539739df2c5dacb4c659f2488d");
  out.value = u256(1'000'000'000'000'000'000U);
  out.data = bytes("0x38ed1739000000000000000000000000000000000000000000000000000000000000002a");
  if (type == sign::TransactionType::dynamic_fee) {
    out.max_fee = u256(40'000'000'000U);
    out.max_priority_fee = u256(1'000'000'000U);
  } else {
    out.gas_price = u256(30'000'000'000U);
  }
  if (type != sign::TransactionType::legacy) {
    out.access_list = {{*out.to, {Hash32{1}, Hash32{2}}}, {sign::EvmAddress{9}, {}}};
  }
  return out;
}

inline std::vector<std::uint8_t> signed_by(sign::Signer& signer,
                                           const sign::Transaction& transaction) {
  std::vector<std::uint8_t> buffer(sign::TransactionEncoder::buffer_size(transaction));
  const auto made = signer.sign(transaction, buffer);
  REQUIRE(made.has_value());
  return {made->bytes.begin(), made->bytes.end()};
}

}  // namespace gantry::host::test
