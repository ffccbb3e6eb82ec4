// What the judging node knows besides the trades themselves: the risk book, the scopes of whoever
// takes part, how prices move, and what a dry run counts as results.
//
// THREADS    The judging node's, one group at a time.
// OWNERSHIP  Borrows the configuration and the change log, which outlive it.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "host/config/load.hpp"
#include "host/execute/fill.hpp"
#include "host/market/market_view.hpp"
#include "host/plan/calls.hpp"
#include "host/risk/gate.hpp"

namespace gantry::host {

class RiskStage {
 public:
  // Trades of a dry run whose result is not known yet; more are not counted.
  static constexpr std::size_t open_max = 4096;
  // Trades whose results may be taken back; of older ones only the totals are corrected.
  static constexpr std::size_t closed_max = 256;

  RiskStage(const Configuration& configuration, const ChangeLog& changes,
            std::shared_ptr<RiskBook> book, Carries carries = Carries::nothing);

  // Before a group is judged: time goes on, and what would have been executed by then has its
  // result. Returns what the book was told from outside since the group before, to be recorded.
  // `view` is bound to the snapshot.
  std::vector<RiskFact> begin(const Snapshot& snapshot, const MarketView& view);
  // Until the next begin().
  TradeRisk risk_of(const Snapshot& snapshot, const Ranked& ranked);
  // The same trade with no more than `bound` allows, quoted anew; nothing: it cannot be cut.
  std::optional<Ranked> cut(const MarketView& view, const Ranked& ranked,
                            const TradeRisk& risk) const;
  // Trades that close what is left open where a scope of it is REDUCING: as much as passes, all of
  // it or a half, a quarter and so on, through the one pool that pays the most for that; where
  // nothing passes all of it, so that the refusal is seen. None of what is under way or waits.
  std::vector<Ranked> unwinding(const Snapshot& snapshot, const MarketView& view,
                                const std::function<bool(const Ranked&)>& passes) const;
  // Whether one like it was approved and could not be carried out a few blocks ago.
  bool waits(const Snapshot& snapshot, const Ranked& ranked) const;
  const std::shared_ptr<const Positions>& positions() const noexcept { return turn_->positions; }
  // The one of its group that is planned. Returns what it counts in, if it counts.
  TradeScopes planned(const Snapshot& snapshot, const Approved<Ranked>& trade, std::uint64_t group);
  // What became of one that is executed. One of an earlier run counts where its names do, and where
  // their libraries among these plugins; null: among those of the newest snapshot.
  void filled(const Fill& fill, const PluginSet* plugins);

  RiskBook& book() noexcept { return *book_; }

 private:
  struct PluginScopes {
    ScopeId own = total_scope;
    ScopeId library = total_scope;
  };
  struct Lane {
    std::uint32_t lane = 0;
    PluginScopes scopes;
    std::string name;
  };
  struct OpenTrade {
    Ranked ranked;
    TradeOpened opened;
    std::uint64_t execution_block = 0;
    std::uint64_t group = 0;
    std::optional<OneWayTrade> one_way;  // as it was planned
  };

  // One whose result was told, which may be taken back.
  struct ClosedTrade {
    TradeOpened opened;
    std::uint64_t group = 0;
    Booked booked;
  };

  void look_at_prices(const Snapshot& snapshot);
  void name_scopes(const Snapshot& snapshot);
  TradeScopes scopes_of(const Fill& fill, const PluginSet* plugins) const;
  void settle(const MarketView& view);
  void mark(const Snapshot& snapshot, const MarketView& view);
  std::optional<OneWayTrade> one_way_of(const Snapshot& snapshot, const Ranked& ranked) const;
  std::optional<Ranked> closing_of(const Snapshot& snapshot, const MarketView& view,
                                   const Position& position, std::uint32_t lane,
                                   const std::function<bool(const Ranked&)>& passes) const;
  TradeClosed result_of(const MarketView& view, const OpenTrade& trade) const;

  const Carries carries_;  // where it is not nothing, results come as fills
  const bool counts_;      // results are what the route pays in the next block
  const bool unwinds_;
  const std::uint64_t gas_overhead_;
  const Sender sender_;
  const ChangeLog& changes_;
  std::shared_ptr<RiskBook> book_;
  std::shared_ptr<const RiskView> turn_;  // of the group that is judged
  PoolVolatility volatility_;
  std::uint64_t newest_ = 0;  // snapshot whose prices were looked at
  std::vector<std::uint32_t> changed_;
  // Whose scopes are below. Not held: a set that no snapshot carries has to go.
  std::uint64_t topology_ = UINT64_MAX;
  std::weak_ptr<const PluginSet> plugins_;
  std::vector<PluginScopes> venues_;  // by the topology's number
  std::vector<Lane> lanes_;
  std::vector<OpenTrade> open_;
  std::vector<ClosedTrade> closed_;  // the newest, in their order
  bool marked_ = false;              // the book knows of open losses
  // Of trades between two tokens that could not be carried out: not before that block again.
  struct Waiting {
    OneWayTrade trade;
    std::uint64_t until_block;
  };
  std::vector<Waiting> waiting_;
  std::uint64_t block_ = 0;  // of the group that is judged
};

}  // namespace gantry::host
