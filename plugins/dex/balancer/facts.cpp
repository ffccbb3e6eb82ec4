#include "plugins/dex/balancer/facts.hpp"

#include "plugins/dex/balancer/abi.hpp"
#include "plugins/dex/balancer/asks.hpp"

namespace gantry::balancer {
namespace {

constexpr std::uint64_t amp_max = 1'000'000'000;
constexpr std::uint64_t weight_min = one / 100;
constexpr std::uint64_t never = ~std::uint64_t{0};
constexpr unsigned rate_bits_max = 96;  // as the pools' caches have it

// Facts of one apply() that are made sense of when all have been read.
struct Gathered {
  bool balances = false;
  bool rates = false;
  bool config = false;
  bool live = false;
  bool ramp = false;
  bool ramping = false;
  std::uint64_t amp = 0;
  u256 ramp_word;
  u256 raw[tokens_max];
  u256 last_live[tokens_max];
  u256 live_now[tokens_max];
  bool pays_yield_fees[tokens_max] = {};
  std::uint64_t yield_fee = 0;
  std::uint32_t cached_rates = 0;  // a bit for each token
  std::uint32_t fresh_rates = 0;
};

class Reader {
 public:
  Reader(const gantry_context& context, Setup& setup, Market& market) noexcept
      : context_(context), setup_(setup), market_(market) {}

  Applied read(std::span<const gantry_fact> facts) {
    for (const gantry_fact& fact : facts) {
      if (fact.source == GANTRY_SOURCE_EVM_LOG) continue;  // none was asked for
      const Applied one_fact = read(fact);
      if (one_fact.status != GANTRY_OK) return one_fact;
    }
    if (setup_.kind() == nullptr || needs_identity(setup_)) return {GANTRY_NEED_STATE};
    return finish(*setup_.kind());
  }

 private:
  Applied read(const gantry_fact& fact);
  Applied read_identity(Ask ask, const gantry_fact& fact);
  bool read_market(Ask ask, std::uint32_t token, Words& words, const Variant& kind);
  bool read_balances_2(Words& words);
  bool read_balances_3(Words& words);
  bool read_weights(Words& words);
  bool read_rate_cache(Words& words, std::uint32_t token, Rates rates);
  bool read_amp_state(Words& words);
  Applied finish(const Variant& kind);
  Applied finish_v3();
  void finish_amp();
  void finish_rates();
  void cache_invariant(const Variant& kind);

  const gantry_context& context_;
  Setup& setup_;
  Market& market_;
  Gathered got_;
  const char* refusal_ = nullptr;
};

// Every function that is asked returns something: who was called has no code, or another kind of
// it.
const char* of_silent_contract(Ask ask) {
  switch (ask) {
    case Ask::version:
    case Ask::pool_id:
    case Ask::providers:
    case Ask::weights:
      return "there is no pool of Balancer's at its address, which answers nothing: correct the "
             "list of pools";
    case Ask::is_from_factory:
      return "there is no factory of Balancer's at the address that its metadata name as one, "
             "which answers nothing";
    default:
      return "who is asked about it answers nothing, as where there is no contract: its address, "
             "`vault` or `vault_v3`, or vault=0x... in its metadata, is wrong";
  }
}

Applied Reader::read(const gantry_fact& fact) {
  const auto ask = static_cast<Ask>(fact.tag & 0xffU);
  const std::uint32_t token = fact.tag >> 8U;
  const bool storage = fact.source == GANTRY_SOURCE_EVM_STORAGE;
  if (storage != (ask == Ask::amp_ramp)) return {GANTRY_BAD_STATE};
  if (!storage && fact.source != GANTRY_SOURCE_EVM_CALL) return {GANTRY_BAD_STATE};
  if (!storage && fact.status == GANTRY_OK && fact.data.size == 0) {
    return {GANTRY_REFUSED, of_silent_contract(ask)};
  }
  if (ask <= Ask::providers) return read_identity(ask, fact);
  const Variant* kind = setup_.kind();
  if (kind == nullptr || token >= setup_.token_count) return {GANTRY_BAD_STATE};
  if (fact.status != GANTRY_OK) {
    // A vault gives its reason where it does not know a pool; without one the node may have failed.
    const bool unknown = ask == Ask::balances && fact.data.size != 0;
    return unknown ? Applied{GANTRY_REFUSED,
                             "the vault does not know it: its list, or `vault` or "
                             "`vault_v3`, is wrong"}
                   : Applied{GANTRY_BAD_STATE};
  }
  Words words(view(fact.data));
  const bool taken = read_market(ask, token, words, *kind);
  if (refusal_ != nullptr) return {GANTRY_REFUSED, refusal_};
  if (!taken || !words.good()) return {GANTRY_BAD_STATE};
  market_.known |= bit(ask);
  return {GANTRY_OK};
}

// What the contracts of one variant have, those of another revert.
Applied Reader::read_identity(Ask ask, const gantry_fact& fact) {
  const auto data = view(fact.data);
  if (ask == Ask::version) {
    if (fact.status != GANTRY_OK) {
      return {GANTRY_REFUSED,
              "it has no version(): its list or the parameter `variant` must name its deployment"};
    }
    const std::string_view deployment = deployment_of(data);
    if (deployment.empty()) return {GANTRY_BAD_STATE};
    const std::uint16_t variant = find_variant(deployment);
    if (variant == 0) return {GANTRY_REFUSED, "its version() names a deployment that is unknown"};
    setup_.variant = variant;
    setup_.flags |= says_version;
    return {GANTRY_OK};
  }
  if (ask == Ask::pool_id) {
    if (fact.status != GANTRY_OK) return {GANTRY_OK};  // of the V3 vault
    if (data.size() != word_bytes) return {GANTRY_BAD_STATE};
    std::memcpy(setup_.pool_id, data.data(), data.size());
    if (!setup_.owns_pool_id()) {
      return {GANTRY_REFUSED, "its getPoolId() is that of another pool"};
    }
    setup_.flags |= has_pool_id;
    return {GANTRY_OK};
  }
  if (ask != Ask::providers) return {GANTRY_BAD_STATE};
  if (fact.status != GANTRY_OK) return {GANTRY_OK};  // a pool without
  Words words(data);
  const std::size_t size = words.array_size(0);
  // The first pools with a token of their own leave it out of the list.
  const bool without_own = setup_.bpt != no_token && size + 1 == setup_.token_count;
  if (!words.good() || (size != setup_.token_count && !without_own)) return {GANTRY_BAD_STATE};
  std::size_t at = words.array(0, size);
  for (std::uint32_t i = 0; i < setup_.token_count; ++i) {
    setup_.providers[i] = without_own && i == setup_.bpt ? Address{} : words.address(at++);
  }
  if (!words.good()) return {GANTRY_BAD_STATE};
  setup_.flags |= has_providers;
  return {GANTRY_OK};
}

bool Reader::read_balances_2(Words& words) {
  const std::size_t tokens = words.array(0, setup_.token_count);
  const std::size_t balances = words.array(1, setup_.token_count);
  for (std::uint32_t i = 0; i < setup_.token_count; ++i) {
    const uint128 balance = words.wide(balances + i);
    if (words.address(tokens + i) != setup_.tokens[i] || balance > largest_u112) return false;
    store(market_.tokens[i].balance, balance);
  }
  return true;
}

// tokens, (kind, rate provider, pays yield fees) of each, raw and last live balances.
bool Reader::read_balances_3(Words& words) {
  const std::size_t tokens = words.array(0, setup_.token_count);
  const std::size_t infos = words.array(1, setup_.token_count, 3);
  const std::size_t raw = words.array(2, setup_.token_count);
  const std::size_t live = words.array(3, setup_.token_count);
  for (std::uint32_t i = 0; i < setup_.token_count; ++i) {
    if (words.address(tokens + i) != setup_.tokens[i]) return false;
    const bool with_rate = words.flag(infos + 3 * i);
    got_.pays_yield_fees[i] = words.flag(infos + 3 * i + 2) && with_rate;
    got_.raw[i] = u256::from_u128(words.wide(raw + i));
    got_.last_live[i] = u256::from_u128(words.wide(live + i));
  }
  got_.balances = true;
  return true;
}

bool Reader::read_weights(Words& words) {
  const std::size_t at = words.array(0, setup_.token_count);
  std::uint64_t sum = 0;
  for (std::uint32_t i = 0; i < setup_.token_count; ++i) {
    const std::uint64_t weight = words.small(at + i);
    if (weight < weight_min || weight > one) return false;
    market_.tokens[i].weight = weight;
    sum += weight;
  }
  return sum == one;
}

bool Reader::read_rate_cache(Words& words, std::uint32_t token, Rates rates) {
  const bool with_old = rates == Rates::cache_of_4;
  const uint128 rate = words.wide(0);
  const std::uint64_t expires = words.small(with_old ? 3 : 2);
  if (words.count() != (with_old ? 4U : 3U) || rate == 0 || rate >> rate_bits_max != 0) {
    return false;
  }
  store(market_.tokens[token].rate, rate);
  market_.expires[token] = expires;
  got_.cached_rates |= 1U << token;
  return true;
}

// startValue, endValue, startTime, endTime, precision.
bool Reader::read_amp_state(Words& words) {
  market_.amp_start = words.small(0);
  market_.amp_end = words.small(1);
  market_.amp_start_s = words.small(2);
  market_.amp_end_s = words.small(3);
  const auto is_amp = [](std::uint64_t amp) { return amp >= amp_precision && amp <= amp_max; };
  return words.small(4) == amp_precision && is_amp(market_.amp_start) && is_amp(market_.amp_end) &&
         market_.amp_start_s <= market_.amp_end_s;
}

bool Reader::read_market(Ask ask, std::uint32_t token, Words& words, const Variant& kind) {
  const std::uint32_t count = setup_.token_count;
  switch (ask) {
    case Ask::balances:
      return kind.vault == 2 ? read_balances_2(words) : read_balances_3(words);
    case Ask::fee:
      market_.fee = words.small(0);
      return words.count() == 1 && market_.fee < one;
    case Ask::pool_paused:
    case Ask::vault_paused: {
      const auto mask = static_cast<std::uint8_t>(ask == Ask::pool_paused ? 1 : 2);
      const bool paused = words.flag(0);
      market_.paused =
          static_cast<std::uint8_t>(paused ? market_.paused | mask : market_.paused & ~mask);
      return words.count() == (kind.vault == 2 ? 3U : 1U);
    }
    case Ask::weights:
      return kind.curve == Curve::weighted && read_weights(words);
    case Ask::amp: {
      if (kind.curve != Curve::stable) return false;
      if (kind.vault == 3) return read_amp_state(words);
      got_.amp = words.small(0);
      got_.ramping = words.flag(1);
      return words.small(2) == amp_precision && got_.amp >= amp_precision && got_.amp <= amp_max;
    }
    case Ask::amp_ramp:
      got_.ramp_word = words.number(0);
      got_.ramp = words.count() == 1;
      return got_.ramp;
    case Ask::token_info: {  // cash, managed, last change, asset manager
      if (words.address(3) == Address{} && words.number(1).is_zero()) return words.count() == 4;
      if (words.good())
        refusal_ = "an asset manager may lend its tokens, which then cannot be paid";
      return false;
    }
    case Ask::rate_cache:
      return kind.vault == 2 && read_rate_cache(words, token, kind.rates);
    case Ask::fresh_rate: {
      const uint128 rate = words.wide(0);
      store(market_.tokens[token].fresh_rate, rate);
      got_.fresh_rates |= 1U << token;
      return words.count() == 1 && rate != 0 && rate >> rate_bits_max == 0;
    }
    case Ask::rates: {
      const std::size_t scaling = words.array(0, count);
      const std::size_t rates = words.array(1, count);
      for (std::uint32_t i = 0; i < count; ++i) {
        const uint128 rate = words.wide(rates + i);
        if (rate == 0 || words.small(scaling + i) != market_.tokens[i].scaling) return false;
        store(market_.tokens[i].rate, rate);
        market_.expires[i] = never;
      }
      got_.rates = kind.vault == 3;
      return got_.rates;
    }
    case Ask::config: {
      constexpr std::size_t words_of_config = 13;
      const bool registered = words.flag(9);
      const bool initialized = words.flag(10);
      const bool recovery = words.flag(12);
      market_.fee = words.small(4);
      market_.aggregate_fee = recovery ? 0 : words.small(5);
      got_.yield_fee = recovery ? 0 : words.small(6);
      got_.config = kind.vault == 3;
      return got_.config && words.count() == words_of_config && registered && initialized &&
             market_.fee < one && market_.aggregate_fee <= one && got_.yield_fee <= one;
    }
    case Ask::hooks: {
      // Hooks that a swap runs: they may change its fee or amounts.
      const bool hooked = words.flag(3) || words.flag(4) || words.flag(5);
      if (hooked && words.good()) refusal_ = "its hooks change swaps, and are not known";
      return words.count() == 11 && !hooked;
    }
    case Ask::live_balances: {
      const std::size_t at = words.array(0, count);
      for (std::uint32_t i = 0; i < count; ++i) got_.live_now[i] = words.number(at + i);
      got_.live = true;
      return true;
    }
    case Ask::trade_min:
      market_.trade_min = words.small(0);
      return words.count() == 1;
    case Ask::is_from_factory: {
      const bool made = words.flag(0);
      if (words.good() && words.count() == 1 && !made) {
        refusal_ = "the factory that its metadata name did not make it";
      }
      return words.count() == 1;
    }
    case Ask::minimum_balances: {
      const std::size_t at = words.array(0, count);
      for (std::uint32_t i = 0; i < count; ++i) store(market_.minimum[i], words.wide(at + i));
      return true;
    }
    default:
      return false;
  }
}

// Yield that the rates have earned since the last operation is taxed before a swap, and the
// balances that it reads are what is left.
Applied Reader::finish_v3() {
  if (got_.balances != got_.rates || got_.balances != got_.config) return {GANTRY_BAD_STATE};
  for (std::uint32_t i = 0; i < setup_.token_count && got_.balances; ++i) {
    const Token& token = market_.tokens[i];
    u256 factor;
    u256 live;
    if (!mul(u256::from_u128(join(token.rate)), token.scaling, factor) ||
        !mul_down(got_.raw[i], factor, live)) {
      return {GANTRY_BAD_STATE};
    }
    u256 raw = got_.raw[i];
    if (got_.pays_yield_fees[i] && live > got_.last_live[i]) {
      u256 taxed;
      if (!mul_up(wrapping_sub(live, got_.last_live[i]), u256(got_.yield_fee), taxed) ||
          !div_down(taxed, factor, taxed) || !sub(raw, taxed, raw) ||
          !mul_down(raw, factor, live)) {
        return {GANTRY_BAD_STATE};
      }
    }
    if (got_.live && live != got_.live_now[i]) {
      return {GANTRY_REFUSED, "the vault's live balances are not those of its raw ones and rates"};
    }
    store(market_.tokens[i].balance, raw.low128());
  }
  return {GANTRY_OK};
}

// The ramp that storage tells of is believed where it is the one that the contract reports.
void Reader::finish_amp() {
  if (got_.amp == 0) return;
  market_.amp_start = got_.amp;
  market_.amp_end = got_.amp;
  market_.amp_start_s = 0;
  market_.amp_end_s = 0;
  if (!got_.ramp || !got_.ramping) return;
  Market ramped = market_;
  ramped.amp_start = got_.ramp_word.limb(0);
  ramped.amp_end = got_.ramp_word.limb(1);
  ramped.amp_start_s = got_.ramp_word.limb(2);
  ramped.amp_end_s = got_.ramp_word.limb(3);
  const auto is_amp = [](std::uint64_t amp) { return amp >= amp_precision && amp <= amp_max; };
  if (!is_amp(ramped.amp_start) || !is_amp(ramped.amp_end) ||
      ramped.amp_start_s >= ramped.amp_end_s || amp_at(ramped, context_.state_time_s) != got_.amp) {
    return;
  }
  market_ = ramped;
}

void Reader::finish_rates() {
  market_.first_expiry = never;
  for (std::uint32_t i = 0; i < setup_.token_count; ++i) {
    const Token& token = market_.tokens[i];
    if (join(token.rate) == join(token.fresh_rate)) market_.expires[i] = never;
    market_.first_expiry = std::min(market_.first_expiry, market_.expires[i]);
  }
}

// A quote needs it, and it is the same until a balance changes.
void Reader::cache_invariant(const Variant& kind) {
  std::fill_n(market_.invariant, 4, 0);
  if (kind.curve != Curve::stable) return;
  u256 scaled[tokens_max];
  std::uint32_t count = 0;
  for (std::uint32_t i = 0; i < setup_.token_count; ++i) {
    if (i == setup_.bpt) continue;
    const Token& token = market_.tokens[i];
    u256 factor;
    if (!mul(u256::from_u128(join(token.rate)), token.scaling, factor) ||
        !mul_down(u256::from_u128(join(token.balance)), factor, scaled[count])) {
      return;
    }
    ++count;
  }
  u256 invariant;
  if (!stable_invariant({scaled, count}, market_.amp_start, kind.stable, invariant)) return;
  for (std::size_t i = 0; i < 4; ++i) market_.invariant[i] = invariant.limb(i);
}

Applied Reader::finish(const Variant& kind) {
  if (kind.vault == 3) {
    if (const Applied vault = finish_v3(); vault.status != GANTRY_OK) return vault;
  } else if (kind.rates != Rates::none) {
    if (got_.cached_rates != got_.fresh_rates) return {GANTRY_BAD_STATE};
    finish_rates();
  }
  if (kind.curve == Curve::stable && kind.vault == 2) finish_amp();
  if (!is_complete(setup_, market_)) return {GANTRY_NEED_STATE};
  const bool tell = !setup_.has(is_verified) && !setup_.has(has_factory);
  setup_.flags |= is_verified;
  market_.variant = setup_.variant;
  cache_invariant(kind);
  if (!tell) return {GANTRY_OK};
  return {GANTRY_OK, nullptr,
          setup_.has(says_version)
              ? "its deployment is what its version() says; factory=0x... in its metadata has the "
                "factory confirm it"
              : "its deployment is named by the operator, not verified; factory=0x... in its "
                "metadata has the factory confirm it"};
}

}  // namespace

bool is_complete(const Setup& setup, const Market& market) noexcept {
  const Variant* kind = setup.kind();
  if (kind == nullptr) return false;
  const std::uint32_t bits = needed(setup, *kind);
  return (market.known & bits) == bits;
}

Applied apply_facts(const gantry_context& context, std::span<const gantry_fact> facts, Setup& setup,
                    Market& market) {
  return Reader(context, setup, market).read(facts);
}

}  // namespace gantry::balancer
