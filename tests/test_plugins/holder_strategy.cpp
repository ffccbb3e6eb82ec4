// Buys a token with its base when it holds none, and sells what it holds, in parts, when it has
// held it long enough. It knows what it holds from the host alone.
#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "gantry/positions.h"
#include "gantry/strategy.hpp"
#include "gantry/u256.hpp"
#include "gantry/u256_convert.hpp"

namespace {

using namespace gantry;

std::optional<gantry_address> address_of(std::string_view text) {
  gantry_address out{};
  out.kind = GANTRY_ADDRESS_EVM;
  out.length = 20;
  if (text.size() != 42) return std::nullopt;
  for (std::size_t i = 2; i < text.size(); ++i) {
    const char c = text[i];
    const int digit = c >= '0' && c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
    out.bytes[i / 2 - 1] = static_cast<std::uint8_t>(out.bytes[i / 2 - 1] * 16 + digit);
  }
  return out;
}

class HolderStrategy final : public TradingStrategy {
 public:
  HolderStrategy(Host host, const Config& config)
      : host_(host),
        positions_(
            static_cast<const gantry_positions_draft_v1*>(host.service(GANTRY_POSITIONS_DRAFT_ID))),
        base_address_(address_of(config.string("base"))),
        token_address_(address_of(config.string("token"))),
        amount_(parse_decimal(std::string(config.string("amount"))).value_or(u256())),
        hold_s_(static_cast<std::uint64_t>(config.integer("hold_s"))),
        parts_(static_cast<std::uint64_t>(config.integer("parts"))),
        profit_bps_(static_cast<double>(config.integer("profit_bps"))) {}

  gantry_status find(const Market& market, OpportunitySink sink) override {
    std::uint32_t base = 0;
    std::uint32_t token = 0;
    const gantry_market& raw = market.raw();
    if (positions_ == nullptr || !base_address_ || !token_address_ ||
        raw.services->find_token(&raw, &*base_address_, &base) != GANTRY_OK ||
        raw.services->find_token(&raw, &*token_address_, &token) != GANTRY_OK) {
      return GANTRY_OK;
    }
    std::array<gantry_position, 4> held;
    std::uint32_t count = 0;
    const auto known = positions_->list(&raw, held.data(), held.size(), &count);
    host_.count(known == GANTRY_OK ? "snapshots with " + std::to_string(count) + " positions"
                                   : "snapshots without word",
                1);
    if (known != GANTRY_OK || market.snapshot() < emitted_at_ + patience) return GANTRY_OK;
    if (count == 0) {
      part_ = u256();
      return emit(market, sink, base, token, amount_);
    }
    if (raw.context->state_time_s < held[0].since_s + hold_s_) return GANTRY_OK;
    const u256 quantity(held[0].quantity);
    if (part_.is_zero() && !mul_div_ceil(quantity, u256(1), u256(parts_), part_)) return GANTRY_OK;
    return emit(market, sink, held[0].token, held[0].base, std::min(part_, quantity));
  }

  gantry_status size(const Market&, const gantry_opportunity&, const gantry_sizing_limits&,
                     gantry_opportunity&) override {
    return GANTRY_UNSUPPORTED;
  }

  gantry_status on_result(const gantry_result& result) override {
    const char* kind = result.kind == GANTRY_RESULT_PLANNED   ? "planned"
                       : result.kind == GANTRY_RESULT_REFUSED ? "refused"
                       : result.kind == GANTRY_RESULT_FILLED  ? "filled"
                                                              : "failed";
    const bool is_hosts = result.key >> 32U == 0xffffffffU;
    host_.count(std::string(is_hosts ? "the host's " : "own ") + kind, 1);
    return GANTRY_OK;
  }

 private:
  // Snapshots until it is told what became of a trade of a dry run.
  static constexpr std::uint64_t patience = 3;

  // Through the pool that pays the most.
  gantry_status emit(const Market& market, OpportunitySink sink, std::uint32_t in,
                     std::uint32_t out, const u256& amount) {
    emitted_at_ = market.snapshot();
    gantry_opportunity o{};
    const gantry_market& raw = market.raw();
    for (std::uint32_t pool = 0; pool < market.pool_count(); ++pool) {
      const gantry_hop hop{pool, in, out, 0};
      gantry_route_quote quote{};
      if (market.quote_route({&hop, 1}, amount, quote) != GANTRY_OK ||
          u256(quote.amount_out) <= u256(o.amount_out)) {
        continue;
      }
      o.amount_out = quote.amount_out;
      o.gas = quote.gas;
      o.legs[0] = {hop, amount, quote.amount_out};
    }
    if (u256(o.amount_out).is_zero()) return GANTRY_OK;
    o.key = (static_cast<std::uint64_t>(in) << 16U) | out;
    o.kind = GANTRY_OPPORTUNITY_POSITION;
    o.leg_count = 1;
    o.token_in = in;
    o.token_out = out;
    o.amount_in = amount;
    o.block = raw.context->state_block;
    o.valid_until_block = raw.context->state_block + 2;
    o.expected_profit_bps = profit_bps_;
    o.confidence = 1;
    sink.emit(o);
    return GANTRY_OK;
  }

  Host host_;
  const gantry_positions_draft_v1* positions_;
  std::optional<gantry_address> base_address_;
  std::optional<gantry_address> token_address_;
  u256 amount_;
  std::uint64_t hold_s_;
  std::uint64_t parts_;
  double profit_bps_;
  u256 part_;
  std::uint64_t emitted_at_ = 0;
};

}  // namespace

GANTRY_PLUGIN(HolderStrategy);
