#include "host/submit/fees.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "host/base/text.hpp"

namespace gantry::host {
namespace {

constexpr std::uint32_t gwei_decimals = 9;

// At most a million gwei: far below 2^53 wei.
u256 wei_of_gwei(double gwei) { return u256(static_cast<std::uint64_t>(std::llround(gwei * 1e9))); }

std::string gwei_text(const u256& wei) { return decimal_text(wei, gwei_decimals) + " gwei"; }

// False: it has more than 256 bits.
bool eighth_more(const u256& fee, u256& out) {
  u256 more;
  if (!mul_div_ceil(fee, u256(9), u256(8), more)) return false;
  out = std::max(more, wrapping_add(fee, u256(1)));
  return out > fee;
}

}  // namespace

u256 fee_bound(const ExecutionSettings& settings) { return wei_of_gwei(settings.max_fee_gwei); }

Result<Fees> fees_for(const u256& base_fee, const ExecutionSettings& settings) {
  const u256 bound = fee_bound(settings);
  if (base_fee > bound) {
    return fail(ErrorKind::limit,
                fmt::format("the chain's base fee is {}, and max_fee_gwei allows {}: nothing is "
                            "sent until it falls, or the bound is raised",
                            gwei_text(base_fee), gwei_text(bound)));
  }
  const u256 priority = wei_of_gwei(settings.max_priority_fee_gwei);
  // None of these is near 2^256: each is at most the bound.
  const u256 wanted = wrapping_add(wrapping_add(base_fee, base_fee), priority);
  Fees fees{.max_fee = std::min(wanted, bound), .priority = {}};
  fees.priority = std::min(priority, fees.max_fee);
  return fees;
}

Result<Fees> bumped(const Fees& fees, const u256& bound) {
  Fees more;
  if (!eighth_more(fees.max_fee, more.max_fee) || !eighth_more(fees.priority, more.priority) ||
      more.max_fee > bound) {
    return fail(ErrorKind::limit,
                fmt::format("a replacement has to offer an eighth more than {}, and max_fee_gwei "
                            "allows {}",
                            gwei_text(fees.max_fee), gwei_text(bound)));
  }
  return more;
}

}  // namespace gantry::host
