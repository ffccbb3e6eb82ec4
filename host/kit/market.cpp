#include "host/kit/market.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include "gantry/constant_product.hpp"
#include "gantry/dex.hpp"
#include "host/import/random.hpp"
#include "host/kit/check.hpp"
#include "host/kit/loaded.hpp"
#include "host/market/market_view.hpp"
#include "host/market/outside_prices.hpp"
#include "host/market/pending_swaps.hpp"

namespace gantry::host::kit {
namespace {

constexpr std::uint32_t denominator = 10000;
constexpr std::uint64_t swap_gas = 90000;
constexpr std::uint64_t first_block = 18'000'000;
constexpr std::uint64_t first_time_s = 1'700'000'000;
constexpr std::size_t word_bytes = 32;
constexpr unsigned reserve_bits = 112;

struct Reserves {
  gantry_amount of[2];
};

// What the kit's venues have in common: pools of two tokens, whose state is two amounts as a fact
// gives them.
class KitVenue : public DexPlugin {
 public:
  gantry_status requests(const gantry_context&, const gantry_pool_spec& spec, const gantry_state&,
                         std::uint32_t, const gantry_request_sink* sink) const override {
    return emit(sink, gantry_request{GANTRY_SOURCE_EVM_CALL, 0, spec.address, {nullptr, 0}});
  }
  gantry_status apply(const gantry_context&, const gantry_state&,
                      std::span<const gantry_fact> facts, StateWriter writer) const override {
    if (facts.empty() || facts.back().data.size != 2 * word_bytes) return GANTRY_BAD_STATE;
    const std::uint8_t* data = facts.back().data.data;
    const Reserves now{{load_be(data), load_be(data + word_bytes)}};
    auto* chunk = writer.chunk(0, sizeof(now));
    if (chunk == nullptr) return GANTRY_HOST_FAULT;
    std::memcpy(chunk, &now, sizeof(now));
    return GANTRY_OK;
  }
  gantry_status pool_view(const gantry_pool_state& state, gantry_pool_view& out) const override {
    Reserves now{};
    if (!look(state, now)) return GANTRY_BAD_STATE;
    const bool room = out.token_count >= 2;
    out.token_count = 2;
    if (!room) return GANTRY_NEED_SIZE;
    out.fee = fee_bps_ * 100;
    out.balances[0] = now.of[0];
    out.balances[1] = now.of[1];
    return GANTRY_OK;
  }
  gantry_status build_swap(const gantry_pool_spec&, const gantry_pool_state&,
                           const gantry_swap_order&,
                           const gantry_instruction_sink*) const override {
    return GANTRY_UNSUPPORTED;
  }

 protected:
  explicit KitVenue(std::uint32_t fee_bps) : fee_bps_(fee_bps) {}

  // GANTRY_OK: the two tokens of a swap are a pool's, and `now` is what it has.
  static gantry_status look_at(const gantry_pool_state& state, std::uint32_t token_in,
                               std::uint32_t token_out, Reserves& now) {
    if (!look(state, now)) return GANTRY_BAD_STATE;
    return token_in > 1 || token_out != 1 - token_in ? GANTRY_BAD_ARGUMENT : GANTRY_OK;
  }
  static bool look(const gantry_pool_state& state, Reserves& out) {
    gantry_bytes bytes = state.overlay;
    if (bytes.size == 0 && state.base.chunk_count > 0) bytes = state.base.chunks[0];
    if (bytes.size != sizeof(out)) return false;
    std::memcpy(&out, bytes.data, sizeof(out));
    return true;
  }
  // Tells what a swap pays, and what it leaves.
  static gantry_status answer(const Reserves& left, const u256& in, const u256& pays,
                              gantry_quote& out, gantry_buffer* next) {
    if (next != nullptr) {
      next->size = sizeof(left);
      if (next->capacity < sizeof(left)) return GANTRY_NEED_SIZE;
      std::memcpy(next->data, &left, sizeof(left));
    }
    out = {};
    out.amount_in = in;
    out.amount_out = pays;
    out.gas = swap_gas;
    return GANTRY_OK;
  }

  const std::uint32_t fee_bps_;
};

class KitPair final : public KitVenue {
 public:
  explicit KitPair(std::uint32_t fee_bps) : KitVenue(fee_bps) {}
  KitPair(Host, const Config&) : KitVenue(30) {}

  gantry_status open_pool(const gantry_pool_spec&, StateWriter,
                          gantry_pool_traits& traits) override {
    traits = {GANTRY_POOL_EXACT_OUT | GANTRY_POOL_SEGMENTS | GANTRY_POOL_FOLLOWS_LOGS,
              sizeof(Reserves), swap_gas};
    return GANTRY_OK;
  }
  gantry_status quote(const gantry_pool_state& state, const gantry_swap& swap, gantry_quote& out,
                      gantry_buffer* next) const override {
    Reserves now{};
    if (const auto seen = look_at(state, swap.token_in, swap.token_out, now); seen != GANTRY_OK) {
      return seen;
    }
    const ConstantProduct curve = curve_of(now, swap.token_in);
    u256 in(swap.amount);
    u256 pays(swap.amount);
    const auto status = swap.mode == GANTRY_EXACT_IN    ? amount_out(curve, in, pays)
                        : swap.mode == GANTRY_EXACT_OUT ? amount_in(curve, pays, in)
                                                        : GANTRY_UNSUPPORTED;
    if (status != GANTRY_OK) return status;
    if (pays.is_zero()) return GANTRY_NO_LIQUIDITY;
    u256 full;
    if (!add(curve.reserve_in, in, full) || bit_width(full) > reserve_bits) {
      return GANTRY_OUT_OF_RANGE;
    }
    now.of[swap.token_in] = full;
    now.of[swap.token_out] = wrapping_sub(curve.reserve_out, pays);
    const auto answered = answer(now, in, pays, out, next);
    u256 fee;
    if (answered == GANTRY_OK && fee_of(curve, in, fee) == GANTRY_OK) out.fee = fee;
    return answered;
  }
  gantry_status limits(const gantry_pool_state& state, std::uint32_t token_in,
                       std::uint32_t token_out, gantry_swap_limits& out) const override {
    Reserves now{};
    if (const auto seen = look_at(state, token_in, token_out, now); seen != GANTRY_OK) return seen;
    u256 in_min;
    if (amount_in(curve_of(now, token_in), u256(1), in_min) != GANTRY_OK) {
      return GANTRY_NO_LIQUIDITY;
    }
    const u256 most = wrapping_sub(shift_left(u256(1), reserve_bits), u256(1));
    out = {in_min, wrapping_sub(most, u256(now.of[token_in])), now.of[token_out]};
    return GANTRY_OK;
  }
  std::optional<std::uint32_t> segments(const gantry_pool_state& state, std::uint32_t token_in,
                                        std::uint32_t token_out,
                                        std::span<gantry_segment> out) const override {
    Reserves now{};
    if (look_at(state, token_in, token_out, now) != GANTRY_OK || out.empty()) return 0;
    const u256 end = wrapping_sub(shift_left(u256(1), reserve_bits), u256(now.of[token_in]));
    out[0] = {now.of[token_in], now.of[token_out],    end, fee_bps_,
              denominator,      GANTRY_SEGMENT_EXACT, 0};
    return 1;
  }

 private:
  ConstantProduct curve_of(const Reserves& now, std::uint32_t in) const {
    return {u256(now.of[in]), u256(now.of[1 - in]), fee_bps_, denominator};
  }
};

// What a borrower's position is: one token for the other at one price, one way, up to an amount.
class KitLoan final : public KitVenue {
 public:
  KitLoan() : KitVenue(0) {}
  KitLoan(Host, const Config&) : KitVenue(0) {}

  gantry_status open_pool(const gantry_pool_spec&, StateWriter,
                          gantry_pool_traits& traits) override {
    traits = {GANTRY_POOL_ONE_WAY | GANTRY_POOL_FOLLOWS_LOGS, sizeof(Reserves), swap_gas};
    return GANTRY_OK;
  }
  gantry_status quote(const gantry_pool_state& state, const gantry_swap& swap, gantry_quote& out,
                      gantry_buffer* next) const override {
    Reserves now{};
    if (const auto seen = look_at(state, swap.token_in, swap.token_out, now); seen != GANTRY_OK) {
      return seen;
    }
    if (swap.token_in != 0 || swap.mode != GANTRY_EXACT_IN) return GANTRY_UNSUPPORTED;
    const u256 in(swap.amount);
    u256 pays;
    if (u256(now.of[0]).is_zero()) return GANTRY_NO_LIQUIDITY;
    if (in > u256(now.of[0])) return GANTRY_OUT_OF_RANGE;
    if (!mul_div_floor(in, u256(now.of[1]), u256(now.of[0]), pays) || pays.is_zero()) {
      return GANTRY_NO_LIQUIDITY;
    }
    now = {{wrapping_sub(u256(now.of[0]), in), wrapping_sub(u256(now.of[1]), pays)}};
    return answer(now, in, pays, out, next);
  }
  gantry_status limits(const gantry_pool_state& state, std::uint32_t token_in,
                       std::uint32_t token_out, gantry_swap_limits& out) const override {
    Reserves now{};
    if (const auto seen = look_at(state, token_in, token_out, now); seen != GANTRY_OK) return seen;
    if (token_in != 0) return GANTRY_UNSUPPORTED;
    u256 least;
    if (!div_ceil(u256(now.of[0]), u256(now.of[1]), least)) return GANTRY_NO_LIQUIDITY;
    if (u256(now.of[0]).is_zero()) return GANTRY_NO_LIQUIDITY;
    out = {least, now.of[0], now.of[1]};
    return GANTRY_OK;
  }
};

// Takes the venue over, which its own table destroys.
template <class Venue>
std::shared_ptr<VenueInstance> make_venue(const std::string& name, Venue* made,
                                          std::int64_t priority) {
  const auto* table = static_cast<const gantry_dex_v1*>(Venue::template table<Venue>());
  auto venue = std::make_shared<VenueInstance>(
      nullptr, std::make_unique<InstanceServices>(name), table,
      reinterpret_cast<gantry_dex_instance*>(made),
      std::make_shared<Health>(name, "the kit's own venue", 1'000'000));
  venue->settings.name = name;
  venue->settings.priority = priority;
  return venue;
}

gantry_address address_of(std::uint8_t kind, std::uint32_t number) {
  gantry_address address{};
  address.kind = GANTRY_ADDRESS_EVM;
  address.length = 20;
  address.bytes[0] = kind;
  for (unsigned i = 0; i < 4; ++i) {
    address.bytes[19 - i] = static_cast<std::uint8_t>(number >> (8 * i));
  }
  return address;
}

struct PairPlan {
  std::uint32_t tokens[2];
  u256 reserves[2];
};

// Of a token, the two dollars alike.
std::uint64_t units_for_ether(std::uint64_t token) {
  return token == 2 ? 4 : (token + 1) * (token + 1);
}

// Of each token in the coin, by how much more than at first; a thousand million: as much.
using Worths = std::vector<std::uint64_t>;
constexpr std::uint64_t one_worth = 1'000'000'000;

recording::Fact reserves_fact(std::uint32_t pool, const PairPlan& plan, const Worths& worths,
                              std::uint64_t shift_bps, bool up) {
  recording::Fact fact;
  fact.pool = pool;
  fact.kind = recording::FactKind::evm_call;
  fact.source = address_of(0x20, pool);
  fact.data.resize(2 * word_bytes);
  for (std::size_t i = 0; i < 2; ++i) {
    u256 reserve = plan.reserves[i];
    const std::uint64_t factor = (i == 0) == up ? denominator + shift_bps : denominator - shift_bps;
    static_cast<void>(mul_div_floor(reserve, u256(factor), u256(denominator), reserve));
    static_cast<void>(
        mul_div_floor(reserve, u256(one_worth), u256(worths[plan.tokens[i]]), reserve));
    store_be(reserve, fact.data.data() + i * word_bytes);
  }
  return fact;
}

// A loan of an ether's worth, and what it is repaid for: a tenth less than it is worth to a tenth
// more.
recording::Fact loan_fact(std::uint32_t pool, std::uint32_t debt, std::uint32_t collateral,
                          std::uint64_t premium_bps) {
  recording::Fact fact;
  fact.pool = pool;
  fact.kind = recording::FactKind::evm_call;
  fact.source = address_of(0x30, pool);
  fact.data.resize(2 * word_bytes);
  const u256 ether(1'000'000'000'000'000'000ULL);
  u256 paid = wrapping_mul(ether, u256(units_for_ether(collateral)));
  static_cast<void>(mul_div_floor(paid, u256(9000 + premium_bps), u256(denominator), paid));
  store_be(wrapping_mul(ether, u256(units_for_ether(debt))), fact.data.data());
  store_be(paid, fact.data.data() + word_bytes);
  return fact;
}

// Up to two swaps that wait, each through one pool, of a hundredth to a fifth of what it has.
std::shared_ptr<const PendingWindow> wait_in(const Snapshot& snapshot,
                                             std::shared_ptr<const PendingWindow>& so_far,
                                             Random& random) {
  const auto& pools = snapshot.topology->pools;
  if (pools.empty()) return so_far;
  auto window =
      so_far ? std::make_shared<PendingWindow>(*so_far) : std::make_shared<PendingWindow>();
  MarketView view;
  view.bind(snapshot, {}, true);
  for (std::uint64_t n = random.below(3); n > 0; --n) {
    const auto pool = static_cast<std::uint32_t>(random.below(pools.size()));
    const std::uint64_t side = random.below(2);
    const std::uint64_t share_bps = 100 + random.below(1900);
    gantry_amount balances[2];
    gantry_pool_view has{0, 2, balances};
    u256 amount;
    if (view.view(pool, has) != GANTRY_OK ||
        !mul_div_floor(u256(balances[side]), u256(share_bps), u256(denominator), amount)) {
      continue;
    }
    // Some pools go one way only.
    gantry_quote quote{};
    const gantry_swap swap{amount, static_cast<std::uint32_t>(side),
                           static_cast<std::uint32_t>(1 - side), GANTRY_EXACT_IN, 0};
    if (view.quote(pool, swap, quote) != GANTRY_OK) continue;
    gantry_pending_event event{};
    event.sequence = ++window->last;
    event.transaction[0] = static_cast<std::uint8_t>(event.sequence);
    event.transaction[1] = static_cast<std::uint8_t>(event.sequence >> 8U);
    event.from = address_of(0x30, 1);
    event.gas_price = u256(100'000'000'000ULL);
    event.amount_in = amount;
    event.amount_out = u256(1);
    event.mode = GANTRY_EXACT_IN;
    event.hop_count = 1;
    event.venue = pools[pool].venue;
    event.hops[0] = {pool, pools[pool].tokens[side], pools[pool].tokens[1 - side], 0};
    window->events.push_back(event);
  }
  so_far = std::move(window);
  return so_far;
}

// What a token is worth from block to block of a market of days. All rise and fall with a walk of
// their own; the first dollar swings around it by two hundredths, twice a day, and on the second
// day, from `apart` on, falls behind by four more, and comes back.
class Drift {
 public:
  Worths next(const MarketShape& shape, std::uint32_t block, Random& random) {
    constexpr std::uint32_t apart = 60;
    constexpr std::uint32_t widest = apart + 8;
    constexpr double swing_blocks = 24;
    Worths worths(shape.tokens, one_worth);
    if (!shape.drifts) return worths;
    walk_ += 0.03 * (static_cast<double>(random.below(2001)) / 1000 - 1);
    double behind = 0;
    if (block >= apart) behind = 0.005 * std::min(block - apart, widest - apart);
    if (block >= widest) behind = std::max(0.0, behind - 0.01 * (block - widest));
    const double swing = 0.022 * std::sin(2 * std::numbers::pi * block / swing_blocks);
    for (std::uint32_t token = 1; token < shape.tokens; ++token) {
      const double log = walk_ + (token == 1 ? swing - behind : 0);
      worths[token] = static_cast<std::uint64_t>(std::llround(std::exp(log) * one_worth));
    }
    return worths;
  }

 private:
  double walk_ = 0;
};

// What an exchange would say of the coin in the first dollar.
std::shared_ptr<const PriceWindow> tell_outside(const Snapshot& snapshot, const Worths& worths,
                                                std::shared_ptr<const PriceWindow>& so_far) {
  if (worths.size() < 2) return so_far;
  auto window = so_far ? std::make_shared<PriceWindow>(*so_far) : std::make_shared<PriceWindow>();
  const double middle =
      static_cast<double>(units_for_ether(1)) * one_worth / static_cast<double>(worths[1]);
  gantry_outside_price price{};
  price.token = 0;
  price.quote = 1;
  price.bid = middle * 0.9999;
  price.ask = middle * 1.0001;
  price.time_ms = snapshot.time_ms - 100;
  price.source[0] = 'k';
  ++window->last;
  window->prices.push_back(price);
  so_far = std::move(window);
  return so_far;
}

// The pairs of a market: of each two tokens one on each venue.
std::vector<PairPlan> plan_pairs(const MarketShape& shape, Random& random) {
  std::vector<PairPlan> plans;
  for (std::uint32_t a = 0; a < shape.tokens; ++a) {
    for (std::uint32_t b = a + 1; b < shape.tokens; ++b) {
      for (int venue = 0; venue < 2; ++venue) {
        // Ten to a thousand ether deep.
        const u256 ether(1'000'000'000'000'000'000ULL);
        const std::uint64_t deep = shape.drifts ? 1000 : 10 + random.below(990);
        const u256 depth = wrapping_mul(ether, u256(deep));
        plans.push_back({{a, b},
                         {wrapping_mul(depth, u256(units_for_ether(a))),
                          wrapping_mul(depth, u256(units_for_ether(b)))}});
      }
    }
  }
  return plans;
}

}  // namespace

GeneratedMarket::GeneratedMarket(const MarketShape& shape, std::uint64_t seed) {
  Random random(seed);
  chain_.block_time_s = static_cast<double>(shape.block_s);
  chain_.gas_price_gwei = 5;
  chain_.wrapped_native = address_of(0x10, 0);
  // Tokens 1 and 2 are dollars.
  for (std::uint32_t i = 1; i < std::min(shape.tokens, 3U); ++i) {
    chain_.usd_tokens.push_back(address_of(0x10, i));
  }
  state_ =
      std::make_unique<MarketState>(chain_, std::vector{make_venue("kit_a", new KitPair(30), 2),
                                                        make_venue("kit_b", new KitPair(25), 1),
                                                        make_venue("kit_loans", new KitLoan, 1)});
  const std::vector<PairPlan> plans = plan_pairs(shape, random);
  // Of their own, so that the pools' are the same whether or not anything waits, or drifts.
  Random waits(seed + 1);
  Random walks(seed + 2);
  Drift drift;
  std::shared_ptr<const PendingWindow> pending;
  std::shared_ptr<const PriceWindow> prices;
  const std::size_t early = plans.size() - std::min<std::size_t>(shape.later_pools, plans.size());
  for (std::uint32_t block = 0; block < shape.blocks; ++block) {
    BlockInput input;
    input.block.number = first_block + block;
    input.block.time_s = first_time_s + shape.block_s * block;
    input.block.base_fee = u256(4'000'000'000ULL + random.below(1'000'000'000));
    const Worths worths = drift.next(shape, block, walks);
    const bool middle = block == shape.blocks / 2;
    if (block == 0) {
      for (std::uint32_t i = 0; i < shape.tokens; ++i) {
        input.tokens.push_back({address_of(0x10, i), i == 0 ? "WETH" : fmt::format("T{}", i), 18});
      }
    }
    const auto move = [&](std::size_t i, bool up) {
      input.facts.push_back(reserves_fact(static_cast<std::uint32_t>(i), plans[i], worths,
                                          random.below(shape.disagreement_bps + 1), up));
    };
    const auto bring = [&](std::size_t from, std::size_t to) {
      for (std::size_t i = from; i < to; ++i) {
        const auto handle = static_cast<std::uint32_t>(i);
        input.pools.push_back({i % 2 == 0 ? "kit_a" : "kit_b",
                               address_of(0x20, handle),
                               {plans[i].tokens[0], plans[i].tokens[1]},
                               {}});
        move(i, i % 2 == 0);
      }
    };
    if (block == 0) bring(0, early);
    if (middle && block != 0) bring(early, plans.size());
    if (block == 0) {
      for (std::uint32_t i = 0; i < shape.loans; ++i) {
        const auto handle = static_cast<std::uint32_t>(input.pools.size());
        const std::uint32_t debt = i % shape.tokens;
        const std::uint32_t collateral = (i + 1) % shape.tokens;
        input.pools.push_back({"kit_loans", address_of(0x30, handle), {debt, collateral}, {}});
        input.facts.push_back(loan_fact(handle, debt, collateral, random.below(2000)));
      }
    }
    const std::size_t there = middle || block > shape.blocks / 2 ? plans.size() : early;
    if (shape.drifts && block != 0) {
      for (std::size_t i = 0; i < there; ++i) move(i, i % 2 == 0);
    } else {
      for (std::uint64_t n = 1 + random.below(4); block != 0 && there > 0 && n > 0; --n) {
        const auto pool = random.below(there);
        if (middle && pool >= early) continue;
        const std::uint64_t shift_bps = random.below(shape.disagreement_bps + 1);
        input.facts.push_back(reserves_fact(static_cast<std::uint32_t>(pool), plans[pool], worths,
                                            shift_bps, random.below(2) == 0));
      }
    }
    auto snapshot = state_->advance(input);
    if (!snapshot) throw Skipped{"the kit's market: " + snapshot.error().message};
    (*snapshot)->time_ms = 1000 * input.block.time_s;
    (*snapshot)->pending = wait_in(**snapshot, pending, waits);
    (*snapshot)->prices = tell_outside(**snapshot, worths, prices);
    snapshots_.push_back(std::move(*snapshot));
  }
}

}  // namespace gantry::host::kit
