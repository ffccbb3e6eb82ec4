#include "host/risk/positions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <sstream>

#include "gantry/u256_convert.hpp"
#include "host/base/text.hpp"
#include "host/market/topology.hpp"
#include "host/risk/amounts.hpp"

namespace gantry::host {

namespace {

// whole * part / of, rounded up, and at the most all of it.
u256 share_of_cost(const u256& whole, const u256& part, const u256& of) {
  u256 out;
  if (part >= of || !mul_div_ceil(whole, part, of, out)) return whole;
  return std::min(out, whole);
}

}  // namespace

PositionClosed cost_of(const Position& position, const u256& quantity) {
  return {share_of_cost(position.cost, quantity, position.quantity),
          share_of_cost(position.cost_wei, quantity, position.quantity)};
}

Position* Positions::find(std::string_view strategy, const gantry_address& base,
                          const gantry_address& token) {
  const AddressEqual same;
  const auto found = std::ranges::find_if(all_, [&](const Position& each) {
    return each.strategy == strategy && same(each.base, base) && same(each.token, token);
  });
  return found == all_.end() ? nullptr : &*found;
}

const Position* Positions::closed_by(std::string_view strategy, const gantry_address& token_in,
                                     const gantry_address& token_out) const {
  return const_cast<Positions*>(this)->find(strategy, token_out, token_in);
}

u256 Positions::held(const gantry_address& token) const {
  u256 sum;
  for (const Position& each : all_) {
    if (AddressEqual{}(each.token, token)) sum = sum_of(sum, each.quantity);
  }
  return sum;
}

std::optional<PositionClosed> Positions::apply(const OneWayTrade& trade) {
  if (Position* known = find(trade.strategy, trade.token_out, trade.token_in)) {
    const PositionClosed closed = cost_of(*known, trade.amount_in);
    known->quantity = excess(known->quantity, trade.amount_in);
    known->cost = excess(known->cost, closed.cost);
    known->cost_wei = excess(known->cost_wei, closed.cost_wei);
    if (known->quantity.is_zero()) all_.erase(all_.begin() + (known - all_.data()));
    return closed;
  }
  Position* known = find(trade.strategy, trade.token_in, trade.token_out);
  Position& position = known != nullptr
                           ? *known
                           : all_.emplace_back(trade.strategy, trade.token_in, trade.token_out,
                                               u256(), u256(), u256(), trade.time_s);
  position.quantity = sum_of(position.quantity, trade.amount_out);
  position.cost = sum_of(position.cost, trade.amount_in);
  position.cost_wei = sum_of(position.cost_wei, trade.worth_wei);
  return std::nullopt;
}

std::string Positions::text() const {
  std::string out;
  for (const Position& each : all_) {
    const auto* name = reinterpret_cast<const std::uint8_t*>(each.strategy.data());
    out += fmt::format("{} {} {} {} {} {} {}\n", hex_text({name, each.strategy.size()}),
                       address_text(each.base), address_text(each.token), to_string(each.quantity),
                       to_string(each.cost), to_string(each.cost_wei), each.since_s);
  }
  return out;
}

Result<Positions> Positions::parse(std::string_view text) {
  Positions out;
  std::istringstream lines{std::string(text)};
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string name;
    std::string base;
    std::string token;
    std::array<std::string, 3> amounts;
    Position each;
    std::string more;
    const auto whole = static_cast<bool>(words >> name >> base >> token >> amounts[0] >>
                                         amounts[1] >> amounts[2] >> each.since_s);
    const auto strategy = bytes_of_hex(name);
    const auto quantity = parse_decimal(amounts[0]);
    const auto cost = parse_decimal(amounts[1]);
    const auto cost_wei = parse_decimal(amounts[2]);
    const auto of_base = parse_evm_address(base);
    const auto of_token = parse_evm_address(token);
    if (!whole || words >> more || !strategy || strategy->empty() || !of_base || !of_token ||
        !quantity || !cost || !cost_wei || quantity->is_zero()) {
      return fail(ErrorKind::format, fmt::format("a position that is none: {}", line));
    }
    each.strategy.assign(strategy->begin(), strategy->end());
    each.base = *of_base;
    each.token = *of_token;
    each.quantity = *quantity;
    each.cost = *cost;
    each.cost_wei = *cost_wei;
    out.all_.push_back(std::move(each));
  }
  return out;
}

}  // namespace gantry::host
