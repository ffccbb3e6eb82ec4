// Finds cycles through the pools that a pending transaction moves, in the market as it leaves it.
// The host shows that market (gantry/after_pending.h); the search is that of all cycles
// (gantry/search/cycle_trades.hpp).
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "gantry/after_pending.hpp"
#include "gantry/pending.hpp"
#include "gantry/search/cycle_trades.hpp"
#include "gantry/strategy.hpp"

namespace gantry::backrun {
namespace {

// Of one transaction: beyond a few, its cycles go through the same pool.
constexpr std::uint32_t cycles_of_one_max = 8;

class Backrun final : public TradingStrategy {
 public:
  Backrun(Host host, const Config& config)
      : host_(host),
        after_pending_(host),
        transactions_max_(static_cast<std::size_t>(config.integer("max_transactions"))),
        opportunities_max_(static_cast<std::size_t>(config.integer("max_opportunities"))),
        trades_(host,
                {static_cast<double>(config.integer("min_profit_bps")),
                 static_cast<std::uint32_t>(config.integer("max_hops")), true, cycles_of_one_max}) {
    if (!after_pending_.is_there()) {
      host_.warning("this host does not show the market behind a pending swap: nothing is found");
    }
    waiting_.reserve(2 * transactions_max_);
    found_.reserve(transactions_max_ * cycles_of_one_max);
  }

  gantry_status prepare(const Market& market) override {
    trades_.prepare(market);
    return GANTRY_OK;
  }

  gantry_status on_pending(const Market&, std::span<const gantry_pending_event> events,
                           std::uint64_t dropped) {
    host_.count("swaps_told", events.size());
    if (dropped != 0) host_.count("swaps_missed", dropped);
    for (const gantry_pending_event& event : events) {
      const std::uint64_t transaction = transaction_key(event);
      // A transaction's swaps come one after the other, and are looked behind together.
      if (!waiting_.empty() && waiting_.back().transaction == transaction) continue;
      if (waiting_.size() == 2 * transactions_max_) {
        waiting_.erase(waiting_.begin(), waiting_.end() - static_cast<long>(transactions_max_));
        host_.count("transactions_cut", transactions_max_);
      }
      waiting_.push_back({event.sequence, transaction});
    }
    return GANTRY_OK;
  }
  const void* get_extension(const char* id) const override { return strategy_pending<Backrun>(id); }

  gantry_status find(const Market& market, OpportunitySink sink) override {
    trades_.follow(market);
    found_.clear();
    if (waiting_.size() > transactions_max_) {
      const std::size_t cut = waiting_.size() - transactions_max_;
      host_.count("transactions_cut", cut);
      waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<long>(cut));
    }
    // Once each, as soon as it is told of: in a later block it may be part of the pools' states.
    for (const Waiting& waiting : waiting_) {
      const gantry_status status =
          after_pending_.look(market, waiting.sequence, [&](const Market& after) {
            Collector collector{*this, after, waiting};
            const gantry_opportunity_sink into{&collector, &Collector::take};
            const gantry_status found = trades_.find(after, OpportunitySink(&into));
            trades_.follow(market, after.changed_pools());
            return found;
          });
      if (status == GANTRY_BAD_ARGUMENT) host_.count("transactions_in_a_block", 1);
      if (status == GANTRY_REFUSED) host_.count("transactions_that_would_fail", 1);
      if (status == GANTRY_UNSUPPORTED) host_.count("transactions_not_known_whole", 1);
    }
    waiting_.clear();
    std::sort(found_.begin(), found_.end(), [](const Scored& a, const Scored& b) {
      if (a.score != b.score) return a.score > b.score;
      return a.opportunity.key < b.opportunity.key;
    });
    if (found_.size() > opportunities_max_) {
      host_.count("backruns_cut", found_.size() - opportunities_max_);
      found_.resize(opportunities_max_);
    }
    for (const Scored& one : found_) {
      if (!sink.emit(one.opportunity)) break;
    }
    return GANTRY_OK;
  }

  gantry_status validate(const Market& market, const gantry_opportunity& opportunity) override {
    return after_pending_.look(market, backrun_of(opportunity).pending, [&](const Market& after) {
      return TradingStrategy::validate(after, opportunity);
    });
  }

  gantry_status size(const Market& market, const gantry_opportunity& opportunity,
                     const gantry_sizing_limits& limits, gantry_opportunity& out) override {
    return after_pending_.look(market, backrun_of(opportunity).pending, [&](const Market& after) {
      trades_.follow(after, after.changed_pools());
      gantry_opportunity sized{};
      const gantry_status status = trades_.size(after, opportunity, limits, sized);
      trades_.follow(market, after.changed_pools());
      if (status != GANTRY_OK) return status;
      sized.key = opportunity.key;
      std::memcpy(sized.data, opportunity.data, sizeof(sized.data));
      out = sized;
      return status;
    });
  }

 private:
  // The first swap of a transaction, and a word of its hash.
  struct Waiting {
    std::uint64_t sequence;
    std::uint64_t transaction;
  };
  struct Scored {
    gantry_opportunity opportunity;
    double score;
  };
  struct Collector {
    Backrun& strategy;
    const Market& after;
    const Waiting& waiting;

    static gantry_status take(void* self, const gantry_opportunity* found) {
      static_cast<Collector*>(self)->take(*found);
      return GANTRY_OK;
    }
    void take(gantry_opportunity found) const {
      found.key ^= waiting.transaction;
      const gantry_backrun backrun{waiting.sequence, 0, 0};
      std::memcpy(found.data, &backrun, sizeof(backrun));
      gantry_value stake;
      if (after.value(found.token_in, found.amount_in, stake) != GANTRY_OK) return;
      const double net = to_double(u256(stake.ether_wei)) * found.expected_profit_bps;
      strategy.found_.push_back({found, net * found.confidence});
    }
  };

  static gantry_backrun backrun_of(const gantry_opportunity& opportunity) {
    gantry_backrun backrun;
    std::memcpy(&backrun, opportunity.data, sizeof(backrun));
    return backrun;
  }

  Host host_;
  AfterPending after_pending_;
  std::size_t transactions_max_;
  std::size_t opportunities_max_;
  search::CycleTrades trades_;
  std::vector<Waiting> waiting_;
  std::vector<Scored> found_;
};

}  // namespace
}  // namespace gantry::backrun

GANTRY_PLUGIN(gantry::backrun::Backrun);
