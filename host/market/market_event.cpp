#include "host/market/market_event.hpp"

#include <fmt/format.h>

#include "host/market/outside_prices.hpp"
#include "host/market/past_prices.hpp"
#include "host/market/pending_swaps.hpp"
#include "host/recording/format.hpp"

namespace gantry::host {

namespace {

template <class Word>
void add(recording::Bytes& bytes, Word value) {
  const std::size_t at = bytes.size();
  bytes.resize(at + sizeof(Word));
  recording::store_word(value, bytes.data() + at);
}

}  // namespace

recording::Event encode(const MarketEvent& event) {
  recording::Event out{static_cast<std::int32_t>(event.kind), {}};
  switch (event.kind) {
    case MarketEventKind::keep:
    case MarketEventKind::undo:
    case MarketEventKind::clock:
      add(out.payload, event.number);
      break;
    case MarketEventKind::fresh:
    case MarketEventKind::between:
      break;
    case MarketEventKind::quarantine:
      add(out.payload, event.pool);
      for (const char c : event.reason) out.payload.push_back(static_cast<std::uint8_t>(c));
      break;
    case MarketEventKind::pending:
    case MarketEventKind::price:
    case MarketEventKind::mined:
    case MarketEventKind::past:
      out.payload = event.bytes;
      break;
  }
  return out;
}

Result<MarketEvent> decode(const recording::Event& event) {
  const recording::Bytes& bytes = event.payload;
  MarketEvent out;
  out.kind = static_cast<MarketEventKind>(event.kind);
  bool whole = false;
  switch (out.kind) {
    case MarketEventKind::keep:
    case MarketEventKind::undo:
    case MarketEventKind::clock:
      whole = bytes.size() == sizeof(out.number);
      if (whole) out.number = recording::load_word<std::uint64_t>(bytes.data());
      if (out.kind == MarketEventKind::keep) whole = whole && out.number <= undo_blocks_max;
      break;
    case MarketEventKind::fresh:
    case MarketEventKind::between:
      whole = bytes.empty();
      break;
    case MarketEventKind::quarantine:
      whole =
          bytes.size() >= sizeof(out.pool) && bytes.size() <= sizeof(out.pool) + reason_bytes_max;
      if (!whole) break;
      out.pool = recording::load_word<std::uint32_t>(bytes.data());
      out.reason.assign(bytes.begin() + sizeof(out.pool), bytes.end());
      break;
    case MarketEventKind::pending:
      whole = decode_pending(bytes).has_value();
      if (whole) out.bytes = bytes;
      break;
    case MarketEventKind::mined:
      whole = bytes.size() == sizeof(PendingTransaction::hash);
      if (whole) out.bytes = bytes;
      break;
    case MarketEventKind::price:
      whole = decode_price(bytes).has_value();
      if (whole) out.bytes = bytes;
      break;
    case MarketEventKind::past:
      whole = decode_past(bytes).has_value();
      if (whole) out.bytes = bytes;
      break;
  }
  if (whole) return out;
  return fail(ErrorKind::format,
              fmt::format("an event of kind {} with {} bytes cannot be", event.kind, bytes.size()));
}

}  // namespace gantry::host
