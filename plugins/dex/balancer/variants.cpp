#include "plugins/dex/balancer/variants.hpp"

#include <algorithm>
#include <charconv>
#include <string>

#include "gantry/plugin.hpp"

namespace gantry::balancer {
namespace {

constexpr Variant weighted_2(std::string_view deployment, bool fast_powers) {
  return {deployment, 2, Curve::weighted, {}, Rates::none, fast_powers, false, false};
}
constexpr Variant stable_2(std::string_view deployment, StableRules rules, Rates rates) {
  return {deployment, 2, Curve::stable, rules, rates, false, false, false};
}
constexpr Variant weighted_3(std::string_view deployment, bool minimum_balances) {
  return {deployment, 3, Curve::weighted, {}, Rates::vault, true, minimum_balances, false};
}
constexpr Variant stable_3(std::string_view deployment, bool imbalance_bound) {
  return {deployment,   3,     Curve::stable, StableRules::v3,
          Rates::vault, false, false,         imbalance_bound};
}

constexpr Variant known[] = {
    weighted_2("20210418-weighted-pool", false),
    weighted_2("20220908-weighted-pool-v2", true),
    weighted_2("20230206-weighted-pool-v3", true),
    weighted_2("20230320-weighted-pool-v4", true),
    stable_2("20210624-stable-pool", StableRules::round_up, Rates::none),
    stable_2("20210727-meta-stable-pool", StableRules::round_up, Rates::pair_cache),
    stable_2("20211208-stable-phantom-pool", StableRules::round_up, Rates::cache_of_3),
    stable_2("20220609-stable-pool-v2", StableRules::vyper, Rates::none),
    stable_2("20220906-composable-stable-pool", StableRules::vyper, Rates::cache_of_4),
    stable_2("20221122-composable-stable-pool-v2", StableRules::vyper, Rates::cache_of_4),
    stable_2("20230206-composable-stable-pool-v3", StableRules::vyper, Rates::cache_of_4),
    stable_2("20230320-composable-stable-pool-v4", StableRules::vyper, Rates::cache_of_4),
    stable_2("20230711-composable-stable-pool-v5", StableRules::vyper, Rates::cache_of_4),
    stable_2("20240223-composable-stable-pool-v6", StableRules::vyper, Rates::cache_of_4),
    weighted_3("20241205-v3-weighted-pool", false),
    weighted_3("20260115-v3-weighted-pool-v2", true),
    stable_3("20241205-v3-stable-pool", false),
    stable_3("20250324-v3-stable-pool-v2", false),
    stable_3("20260116-v3-stable-pool-v3", true),
};

std::string quoted(std::string_view text) {
  constexpr std::size_t shown_max = 40;
  std::string result = "'";
  result.append(text.substr(0, shown_max));
  return result + (text.size() > shown_max ? "...'" : "'");
}

int digit_of(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void parse_bytes(std::string_view text, std::span<std::uint8_t> out) {
  const auto bad = [&] {
    return Refused(quoted(text) + " is not 0x and " + std::to_string(2 * out.size()) +
                   " hexadecimal digits");
  };
  if (text.size() != 2 + 2 * out.size() || !text.starts_with("0x")) throw bad();
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = digit_of(text[2 + 2 * i]);
    const int low = digit_of(text[3 + 2 * i]);
    if (high < 0 || low < 0) throw bad();
    out[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
}

void parse_providers(std::string_view list, Metadata& metadata) {
  while (true) {
    const std::size_t comma = list.find(',');
    if (metadata.provider_count == tokens_max) {
      throw Refused("rate_providers names more than " + std::to_string(tokens_max));
    }
    metadata.providers[metadata.provider_count++] = parse_address(list.substr(0, comma));
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

}  // namespace

std::span<const Variant> variants() noexcept { return known; }

std::uint16_t find_variant(std::string_view deployment) noexcept {
  const auto* found = std::ranges::find(known, deployment, &Variant::deployment);
  return found == std::end(known) ? std::uint16_t{0}
                                  : static_cast<std::uint16_t>(found - std::begin(known) + 1);
}

std::string_view deployment_of(std::span<const std::uint8_t> returned) noexcept {
  if (returned.size() < 2 * evm::word_bytes) return {};
  const u256 offset = evm::read_word(returned.first(evm::word_bytes));
  const u256 size = evm::read_word(returned.subspan(evm::word_bytes, evm::word_bytes));
  const std::span<const std::uint8_t> rest = returned.subspan(2 * evm::word_bytes);
  if (offset != u256(evm::word_bytes) || size > u256(rest.size())) return {};
  const std::string_view text(reinterpret_cast<const char*>(rest.data()), size.limb(0));
  constexpr std::string_view key = "\"deployment\":";
  const std::size_t at = text.find(key);
  if (at == std::string_view::npos) return {};
  std::string_view value = text.substr(at + key.size());
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  if (!value.starts_with('"')) return {};
  value.remove_prefix(1);
  const std::size_t end = value.find('"');
  return end == std::string_view::npos ? std::string_view() : value.substr(0, end);
}

std::uint16_t require_variant(std::string_view deployment) {
  const std::uint16_t variant = find_variant(deployment);
  if (variant != 0) return variant;
  throw Refused("the deployment " + quoted(deployment) +
                " is unknown: known are weighted pools up to 20230320 (V2 vault) and 20260115 "
                "(V3), stable ones up to 20240223 and 20260116");
}

Address parse_address(std::string_view text) {
  Address address{};
  parse_bytes(text, address);
  return address;
}

Metadata parse_metadata(std::string_view text) {
  Metadata metadata;
  constexpr std::string_view blanks = " \t\r\n";
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
    if (text.empty()) return metadata;
    const std::string_view word = text.substr(0, text.find_first_of(blanks));
    text.remove_prefix(word.size());
    const std::size_t equals = word.find('=');
    const std::string_view key = word.substr(0, equals);
    if (equals == std::string_view::npos) throw Refused(quoted(word) + " has no '='");
    const std::string_view value = word.substr(equals + 1);
    if (key == "variant") {
      metadata.variant = require_variant(value);
    } else if (key == "pool_id") {
      parse_bytes(value, metadata.pool_id.emplace());
    } else if (key == "vault") {
      metadata.vault = parse_address(value);
    } else if (key == "factory") {
      metadata.factory = parse_address(value);
    } else if (key == "rate_providers") {
      parse_providers(value, metadata);
    } else {
      throw Refused(
          quoted(key) +
          " is not of a pool's metadata: variant, pool_id, vault, factory, rate_providers");
    }
  }
}

}  // namespace gantry::balancer
