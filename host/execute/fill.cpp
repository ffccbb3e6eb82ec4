#include "host/execute/fill.hpp"

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <sstream>

#include "gantry/u256_convert.hpp"
#include "host/base/text.hpp"

namespace gantry::host {

namespace {

constexpr auto first_fill_reason = static_cast<std::int32_t>(FillReason::not_planned);
constexpr auto last_fill_reason = static_cast<std::int32_t>(FillReason::not_behind);

constexpr std::string_view taken_back_word = "back";
constexpr std::string_view again_word = "again";
constexpr std::string_view names_word = "of";
constexpr std::size_t venues_max = 64;

// " of " and the names in hexadecimal digits, which no name breaks; or nothing.
std::string names_text(const Fill& fill) {
  if (fill.of_strategy.empty()) return {};
  const auto hex = [](const std::string& name) {
    return hex_text({reinterpret_cast<const std::uint8_t*>(name.data()), name.size()});
  };
  std::string out = fmt::format(" {} {}", names_word, hex(fill.of_strategy));
  for (const std::string& venue : fill.of_venues) out += " " + hex(venue);
  return out;
}

std::string_view word_of(Telling telling) {
  switch (telling) {
    case Telling::first:
      return {};
    case Telling::taken_back:
      return taken_back_word;
    case Telling::again:
      return again_word;
  }
  return {};
}

class FillWords {
 public:
  explicit FillWords(std::string_view text) : in_(std::string(text)) {}
  bool good = true;

  std::uint64_t number() {
    std::string word;
    good = good && static_cast<bool>(in_ >> word);
    std::uint64_t value = 0;
    const auto end = std::from_chars(word.data(), word.data() + word.size(), value);
    good = good && end.ec == std::errc() && end.ptr == word.data() + word.size();
    return value;
  }
  u256 amount() {
    std::string word;
    good = good && static_cast<bool>(in_ >> word);
    const auto value = parse_decimal(word);
    good = good && value.has_value();
    return value.value_or(u256());
  }
  // The last words, all of which may be missing.
  void rest(Fill& fill) {
    std::string word;
    if (!(in_ >> word)) return;
    if (word == taken_back_word || word == again_word) {
      fill.telling = word == taken_back_word ? Telling::taken_back : Telling::again;
      if (!(in_ >> word)) return;
    }
    good = good && word == names_word;
    fill.of_strategy = name();
    while (good && in_ >> word) {
      fill.of_venues.push_back(name_of(word));
      good = good && fill.of_venues.size() <= venues_max;
    }
  }

 private:
  std::string name() {
    std::string word;
    good = good && static_cast<bool>(in_ >> word);
    return name_of(word);
  }
  std::string name_of(const std::string& word) {
    const auto bytes = bytes_of_hex(word);
    good = good && bytes && !bytes->empty();
    return good ? std::string(bytes->begin(), bytes->end()) : std::string();
  }

  std::istringstream in_;
};

}  // namespace

std::string_view to_string(FillReason reason) {
  switch (reason) {
    case FillReason::none:
      return "filled";
    case FillReason::not_planned:
      return "not planned";
    case FillReason::busy:
      return "busy";
    case FillReason::halted:
      return "halted";
    case FillReason::pool_in_flight:
      return "pool in flight";
    case FillReason::no_funds:
      return "no funds";
    case FillReason::no_profit:
      return "no profit";
    case FillReason::simulation:
      return "simulation";
    case FillReason::not_simulated:
      return "not simulated";
    case FillReason::not_signed:
      return "not signed";
    case FillReason::not_written:
      return "not written";
    case FillReason::not_taken:
      return "not taken";
    case FillReason::reverted:
      return "reverted";
    case FillReason::expired:
      return "expired";
    case FillReason::dropped:
      return "dropped";
    case FillReason::not_as_held:
      return "not as held";
    case FillReason::not_behind:
      return "not behind";
  }
  return "unknown";
}

Fill fill_of(const Ranked& trade, std::uint64_t group, FillReason reason) {
  Fill fill;
  fill.group = group;
  fill.strategy = trade.strategy;
  fill.key = trade.opportunity.key;
  fill.block = trade.opportunity.block;
  fill.reason = reason;
  fill.amount_in = u256(trade.opportunity.amount_in);
  return fill;
}

TradeClosed closed_of(const Fill& fill) {
  return {{},           fill.filled(),      fill.gained,     fill.amount_wei, fill.amount_usd_e6,
          fill.gas_wei, fill.deviation_bps, fill.executed(), fill.row,        {}};
}

std::string to_text(const Fill& fill) {
  const std::string_view last = word_of(fill.telling);
  return fmt::format("{} {} {} {} {} {} {} {} {} {} {} {} {}{}{}{}", fill.group, fill.strategy,
                     fill.key, fill.block, static_cast<std::int32_t>(fill.reason),
                     to_string(fill.amount_in), to_string(fill.amount_out), fill.in_block,
                     fill.gained ? 1 : 0, to_string(fill.amount_wei), fill.amount_usd_e6,
                     to_string(fill.gas_wei), std::bit_cast<std::uint64_t>(fill.deviation_bps),
                     last.empty() ? "" : " ", last, names_text(fill));
}

Result<Fill> parse_fill(std::string_view text) {
  FillWords words(text);
  Fill fill;
  fill.group = words.number();
  const std::uint64_t strategy = words.number();
  fill.strategy = static_cast<std::uint32_t>(strategy);
  fill.key = words.number();
  fill.block = words.number();
  const std::uint64_t reason = words.number();
  fill.reason = static_cast<FillReason>(reason);
  fill.amount_in = words.amount();
  fill.amount_out = words.amount();
  fill.in_block = words.number();
  const std::uint64_t gained = words.number();
  fill.gained = gained == 1;
  fill.amount_wei = words.amount();
  fill.amount_usd_e6 = words.number();
  fill.gas_wei = words.amount();
  fill.deviation_bps = std::bit_cast<double>(words.number());
  words.rest(fill);
  const bool known = reason == 0 || (reason >= first_fill_reason && reason <= last_fill_reason);
  if (!words.good || strategy > UINT32_MAX || gained > 1 || !known || !(fill.deviation_bps >= 0)) {
    return fail(ErrorKind::format, "a trade's result that is none");
  }
  return fill;
}

}  // namespace gantry::host
