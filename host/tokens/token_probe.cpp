#include "host/tokens/token_probe.hpp"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "gantry/u256_convert.hpp"
#include "host/base/text.hpp"

namespace gantry::host {
namespace {

namespace json = boost::json;

// Makes the calls that its calldata lists, one after the other: a word with whom to call, a word
// with how many bytes, and these. Gives back three words for each: 1 where it did not revert, and
// the first two words of what it returned; a call that returns nothing, as the transfer of some
// tokens, counts as having returned 1 and 0.
//
//       PUSH1 0  PUSH1 0                                   [from out]
// next: JUMPDEST DUP1 CALLDATASIZE GT ISZERO PUSH1 end JUMPI
//       PUSH1 1  DUP3 PUSH1 32 ADD MSTORE                  mem[out+32] = 1
//       DUP1 PUSH1 32 ADD CALLDATALOAD                     [size from out]
//       DUP1 DUP3 PUSH1 64 ADD DUP5 PUSH1 96 ADD CALLDATACOPY
//       PUSH1 64 DUP4 PUSH1 32 ADD DUP3 DUP6 PUSH1 96 ADD PUSH1 0 DUP7 CALLDATALOAD GAS CALL
//       DUP4 MSTORE                                        mem[out] = whether it went well
//       ADD PUSH1 64 ADD SWAP1 PUSH1 96 ADD SWAP1          [from+64+size out+96]
//       PUSH1 next JUMP
// end:  JUMPDEST POP PUSH1 0 RETURN
//
// The word at out+64 holds bytes of an earlier call's data where nothing was returned to it; nobody
// reads it then.
constexpr std::string_view caller_code =
    "0x600060005b8036111560415760018260200152806020013580826040018460600137604083602001828560600160"
    "0"
    "086355af183520160400190606001906004565b506000f3";
// Nobody's: who receives, and makes the calls.
constexpr std::string_view receiver = "0x67616e74727920746f6b656e2070726f62650001";

constexpr std::string_view balance_of = "70a08231";  // balanceOf(address)
constexpr std::string_view transfer = "a9059cbb";    // transfer(address,uint256)

constexpr std::size_t word_digits = 64;

std::string word(const u256& value) {
  const std::string digits = gantry::to_hex(value).substr(2);
  return std::string(word_digits - digits.size(), '0') + digits;
}

std::string word_of(std::string_view address) {
  return std::string(word_digits - (address.size() - 2), '0') + std::string(address.substr(2));
}

// As caller_code reads it.
std::string listed(std::string_view to, const std::string& data) {
  return word_of(to) + word(u256(data.size() / 2)) + data;
}

enum Step : std::size_t {
  holder_before,
  receiver_before,
  out,
  holder_between,
  receiver_between,
  back,
  holder_after,
  receiver_after,
  steps,
};

struct StepAnswer {
  bool went_well = false;
  u256 first;
  u256 second;
};

std::optional<std::array<StepAnswer, steps>> decode(const RpcAnswer& answer) {
  const json::string* text = answer ? answer->if_string() : nullptr;
  if (text == nullptr) return std::nullopt;
  const std::string_view hex(*text);
  if (hex.size() != 2 + steps * 3 * word_digits || !hex.starts_with("0x")) return std::nullopt;
  std::array<StepAnswer, steps> all;
  const auto word_at = [hex](std::size_t index) {
    return parse_hex("0x" + std::string(hex.substr(2 + index * word_digits, word_digits)));
  };
  for (std::size_t i = 0; i < steps; ++i) {
    const auto well = word_at(3 * i);
    const auto first = word_at(3 * i + 1);
    const auto second = word_at(3 * i + 2);
    if (!well || !first || !second) return std::nullopt;
    all[i] = {*well == u256(1), *first, *second};
  }
  return all;
}

std::string of_sent(const u256& arrived, const u256& sent) {
  return fmt::format("of {} sent {} arrive", decimal_text(sent, 0), decimal_text(arrived, 0));
}

u256 half_of(const u256& amount) {
  u256 half;
  static_cast<void>(div_floor(amount, u256(2), half));
  return half;
}

TokenVerdict taxed(std::string reason) { return {TokenConduct::taxed, std::move(reason)}; }

}  // namespace

std::string_view to_string(TokenConduct conduct) {
  switch (conduct) {
    case TokenConduct::plain:
      return "plain";
    case TokenConduct::taxed:
      return "taxed";
    case TokenConduct::refuses:
      return "not tradable";
    case TokenConduct::unknown:
      break;
  }
  return "unknown";
}

u256 probe_amount(const u256& held) {
  u256 amount;
  return div_floor(held, u256(1000), amount) && amount > u256(1) ? amount : u256(0);
}

RpcCall probe_call(const TokenProbe& probe) {
  const std::string token = address_text(probe.token);
  const std::string holder = address_text(probe.holder);
  const std::string held = listed(token, std::string(balance_of) + word_of(holder));
  const std::string received = listed(token, std::string(balance_of) + word_of(receiver));
  const std::string moved_out =
      listed(token, std::string(transfer) + word_of(receiver) + word(probe.amount));
  const std::string moved_back =
      std::string(transfer) + word_of(holder) + word(half_of(probe.amount));
  const std::string data = "0x" + held + received + listed(holder, moved_out) + held + received +
                           listed(token, moved_back) + held + received;
  const json::object code{{"code", caller_code}};
  return {"eth_call",
          {json::object{{"to", receiver}, {"data", data}},
           json::object{{holder, code}, {receiver, code}}}};
}

bool is_tried(const RpcAnswer& answer) { return decode(answer).has_value(); }

TokenVerdict read_probe(const TokenProbe& probe, const RpcAnswer& answer) {
  const auto decoded = decode(answer);
  if (!decoded) {
    return {TokenConduct::unknown,
            answer ? "could not be tried: the node's answer is none"
                   : fmt::format("could not be tried: the node says: {}", answer.error().message)};
  }
  const auto& at = *decoded;
  const auto gained = [&at](Step before, Step after) {
    return wrapping_sub(at[after].first, at[before].first);
  };
  for (const Step step : {holder_before, receiver_before, holder_between, receiver_between,
                          holder_after, receiver_after}) {
    if (!at[step].went_well) return {TokenConduct::refuses, "does not tell balances"};
  }
  const u256& held = at[holder_before].first;
  if (probe.amount > held || probe.amount < u256(2)) {
    return {TokenConduct::unknown, "could not be tried: the pool holds too little of it"};
  }
  // Of the call to the holder: whether the transfer went well, and what it returned.
  if (!at[out].went_well || at[out].first != u256(1) || at[out].second != u256(1)) {
    return {TokenConduct::refuses, "cannot be taken out of the pool"};
  }
  const u256 half = half_of(probe.amount);
  if (at[holder_between].first != wrapping_sub(held, probe.amount)) {
    return taxed("the sender loses more or less than what is sent");
  }
  if (at[receiver_between].first != wrapping_add(at[receiver_before].first, probe.amount)) {
    return taxed(of_sent(gained(receiver_before, receiver_between), probe.amount));
  }
  if (!at[back].went_well || at[back].first != u256(1)) {
    return {TokenConduct::refuses, "can be bought and not be sold"};
  }
  if (at[holder_after].first != wrapping_add(at[holder_between].first, half)) {
    return taxed(of_sent(gained(holder_between, holder_after), half) + " when it is sold");
  }
  if (at[receiver_after].first != wrapping_sub(at[receiver_between].first, half)) {
    return taxed("who sells it loses more or less than what is sent");
  }
  return {TokenConduct::plain, ""};
}

}  // namespace gantry::host
