// What a host, a risk gate and a restart need of a strategy.
#include <algorithm>
#include <cstring>

#include "host/base/text.hpp"
#include "host/kit/strategy.hpp"

namespace gantry::host::kit {
namespace {

const u256 no_limit = u256::max();

gantry_sizing_limits limits_of(const u256& amount, std::uint32_t share_bps,
                               std::uint64_t gas_cost_gwei = 5) {
  gantry_sizing_limits limits{};
  limits.amount_in_max = amount;
  limits.pool_share_max_bps = share_bps;
  limits.gas_cost_wei = u256(gas_cost_gwei * 1'000'000'000ULL);
  limits.gas_overhead = 60'000;
  return limits;
}

gantry_result result_of(const gantry_opportunity& found, std::int32_t kind) {
  return {found.key,       found.block,     kind, kind == GANTRY_RESULT_REFUSED ? 10 : 0,
          found.amount_in, found.amount_out};
}

u256 share(const u256& amount, std::uint64_t numerator, std::uint64_t denominator) {
  u256 result;
  return mul_div_floor(amount, u256(numerator), u256(denominator), result) ? result : amount;
}

// Markets from calm to wild, with and without pools that come later; one with loans to repay, and
// one of two days for who looks back.
constexpr MarketShape shapes[] = {{3, 8, 400, 0}, {5, 12, 300, 6},  {2, 6, 2000, 0},
                                  {6, 6, 30, 0},  {4, 6, 30, 0, 6}, {3, 84, 5, 0, 0, true, 1800}};

// Limits that cut into an opportunity in every way.
std::vector<gantry_sizing_limits> some_limits(const gantry_opportunity& found) {
  const u256 in(found.amount_in);
  return {limits_of(no_limit, 10000),
          limits_of(share(in, 1, 2), 10000),
          limits_of(share(in, 1, 1000), 10000),
          limits_of(wrapping_sub(in, u256(1)), 10000),
          limits_of(no_limit, 1000),
          limits_of(no_limit, 100),
          limits_of(no_limit, 1),
          limits_of(share(in, 2, 3), 50),
          limits_of(u256(1), 10000),
          limits_of(u256(0), 10000),
          limits_of(no_limit, 0),
          limits_of(no_limit, 10000, 100'000)};
}

// Lives through a market; `each` sees every snapshot after find().
template <class F>
std::size_t live(Strategy& strategy, const GeneratedMarket& market, F&& each) {
  std::size_t found = 0;
  for (const SnapshotPtr& snapshot : market.snapshots()) {
    strategy.meet(*snapshot);
    if (!strategy.prepared()) continue;
    const auto opportunities = strategy.find();
    found += opportunities.size();
    each(opportunities);
    std::int32_t kind = GANTRY_RESULT_PLANNED;
    for (const auto& one : opportunities) {
      // What is bought is held, so that selling it is tried, too.
      const bool trades = one.kind == GANTRY_OPPORTUNITY_POSITION &&
                          (one.flags & GANTRY_OPPORTUNITY_SIMULATE_ONLY) == 0;
      strategy.on_result(result_of(one, trades ? GANTRY_RESULT_FILLED : kind));
      if (trades) strategy.fill(one);
      kind = kind % GANTRY_RESULT_FAILED + 1;
    }
  }
  return found;
}

}  // namespace

namespace {

// How many an instance of its own finds in the market, each looked at.
std::size_t find_in(Loaded& library, const GeneratedMarket& market, bool guarded,
                    std::string* transcript = nullptr) {
  const Instance instance(library);
  Strategy strategy(library, instance.object(), guarded, transcript);
  return live(strategy, market, [&](const std::vector<gantry_opportunity>& all) {
    for (const auto& one : all) {
      strategy.require_chained(one, "find()");
      strategy.require_quoted(one, "find()");
      const auto status = strategy.validate(one);
      require(status == GANTRY_OK,
              fmt::format("in the snapshot that it was found in, validate() answers {}",
                          status_text(status)));
      strategy.plan(one);
    }
    if (all.size() < 2) return;
    strategy.find(all.size() / 2);
    require(strategy.emitted_after_refusal() <= 1,
            fmt::format("after its sink refused one, find() emits {} more",
                        strategy.emitted_after_refusal() - 1));
  });
}

}  // namespace

void check_strategy_finds(Subject& subject) {
  Loaded library(subject);
  std::size_t found = 0;
  for (const MarketShape& shape : shapes) {
    const GeneratedMarket market(shape, subject.seed);
    if (!shape.drifts) {
      found += find_in(library, market, false);
      continue;
    }
    // Other checks have markets of minutes alone, so that this one sees whether what looks back
    // answers from its arguments.
    std::string once;
    std::string again;
    found += find_in(library, market, true, &once);
    found += find_in(library, market, true, &again);
    require(once == again, "in a market of two days another instance answers otherwise");
  }
  if (found == 0) {
    throw Untried{
        "it found nothing in the kit's markets, whose prices are up to a fifth apart, so nothing "
        "that it trades was looked at: let it find with its defaults. An operator who trusts it "
        "untried installs it with --unchecked"};
  }
}

void check_strategy_size(Subject& subject) {
  Loaded library(subject);
  std::size_t sized_count = 0;
  std::size_t found = 0;
  for (const MarketShape& shape : shapes) {
    const GeneratedMarket market(shape, subject.seed);
    const Instance instance(library);
    Strategy strategy(library, instance.object(), false);
    found += live(strategy, market, [&](const std::vector<gantry_opportunity>& all) {
      for (std::size_t i = 0; i < std::min<std::size_t>(all.size(), 8); ++i) {
        for (const gantry_sizing_limits& limits : some_limits(all[i])) {
          gantry_opportunity sized{};
          if (strategy.size(all[i], limits, sized) != GANTRY_OK) continue;
          ++sized_count;
          strategy.require_chained(sized, "size()");
          strategy.require_within(sized, limits);
          strategy.require_quoted(sized, "size()");
          require(sized.token_in == all[i].token_in,
                  "size() answers an opportunity that begins in another token");
        }
      }
    });
  }
  if (found == 0) throw Skipped{"it found nothing in the kit's markets"};
  if (sized_count == 0) {
    throw Untried{
        "size() fitted nothing of what it found to any limits, so it is not known that it keeps to "
        "them: let it answer those that leave room. An operator who trusts it untried installs it "
        "with --unchecked"};
  }
}

namespace {

// Saves after `half` snapshots, and lives on in two instances.
void save_after(Subject& subject, Loaded& library, const GeneratedMarket& market,
                std::size_t half) {
  const auto& snapshots = market.snapshots();
  const Instance first(library);
  std::string goes_on;
  Strategy before(library, first.object(), true, &goes_on);
  const auto step = [](Strategy& strategy, const Snapshot& snapshot) {
    strategy.meet(snapshot);
    if (!strategy.prepared()) return;
    const auto found = strategy.find();
    for (const auto& one : found) strategy.on_result(result_of(one, GANTRY_RESULT_PLANNED));
  };
  for (std::size_t i = 0; i < half; ++i) step(before, *snapshots[i]);
  std::vector<std::uint8_t> saved;
  if (before.save(saved) == GANTRY_UNSUPPORTED) {
    require(before.load(saved) == GANTRY_UNSUPPORTED,
            "save() is GANTRY_UNSUPPORTED and load() is not");
    throw Skipped{"it has no memory to save"};
  }
  std::vector<std::uint8_t> again;
  before.save(again);
  require(saved == again, "save() writes something else the second time");

  // One that was given the saved bytes after another life, and one that goes on.
  std::string returns;
  const Instance second(library);
  Strategy after(library, second.object(), true, &returns);
  after.meet(*snapshots[half]);
  for (int n = 0; n < 24; ++n) {
    std::vector<std::uint8_t> wrong = saved;
    Random random(subject.seed + static_cast<std::uint64_t>(n));
    if (n < 8) {
      wrong.resize(saved.size() * static_cast<std::size_t>(n) / 8);
    } else {
      wrong.resize(n < 16 ? saved.size() : random.below(4096));
      for (auto& byte : wrong) byte = static_cast<std::uint8_t>(random.next());
    }
    const auto status = after.load(wrong);
    require(status != GANTRY_OK || n >= 8,
            fmt::format("load() takes {} of {} bytes for all of it", wrong.size(), saved.size()));
    if (status != GANTRY_OK) continue;
    // Random bytes may be a memory; what it is now is not to be judged.
  }
  require(after.load(saved) == GANTRY_OK, "load() does not take what save() wrote");
  std::vector<std::uint8_t> restored;
  require(after.save(restored) == GANTRY_OK && restored == saved,
          "what it saves right after load() is not what it was given");
  // Both as after a restart: with every pool new to them.
  before.set_cold();
  after.set_cold();
  goes_on.clear();
  returns.clear();
  for (std::size_t i = half; i < snapshots.size(); ++i) {
    step(before, *snapshots[i]);
    step(after, *snapshots[i]);
    require(goes_on == returns,
            fmt::format("{} snapshots after load() it answers otherwise than the one that went on",
                        i - half));
  }
}

}  // namespace

void check_strategy_save(Subject& subject) {
  Loaded library(subject);
  const GeneratedMarket market({5, 12, 300, 0}, subject.seed);
  for (const std::size_t half : {1U, 2U, 5U, 8U}) save_after(subject, library, market, half);
}

void check_strategy_host_faults(Subject& subject) {
  Loaded library(subject);
  for (const std::uint32_t percent : {100U, 50U, 20U, 5U}) {
    const GeneratedMarket market({4, 8, 400, 3}, subject.seed + percent);
    const Instance instance(library);
    Strategy strategy(library, instance.object(), true);
    strategy.set_services({percent, subject.seed});
    live(strategy, market, [&](const std::vector<gantry_opportunity>& all) {
      for (const auto& one : all) {
        strategy.require_chained(one, "find(), whose services refuse some calls,");
        strategy.validate(one);
        gantry_opportunity sized{};
        const auto limits = limits_of(share(u256(one.amount_in), 1, 2), 1000);
        if (strategy.size(one, limits, sized) != GANTRY_OK) continue;
        strategy.require_chained(sized, "size(), whose services refuse some calls,");
      }
    });
    strategy.set_services({});
  }
}

void check_strategy_bad_input(Subject& subject) {
  Loaded library(subject);
  Random random(subject.seed);
  {
    // Nothing to trade, and then one token alone.
    for (const std::uint32_t tokens : {0U, 1U}) {
      const GeneratedMarket market({tokens, 3, 0, 0}, subject.seed);
      const Instance instance(library);
      Strategy strategy(library, instance.object(), true);
      const auto found = live(strategy, market, [](const auto&) {});
      require(found == 0, "it finds trades in a market without pools");
    }
  }
  const GeneratedMarket market({4, 6, 400, 0}, subject.seed);
  const Instance instance(library);
  Strategy strategy(library, instance.object(), true);
  gantry_opportunity any{};
  any.kind = GANTRY_OPPORTUNITY_ARBITRAGE;
  any.leg_count = 2;
  any.amount_in = u256(1'000'000'000ULL);
  any.amount_out = any.amount_in;
  any.legs[0].hop = {0, 0, 1, 0};
  any.legs[1].hop = {1, 1, 0, 0};
  live(strategy, market, [&](const std::vector<gantry_opportunity>& all) {
    gantry_opportunity base = all.empty() ? any : all.front();
    const auto odd = [&](auto&& change) {
      gantry_opportunity changed = base;
      change(changed);
      strategy.validate(changed);
      gantry_opportunity sized{};
      for (const auto& limits : {limits_of(no_limit, 10000), limits_of(u256(1000), 1)}) {
        if (strategy.size(changed, limits, sized) != GANTRY_OK) continue;
        strategy.require_chained(sized, "size()");
        strategy.require_within(sized, limits);
      }
    };
    odd([](auto& o) { o.key = UINT64_MAX; });
    // Far from everything, whatever is indexed by it: one that wraps may hit what is there.
    odd([](auto& o) { o.key = 1ULL << 40U; });
    odd([](auto& o) { o.key = 1ULL << 56U; });
    odd([](auto& o) { o.key ^= 1; });
    odd([](auto& o) { o.legs[0].hop.pool = UINT32_MAX; });
    odd([](auto& o) { o.legs[0].hop.pool = 9999; });
    odd([](auto& o) { o.legs[0].hop.token_in = 77; });
    odd([](auto& o) { o.legs[0].hop.token_out = UINT32_MAX; });
    odd([](auto& o) { o.token_in = o.token_out = 9999; });
    odd([](auto& o) { o.leg_count = 0; });
    odd([](auto& o) { o.leg_count = 1; });
    odd([](auto& o) { o.amount_in = u256(0); });
    odd([](auto& o) { o.amount_in = u256::max(); });
    odd([&](auto& o) { std::memset(o.data, 0xFF, sizeof(o.data)); });
  });
  for (const std::int32_t kind : {0, 1, 2, 3, 4, 5, -1, INT32_MAX}) {
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{4}, std::size_t{64}, std::size_t{88}, std::size_t{100}}) {
      std::vector<std::uint8_t> payload(size);
      for (auto& byte : payload) byte = static_cast<std::uint8_t>(random.next());
      strategy.on_event(kind, payload);
    }
    strategy.on_result({random.next(), random.next(), kind, kind, u256::max(), u256(0)});
  }
  std::vector<std::uint8_t> saved;
  strategy.save(saved);
}

void work_strategy(const Subject&, Loaded& library, void* object, std::uint64_t seed,
                   const Workout& workout) {
  const GeneratedMarket market({4, 8, 400, 3}, seed);
  Strategy strategy(library, object, workout.guarded, workout.transcript);
  live(strategy, market, [&](const std::vector<gantry_opportunity>& all) {
    for (std::size_t i = 0; i < std::min<std::size_t>(all.size(), 6); ++i) {
      strategy.validate(all[i]);
      for (const gantry_sizing_limits& limits : some_limits(all[i])) {
        gantry_opportunity sized{};
        strategy.size(all[i], limits, sized);
      }
      strategy.plan(all[i]);
    }
    strategy.on_event(GANTRY_EVENT_BREAKER, std::vector<std::uint8_t>(4, 0));
  });
  std::vector<std::uint8_t> saved;
  if (strategy.save(saved) == GANTRY_OK) strategy.load(saved);
}

}  // namespace gantry::host::kit
