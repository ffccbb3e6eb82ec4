#include "host/ledger/records.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <limits>

namespace gantry::host::ledger {
namespace {

struct NamedText {
  std::string_view name;
  const std::string& text;
  bool may_be_empty = false;
};

std::unexpected<Error> wrong(std::string_view what, std::string_view name, std::string_view why) {
  return fail(ErrorKind::usage, fmt::format("the {} cannot be recorded: {} {}", what, name, why));
}

Status check_texts(std::string_view what, std::initializer_list<NamedText> texts) {
  for (const NamedText& each : texts) {
    if (each.text.empty() && !each.may_be_empty) return wrong(what, each.name, "is empty");
    if (each.text.size() > text_bytes_max) {
      return wrong(what, each.name, fmt::format("has more than {} bytes", text_bytes_max));
    }
    // Printable ASCII: what is signed has one spelling, and a terminal may show it.
    if (!std::ranges::all_of(each.text, [](char c) { return c >= 0x20 && c < 0x7f; })) {
      return wrong(what, each.name, "has a character that is no printable ASCII");
    }
  }
  return {};
}

bool is_evm_address(std::string_view text) {
  return text.size() == 42 && text.starts_with("0x") &&
         text.find_first_not_of("0123456789abcdef", 2) == std::string_view::npos;
}

bool fits_i64(std::uint64_t number) {
  return number <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
}

}  // namespace

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::transaction:
      return "transaction";
    case Kind::bundle:
      return "bundle";
    case Kind::user_operation:
      return "user_operation";
  }
  return "unknown";
}

Status check(const Lane& lane) {
  if (auto done = check_texts("nonce", {{"the chain", lane.chain}}); !done) return done;
  if (!is_evm_address(lane.sender)) {
    return wrong("nonce", "the sender", "is no address: 0x and 40 lower-case digits");
  }
  if (!lane.entry_point.empty() && !is_evm_address(lane.entry_point)) {
    return wrong("nonce", "the entry point", "is no address: 0x and 40 lower-case digits");
  }
  if (lane.entry_point.empty() && lane.key != decltype(lane.key){}) {
    return wrong("nonce", "the key", "is of user operations alone");
  }
  return {};
}

Status check(const Intent& intent, const Lane& lane) {
  if (auto done = check(lane); !done) return done;
  if (auto done = check_texts("intent", {{"the key", intent.key},
                                         {"the strategy", intent.strategy},
                                         {"the coin", intent.coin},
                                         {"the token in", intent.token_in},
                                         {"the token out", intent.token_out}});
      !done) {
    return done;
  }
  if (intent.route.empty() || intent.route.size() > route_legs_max) {
    return wrong("intent", "the route", fmt::format("has not 1 to {} legs", route_legs_max));
  }
  for (const Leg& leg : intent.route) {
    if (auto done = check_texts("intent", {{"a leg's venue", leg.venue},
                                           {"a leg's pool", leg.pool},
                                           {"a leg's token in", leg.token_in},
                                           {"a leg's token out", leg.token_out}});
        !done) {
      return done;
    }
  }
  const bool operation = intent.kind == Kind::user_operation;
  if (operation == lane.entry_point.empty()) {
    return wrong("intent", "the nonce",
                 operation ? "is not of an entry point" : "is of an entry point");
  }
  if (!fits_i64(intent.block) || !fits_i64(intent.last_block)) {
    return wrong("intent", "a block", "is above 2^63 - 1");
  }
  return {};
}

Status check(const Attempt& attempt) {
  if (auto done = check_texts("attempt", {{"the payer", attempt.payer},
                                          {"the destination", attempt.destination, true}});
      !done) {
    return done;
  }
  if (attempt.endpoint.size() > endpoint_bytes_max) {
    return wrong("attempt", "the endpoint",
                 fmt::format("has more than {} bytes", endpoint_bytes_max));
  }
  if (attempt.bytes.empty() || attempt.bytes.size() > signed_bytes_max) {
    return wrong("attempt", "what was signed",
                 fmt::format("has not 1 to {} bytes", signed_bytes_max));
  }
  if (attempt.hash == Hash{}) return wrong("attempt", "the hash", "is zero");
  return {};
}

Status check(const Receipt& receipt) {
  if (!fits_i64(receipt.block) || !fits_i64(receipt.gas_used)) {
    return wrong("result", "the block or the gas used", "is above 2^63 - 1");
  }
  constexpr std::int64_t year_9999_s = 253'402'300'799;
  if (receipt.block_time_s < 0 || receipt.block_time_s > year_9999_s) {
    return wrong("result", "the block's time", "is none");
  }
  return {};
}

Status check(const Realised& realised) {
  if (auto done = check_texts("result", {{"the token", realised.token}}); !done) return done;
  if (realised.price) {
    if (auto done = check_texts("result", {{"the price's source", realised.price->source}});
        !done) {
      return done;
    }
    if (realised.price->usd_e6 == 0 || !fits_i64(realised.price->usd_e6) ||
        realised.price->age_ms < 0) {
      return wrong("result", "the price", "is none: leave it out where the coin has no price");
    }
  }
  if (realised.exchange &&
      (realised.exchange->spent.is_zero() || realised.exchange->received.is_zero())) {
    return wrong("result", "the exchange", "is none: nothing was spent, or nothing came");
  }
  const auto net = net_wei(realised);
  if (!net) return std::unexpected(net.error());
  if (!realised.price) return {};
  const auto usd = usd_e6_of(*net, *realised.price);
  if (!usd) return std::unexpected(usd.error());
  return {};
}

Result<SignedAmount> net_wei(const Realised& realised) {
  SignedAmount net;
  if (!less(realised.value_wei, realised.cost_wei, net)) {
    return fail(ErrorKind::limit,
                "the result cannot be recorded: its profit in wei is beyond 2^255");
  }
  return net;
}

Result<std::int64_t> usd_e6_of(const SignedAmount& wei, const CoinPrice& price) {
  constexpr std::uint64_t wei_per_coin = 1'000'000'000'000'000'000U;
  const auto rounded = wei.is_negative() ? mul_div_ceil : mul_div_floor;
  u256 usd;
  if (!rounded(wei.magnitude(), u256(price.usd_e6), u256(wei_per_coin), usd) || !usd.fits_u64() ||
      !fits_i64(usd.limb(0))) {
    return fail(ErrorKind::limit,
                "the result cannot be recorded: its profit in dollars is beyond 9.2e12");
  }
  const auto number = static_cast<std::int64_t>(usd.limb(0));
  return wei.is_negative() ? -number : number;
}

}  // namespace gantry::host::ledger
