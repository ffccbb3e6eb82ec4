#include "host/market/legs.hpp"

#include <algorithm>

namespace gantry::host {

u256 LegBalances::of(std::uint32_t token) const noexcept {
  for (std::size_t i = 0; i < count_; ++i) {
    if (all_[i].token == token) return all_[i].amount;
  }
  return u256();
}

bool LegBalances::take(std::uint32_t token, const u256& amount) noexcept {
  for (std::size_t i = 0; i < count_; ++i) {
    if (all_[i].token != token) continue;
    if (!sub(all_[i].amount, amount, all_[i].amount)) return false;
    used_up_ = used_up_ || (token == first_ && all_[i].amount.is_zero());
    return true;
  }
  return amount.is_zero();
}

bool LegBalances::put(std::uint32_t token, const u256& amount) noexcept {
  for (std::size_t i = 0; i < count_; ++i) {
    if (all_[i].token == token) return add(all_[i].amount, amount, all_[i].amount);
  }
  if (count_ == all_.size()) return false;
  all_[count_++] = {token, amount};
  return true;
}

bool LegBalances::end_in(std::uint32_t token, const u256& amount) const noexcept {
  return used_up_ && of(token) == amount &&
         std::all_of(all_.begin(), all_.begin() + static_cast<std::ptrdiff_t>(count_),
                     [token](const Balance& balance) {
                       return balance.token == token || balance.amount.is_zero();
                     });
}

bool next_takes_it(const gantry_opportunity& o, std::uint32_t leg) noexcept {
  return leg + 1 < o.leg_count && o.legs[leg + 1].hop.token_in == o.legs[leg].hop.token_out &&
         u256(o.legs[leg + 1].amount_in) == u256(o.legs[leg].amount_out);
}

std::optional<gantry_opportunity> with_amount_in(const MarketView& view,
                                                 const gantry_opportunity& opportunity,
                                                 const u256& amount_in) {
  gantry_opportunity out = opportunity;
  out.amount_in = amount_in;
  LegBalances planned(out.token_in, u256(opportunity.amount_in));
  LegBalances now(out.token_in, amount_in);
  std::uint64_t gas = 0;
  for (std::uint32_t i = 0; i < out.leg_count; ++i) {
    const gantry_leg& as_planned = opportunity.legs[i];
    gantry_leg& leg = out.legs[i];
    const std::uint32_t token = leg.hop.token_in;
    u256 amount;
    if (!mul_div_floor(now.of(token), u256(as_planned.amount_in), planned.of(token), amount)) {
      return std::nullopt;
    }
    leg.amount_in = amount;
    // The legs before are quoted again: what they leave of a pool is in no overlay that lasts.
    if (amount.is_zero() || view.quote_legs({out.legs, i + 1}, gas) != GANTRY_OK ||
        !planned.take(token, u256(as_planned.amount_in)) || !now.take(token, amount) ||
        !planned.put(leg.hop.token_out, u256(as_planned.amount_out)) ||
        !now.put(leg.hop.token_out, u256(leg.amount_out))) {
      return std::nullopt;
    }
  }
  const u256 amount_out = now.of(out.token_out);
  if (!now.end_in(out.token_out, amount_out)) return std::nullopt;
  out.amount_out = amount_out;
  return out;
}

}  // namespace gantry::host
