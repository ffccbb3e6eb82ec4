#include "host/market/past_prices.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "host/market/event_bytes.hpp"
#include "host/market/pending_rules.hpp"
#include "host/market/topology.hpp"

namespace gantry::host {
namespace {

constexpr std::size_t word_size = sizeof(std::uint64_t);
constexpr std::size_t head_bytes = 2 * pending_account_bytes + word_size;
constexpr std::size_t sample_bytes = 2 * word_size;  // time, price

}  // namespace

bool makes_sense(const PastPrices& past) noexcept {
  if (!is_account(past.token) || !is_account(past.quote) ||
      AddressEqual{}(past.token, past.quote) || past.interval_s > past_interval_s_max ||
      past.samples.empty() || past.samples.size() > past_samples_max) {
    return false;
  }
  const auto is_price = [](const gantry_sample& sample) {
    return std::isfinite(sample.value) && sample.value > 0;
  };
  const auto not_later = [](const gantry_sample& a, const gantry_sample& b) {
    return a.time_s >= b.time_s;
  };
  return std::ranges::all_of(past.samples, is_price) &&
         std::ranges::adjacent_find(past.samples, not_later) == past.samples.end();
}

recording::Bytes encode(const PastPrices& past) {
  EventWriter out(head_bytes + past.samples.size() * sample_bytes);
  out.account(past.token);
  out.account(past.quote);
  out.word(past.interval_s);
  for (const gantry_sample& sample : past.samples) {
    out.word(sample.time_s);
    out.word(std::bit_cast<std::uint64_t>(sample.value));
  }
  return out.take();
}

std::optional<PastPrices> decode_past(const recording::Bytes& bytes) {
  if (bytes.size() < head_bytes || (bytes.size() - head_bytes) % sample_bytes != 0 ||
      (bytes.size() - head_bytes) / sample_bytes > past_samples_max) {
    return std::nullopt;
  }
  PastPrices out;
  EventReader in(bytes);
  out.token = in.account();
  out.quote = in.account();
  out.interval_s = in.word();
  out.samples.resize((bytes.size() - head_bytes) / sample_bytes);
  for (gantry_sample& sample : out.samples) {
    sample.time_s = in.word();
    sample.value = std::bit_cast<double>(in.word());
  }
  if (!makes_sense(out)) return std::nullopt;
  return out;
}

}  // namespace gantry::host
