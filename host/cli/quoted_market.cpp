#include "host/cli/quoted_market.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "host/base/text.hpp"
#include "host/feed/recording_feed.hpp"
#include "host/plugin/library.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host::cli {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

// The end of 1e18.
bool is_exponent(std::string_view text) {
  if (lower(text.front()) != 'e') return false;
  text.remove_prefix(1);
  if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

Result<std::unique_ptr<QuotedMarket>> open_market(Configuration configuration,
                                                  std::optional<std::uint64_t> block,
                                                  const PluginRecord& record) {
  auto market = std::make_unique<QuotedMarket>();
  market->configuration = std::move(configuration);
  Configuration& settings = market->configuration;
  settings.strategies.clear();
  settings.paymasters.clear();
  for (DexSettings& dex : settings.dexes) dex.min_liquidity_usd = 0;
  if (settings.market.recording.empty()) {
    return fail(ErrorKind::configuration,
                "there is no recorded market: set `recording` in [market] of gantry.toml");
  }
  auto feed = RecordingFeed::open(settings.market.recording);
  if (!feed) return std::unexpected(feed.error());
  const auto chain = settings.chain_of(settings.market.recording, feed->header().chain);
  if (!chain) return std::unexpected(chain.error());
  const auto store = default_plugin_store();
  if (!store) return std::unexpected(store.error());
  Plugins plugins = make_plugins(settings, *store, record);
  market->state = std::make_unique<MarketState>(**chain, std::move(plugins.venues));
  while (auto input = feed->next()) {
    if (block && input->block.number > *block) {
      if (market->snapshot) break;
      return fail(ErrorKind::not_found,
                  fmt::format("{}: begins with block {}", settings.market.recording.string(),
                              input->block.number));
    }
    auto snapshot = market->state->advance(*input);
    if (!snapshot) return std::unexpected(snapshot.error());
    market->snapshot = std::move(*snapshot);
  }
  market->damage = feed->damage();
  if (!market->snapshot) {
    return fail(ErrorKind::format, fmt::format("{}: has no whole block. {}",
                                               settings.market.recording.string(), market->damage));
  }
  return market;
}

Result<std::uint32_t> find_token(const Topology& topology, std::string_view text,
                                 const std::vector<std::uint32_t>& among) {
  std::vector<std::uint32_t> found;
  for (const std::uint32_t token : among) {
    const TokenInfo& info = topology.tokens[token];
    if (same_word(text, info.symbol) || same_word(text, address_text(info.address))) {
      found.push_back(token);
    }
  }
  if (found.size() == 1) return found.front();
  std::string known;
  for (const std::uint32_t token : among) {
    known += fmt::format("{}{} ({})", known.empty() ? "" : ", ",
                         short_symbol(topology.tokens[token].symbol),
                         address_text(topology.tokens[token].address));
  }
  return fail(ErrorKind::usage, fmt::format("`{}` is {} of the pool's tokens: {}", text,
                                            found.empty() ? "none" : "more than one", known));
}

Result<u256> parse_amount_of(std::string_view text, const TokenInfo& token) {
  const auto wrong = [&](std::string_view why) {
    return fail(ErrorKind::usage, fmt::format("amount `{}`: {}", text, why));
  };
  const std::size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
  const std::string_view number = text.substr(0, end);
  std::string_view symbol = text.substr(end);
  while (symbol.starts_with(' ')) symbol.remove_prefix(1);
  const std::string own = short_symbol(token.symbol);
  if (text.starts_with('-')) return wrong("has to be more than nothing");
  if (number.empty()) {
    return wrong(fmt::format("has to begin with a digit, as in 1500000, 1.5 or \"2 {}\"", own));
  }
  if (!symbol.empty() && !same_word(symbol, token.symbol)) {
    if (is_exponent(symbol)) {
      return wrong(
          fmt::format("exponents are not read: write all digits of the smallest units, or "
                      "whole units, as in 1.5 or \"2 {}\"",
                      own));
    }
    if (number == "0" && lower(symbol.front()) == 'x') return wrong("has to be decimal");
    return wrong(fmt::format("it has to be of {}, not of `{}`", own, symbol));
  }
  const std::size_t dot = number.find('.');
  if (dot != std::string_view::npos && number.find('.', dot + 1) != std::string_view::npos) {
    return wrong("has more than one decimal point: write digits with one, as in 1.5");
  }
  const bool whole_units = dot != std::string_view::npos || !symbol.empty();
  std::string digits(number.substr(0, dot));
  if (whole_units) {
    std::string fraction(dot == std::string_view::npos ? std::string_view()
                                                       : number.substr(dot + 1));
    while (fraction.size() > token.decimals && fraction.ends_with('0')) fraction.pop_back();
    if (fraction.size() > token.decimals) {
      return wrong(fmt::format("{} has {}", own, counted(token.decimals, "decimal")));
    }
    digits += fraction + std::string(token.decimals - fraction.size(), '0');
  }
  const auto amount = parse_decimal(digits);
  if (number == "." || !amount) return wrong("is no number that fits 256 bits");
  if (amount->is_zero()) return wrong("has to be more than nothing");
  return *amount;
}

}  // namespace gantry::host::cli
