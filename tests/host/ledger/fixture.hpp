// A ledger in a folder of its own, and trades to put into it.
#pragma once
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "host/ledger/ledger.hpp"
#include "host/ledger/verify.hpp"
#include "support/temporary_folder.hpp"

namespace gantry::host::ledger::test {

inline constexpr std::int64_t day_0_s = 1'600'000'000 / 86'400 * 86'400;  // midnight

template <class T>
T value_of(Result<T> result) {
  if (!result) FAIL(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}
template <class T>
T value_of(Pending<T> pending) {
  return value_of(pending.get());
}
template <class T>
Error error_of(Result<T> result) {
  if (result) FAIL("it succeeded");
  return result.error();
}
template <class T>
Error error_of(Pending<T> pending) {
  return error_of(pending.get());
}
inline bool has(const std::string& text, std::string_view part) {
  INFO(text << " -- has no -- " << part);
  CHECK(text.find(part) != std::string::npos);
  return text.find(part) != std::string::npos;
}

inline Lane lane(std::string_view last_digit = "1") {
  return {"eip155:1", fmt::format("0x{:0>40}", last_digit), "", {}};
}

inline Hash hash_of_number(std::uint64_t number) {
  Hash hash{};
  hash[0] = 0xab;
  for (std::size_t i = 0; i < 8; ++i) hash[31 - i] = static_cast<std::uint8_t>(number >> (8 * i));
  return hash;
}

inline Intent intent(const std::string& key, const std::string& strategy = "triangular") {
  Intent out;
  out.key = key;
  out.strategy = strategy;
  out.token_in = "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2";
  out.token_out = out.token_in;
  out.route = {{"uniswap_v2", "0x01", out.token_in, "0x0a"},
               {"sushiswap", "0x02", "0x0a", "0x0b"},
               {"uniswap_v2", "0x03", "0x0b", out.token_in}};
  out.amount_in = u256::max();
  out.planned_out = u256(1'000'000'007);
  out.min_profit = u256(5);
  out.block = 100;
  out.last_block = 102;
  return out;
}

inline Attempt attempt(std::uint64_t number) {
  Attempt out;
  out.destination = "relay";
  out.max_fee = u256(30'000'000'000);
  out.priority_fee = u256(1'000'000'000);
  out.bytes = {0x02, 0xf8, static_cast<std::uint8_t>(number),
               static_cast<std::uint8_t>(number >> 8U)};
  out.hash = hash_of_number(number);
  return out;
}

inline Receipt receipt(bool success = true, std::int64_t days = 0) {
  return {success,
          101,
          hash_of_number(101),
          day_0_s + days * 86'400 + 13,
          200'000,
          u256(20'000'000'000),
          u256()};
}

inline SignedAmount amount(std::int64_t number) {
  return parse_signed(fmt::to_string(number)).value();
}

// 0.01 of the coin before 0.004 of costs, at 2000 dollars: 12 dollars.
inline Realised realised(std::int64_t value_wei = 10'000'000'000'000'000) {
  Realised out;
  out.token = "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2";
  out.profit = amount(value_wei);
  out.value_wei = amount(value_wei);
  out.cost_wei = u256(4'000'000'000'000'000);
  out.price = CoinPrice{2'000'000'000, "median of 3 pools", 4'000};
  out.balance_before = u256(7);
  out.balance_after = u256(9);
  return out;
}

class Desk {
 public:
  Desk() { open(); }

  std::filesystem::path path() const { return folder / "ledger.sqlite"; }
  void close() { ledger.reset(); }
  void open() {
    close();
    ledger = value_of(Ledger::open(path()));
    value_of(ledger->observe_nonce(lane(), 0));
  }
  // An intent with one attempt, recorded.
  AttemptId record(const std::string& key, const std::string& strategy = "triangular") {
    return value_of(ledger->record(intent(key, strategy), value_of(ledger->reserve(lane())),
                                   attempt(++attempts_)));
  }
  // One that went well.
  AttemptId trade(const std::string& key, const std::string& strategy = "triangular",
                  std::int64_t days = 0) {
    const AttemptId id = record(key, strategy);
    value_of(ledger->submitted(id, "relay"));
    value_of(ledger->result(id, receipt(true, days), realised()));
    return id;
  }
  State state(IntentId id) const { return value_of(ledger->intent(id)).state; }
  Verification verified() const { return value_of(verify(path())); }
  void check_whole() const {
    const Verification found = verified();
    for (const Finding& each : found.findings) FAIL_CHECK("row " << each.row << " " << each.what);
    CHECK(found.proven == found.rows);
  }

  gantry::test::TemporaryFolder folder;
  std::unique_ptr<Ledger> ledger;

 private:
  std::uint64_t attempts_ = 0;
};

}  // namespace gantry::host::ledger::test
