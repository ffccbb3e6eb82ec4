#include "host/market/outside_prices.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "host/market/event_bytes.hpp"
#include "host/market/pending_rules.hpp"

namespace gantry::host {
namespace {

constexpr std::size_t source_bytes = sizeof(gantry_outside_price::source);
// token, quote, bid, ask, time, source
constexpr std::size_t price_bytes = 2 * pending_account_bytes + 3 * 8 + source_bytes;

bool is_price(double value) { return std::isfinite(value) && value > 0; }

}  // namespace

bool makes_sense(const OutsidePrice& price) noexcept {
  const auto printable = [](char c) { return c >= 0x20 && c <= 0x7e; };
  return is_account(price.token) && is_account(price.quote) &&
         !AddressEqual{}(price.token, price.quote) && is_price(price.bid) && is_price(price.ask) &&
         price.bid <= price.ask && price.time_ms != 0 && !price.source.empty() &&
         price.source.size() < source_bytes && std::ranges::all_of(price.source, printable);
}

recording::Bytes encode(const OutsidePrice& price) {
  EventWriter out(price_bytes);
  out.account(price.token);
  out.account(price.quote);
  out.word(std::bit_cast<std::uint64_t>(price.bid));
  out.word(std::bit_cast<std::uint64_t>(price.ask));
  out.word(price.time_ms);
  out.raw({reinterpret_cast<const std::uint8_t*>(price.source.data()), price.source.size()});
  recording::Bytes bytes = out.take();
  bytes.resize(price_bytes);
  return bytes;
}

std::optional<OutsidePrice> decode_price(const recording::Bytes& bytes) {
  if (bytes.size() != price_bytes) return std::nullopt;
  OutsidePrice out;
  EventReader in(bytes);
  out.token = in.account();
  out.quote = in.account();
  out.bid = std::bit_cast<double>(in.word());
  out.ask = std::bit_cast<double>(in.word());
  out.time_ms = in.word();
  const auto* text = reinterpret_cast<const char*>(in.raw(source_bytes));
  out.source.assign(text, std::find(text, text + source_bytes, '\0'));
  if (!makes_sense(out)) return std::nullopt;
  return out;
}

void OutsidePrices::take(const std::vector<MarketEvent>& events, const Topology& topology) {
  std::shared_ptr<PriceWindow> next;
  for (const MarketEvent& event : events) {
    if (event.kind != MarketEventKind::price) continue;
    const auto price = decode_price(event.bytes);
    if (!price) continue;  // it was checked when it came
    const auto token = topology.token_by_address.find(price->token);
    const auto quote = topology.token_by_address.find(price->quote);
    const auto none = topology.token_by_address.end();
    if (token == none || quote == none) continue;
    if (!next) {
      next = window_ ? std::make_shared<PriceWindow>(*window_) : std::make_shared<PriceWindow>();
    }
    gantry_outside_price shown{};
    shown.token = token->second;
    shown.quote = quote->second;
    shown.bid = price->bid;
    shown.ask = price->ask;
    shown.time_ms = price->time_ms;
    price->source.copy(shown.source, source_bytes - 1);
    next->prices.push_back(shown);
    ++next->last;
  }
  if (!next) return;
  auto& kept = next->prices;
  if (kept.size() > price_window_max) {
    kept.erase(kept.begin(), kept.end() - static_cast<std::ptrdiff_t>(price_window_max));
  }
  window_ = std::move(next);
}

}  // namespace gantry::host
