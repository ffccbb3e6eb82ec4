// The bodies of the street's nodes. Each is called by one node, one at a time.
#include <fmt/format.h>
#include <sys/resource.h>

#include <thread>

#include "host/base/sha256.hpp"
#include "host/market/valuation.hpp"
#include "host/street/run.hpp"

namespace gantry::host {

namespace {

using Steady = std::chrono::steady_clock;

std::uint64_t since(Steady::time_point start) {
  return static_cast<std::uint64_t>((Steady::now() - start).count());
}

// Every pool's state, chunk by chunk: two runs that hash the same ended in the same market.
std::string hash_states(const Snapshot& snapshot) {
  std::vector<std::byte> bytes;
  const auto add = [&bytes](const void* data, std::size_t size) {
    const auto* begin = static_cast<const std::byte*>(data);
    bytes.insert(bytes.end(), begin, begin + size);
  };
  for (std::uint32_t pool = 0; pool < snapshot.topology->pools.size(); ++pool) {
    const gantry_state* state = snapshot.states.find(pool);
    const std::uint64_t chunks = state == nullptr ? 0 : state->chunk_count;
    add(&chunks, sizeof(chunks));
    for (std::uint64_t i = 0; i < chunks; ++i) {
      add(&state->chunks[i].size, sizeof(std::uint64_t));
      add(state->chunks[i].data, state->chunks[i].size);
    }
  }
  return sha256_of(bytes);
}

}  // namespace

// Live pace: waits until the block is due by the chain's clock, `speed` times faster.
void Street::Run::pace(const BlockInput& input) {
  if (first_arrival_ == Steady::time_point()) {
    first_arrival_ = Steady::now();
    first_time_s_ = input.block.time_s;
    return;
  }
  if (options_.live || options_.pace != Pace::live || decisions_ || options_.speed <= 0) return;
  const double elapsed_s = static_cast<double>(input.block.time_s - first_time_s_) / options_.speed;
  const auto due = first_arrival_ + std::chrono::duration_cast<Steady::duration>(
                                        std::chrono::duration<double>(elapsed_s));
  // In steps, so that a stop is heard.
  while (!stop_.load(std::memory_order_relaxed) && Steady::now() < due) {
    std::this_thread::sleep_until(std::min(due, Steady::now() + std::chrono::milliseconds(20)));
  }
}

void Street::Run::request_stop() noexcept {
  stop_.store(true, std::memory_order_relaxed);
  if (options_.live) options_.live->stop();
}

// Nothing: the run's input is over, or it is stopped. feeding_ held.
std::optional<BlockInput> Street::Run::next_input() {
  // A stop is heard after the first block, so that there is something to report. A chain may not
  // bring one.
  const auto stopped = [&] {
    return (fed_ > 0 || options_.live) && stop_.load(std::memory_order_relaxed);
  };
  if (feed_ended_ || stopped() || (fed_ != 0 && fed_ == options_.blocks_max)) return std::nullopt;
  auto input = feed_->next();
  if (!input || input->block.number > options_.last_block ||
      input->block.time_s > options_.last_time_s) {
    return std::nullopt;
  }
  pace(*input);
  hold_for_change(fed_);
  tokens_->acquire();
  if (stopped()) return std::nullopt;
  ++fed_;
  input->arrived = Steady::now();
  if (recorder_) recorder_->input(*input);
  return input;
}

// Blocks are offered in their order, by whoever holds feeding_. He works on a strategy's turn
// himself and has let go of it then, so that another one brings the next block if that takes long.
// Where no other one is free the workers do it.
//
// Rationale: to wake a thread takes as long as all else that is done for a block. So the free one
// is not woken: it looks now and then.
void Street::Run::feed() {
  while (true) {
    std::unique_lock bringing(feeding_, std::try_to_lock);
    if (!bringing.owns_lock()) {
      ++feeders_free_;
      while (!bringing.try_lock()) std::this_thread::sleep_for(feeder_looks_every);
      --feeders_free_;
    }
    auto input = next_input();
    if (!input) {
      feed_ended_ = true;
      return;
    }
    const bool may_carry = options_.backtest != nullptr || feeders_free_.load() != 0;
    auto mine = offer(std::make_shared<const BlockInput>(std::move(*input)), may_carry);
    bringing.unlock();
    while (mine) mine = carry(*mine);
  }
}

SnapshotPtr Street::Run::give_up(Error error) {
  failure_ = std::move(error);
  request_stop();
  release_tokens();
  return nullptr;
}

SnapshotPtr Street::Run::apply(const InputPtr& block) {
  if (failure_) {
    release_tokens();
    return nullptr;
  }
  const BlockInput& input = *block;
  const auto start = Steady::now();
  if (auto changed = take_change(snapshots_ + 1); !changed) return give_up(changed.error());
  auto snapshot = set_->market->advance(input);
  if (!snapshot) return give_up(snapshot.error());
  if (!last_) {
    subscribe(**snapshot);
    warm_history(**snapshot, input);
    first_block_ = input.block.number;
  }
  // Nothing of the market before it is this one's.
  if (last_ && last_->plugins->market != set_->market) (*snapshot)->cold = true;
  if (options_.backtest != nullptr) options_.backtest->meet(*snapshot);
  changes_.add(**snapshot);
  history_.add(**snapshot);
  facts_ += input.fact_count();
  last_block_ = input.block.number;
  head_block_.store(input.block.number, std::memory_order_relaxed);
  const auto count = snapshots_.fetch_add(1, std::memory_order_relaxed) + 1;
  if (count == 1) {
    load_s_ = static_cast<double>(since(input.arrived)) * 1e-9;
  } else {
    apply_times_.add(since(start));
  }
  if (auto shown = show(*snapshot, block); !shown) return give_up(shown.error());
  last_ = *snapshot;
  return *snapshot;
}

void Street::Run::rank_group(Group& group) const {
  std::size_t count = 0;
  for (const BatchPtr& batch : group.batches) count += batch->ranked.size();
  if (count == 0) return;
  const auto start = Steady::now();
  group.ranked.reserve(count);
  for (const BatchPtr& batch : group.batches) {
    group.ranked.insert(group.ranked.end(), batch->ranked.begin(), batch->ranked.end());
  }
  rank(group.ranked);
  group.rank_ns = since(start);
}

// Those it worked with, whatever was changed since.
const StrategySettings& Street::Run::settings_of(const Group& group, const Ranked& ranked) {
  if (ranked.is_hosts) {
    return group.snapshot->plugins->find(ranked.strategy)->instance->settings;
  }
  const auto batch = std::ranges::find(group.batches, ranked.strategy,
                                       [](const BatchPtr& b) { return b->strategy; });
  return (*batch)->snapshot->plugins->find(ranked.strategy)->instance->settings;
}

// What the book was told from outside holds from this group on; a replay tells it the same.
void Street::Run::begin_risk(Group& group) {
  if (decisions_) {
    for (const RiskFact& fact : decisions_->risk_facts(group.number)) {
      // What was restored and could not be read halted the run too.
      (void)risk_->book().apply(fact);
    }
  }
  if (decisions_) {
    const auto fills = decisions_->fills(group.number);
    group.fills.assign(fills.begin(), fills.end());
  } else if (options_.execution != nullptr) {
    group.fills = options_.execution->take_fills();
  } else if (options_.backtest != nullptr) {
    group.fills = options_.backtest->take_fills();
  }
  // A fill that is there has its positions before it.
  risk_->book().adopt_positions();
  // What an earlier run left to tell comes before the first group, and has its time.
  risk_->book().begin_before(group.snapshot->context.state_time_s);
  for (const Fill& fill : group.fills) {
    risk_->filled(fill, group.snapshot->plugins.get());
  }
  risk_view_.bind(*group.snapshot, {}, true);
  if (options_.execution != nullptr) options_.execution->note_prices(risk_view_);
  group.risk_facts = risk_->begin(*group.snapshot, risk_view_);
}

// After the run, by whoever ran it: no group of the recording is told of them. Without a group
// there is no time that they could be of, and the next run tells them.
void Street::Run::tell_late(std::span<const Fill> fills) {
  if (!risk_ || !risk_->book().has_time()) return;
  for (const Fill& fill : fills) risk_->filled(fill, nullptr);
}

// The one that a trade was quoted in. Its runner has looked behind the same transaction in the same
// snapshot, so that can be done again; where a venue was retired since, the gate sees that.
const MarketView& Street::Run::market_of(const Ranked& ranked, const MarketView& view,
                                         AfterPending& after) {
  const gantry_opportunity& o = ranked.opportunity;
  if (o.kind != GANTRY_OPPORTUNITY_BACKRUN) return view;
  const gantry_backrun backrun = backrun_of(o);
  const bool is_behind =
      backrun.legs_before == 0 && after.bind(view.snapshot(), backrun.pending) == GANTRY_OK;
  return is_behind ? after.view() : view;
}

// To be rid of a position goes before every new trade: the host's own way out of it first.
void Street::Run::put_closings_first(Group& group) {
  if (group.positions->empty()) return;
  const auto passes = [&](const Ranked& ranked) {
    return gate_
        .check(risk_view_, ranked, settings_of(group, ranked), group.head_block,
               risk_->risk_of(*group.snapshot, ranked))
        .has_value();
  };
  std::vector<Ranked> closings = risk_->unwinding(*group.snapshot, risk_view_, passes);
  group.ranked.insert(group.ranked.begin(), std::make_move_iterator(closings.begin()),
                      std::make_move_iterator(closings.end()));
  std::ranges::stable_partition(group.ranked, [&](const Ranked& ranked) {
    if (!ranked.one_way || risk_->waits(*group.snapshot, ranked)) return false;
    return ranked.is_hosts || risk_->risk_of(*group.snapshot, ranked).closes != nullptr;
  });
}

void Street::Run::judge_group(Group& group) {
  const auto start = Steady::now();
  begin_risk(group);
  if (options_.backtest != nullptr && !options_.backtest->is_open(group.snapshot->context)) {
    group.ranked.clear();
  }
  group.positions = risk_->positions();
  put_closings_first(group);
  if (group.ranked.empty()) return;
  group.verdicts.resize(group.ranked.size());
  for (std::size_t i = 0; i < group.ranked.size(); ++i) {
    Ranked& ranked = group.ranked[i];
    const auto& settings = settings_of(group, ranked);
    TradeRisk risk = risk_->risk_of(*group.snapshot, ranked);
    const MarketView& view = market_of(ranked, risk_view_, risk_after_);
    auto verdict = gate_.check(view, ranked, settings, group.head_block, risk);
    if (!verdict && is_of_size(verdict.error().reason)) {
      if (auto smaller = risk_->cut(view, ranked, risk)) {
        risk = risk_->risk_of(*group.snapshot, *smaller);
        auto second = gate_.check(view, *smaller, settings, group.head_block, risk);
        if (second) {
          ranked = std::move(*smaller);
          verdict = std::move(second);
        }
      }
    }
    if (!verdict) {
      group.verdicts[i] = verdict.error();
    } else if (shares_pool(group, ranked)) {
      group.verdicts[i].reason = RefusalReason::pool_used_already;
    } else {
      group.approved.push_back(std::move(*verdict));
    }
  }
  if (!group.approved.empty()) {
    const Ranked& best = group.approved.front().value();
    group.limits =
        profit_limits(best, settings_of(group, best), risk_->risk_of(*group.snapshot, best),
                      group.snapshot->ether_usd_e6);
    group.scopes = risk_->planned(*group.snapshot, group.approved.front(), group.number);
  }
  group.risk_ns = since(start);
}

// Two trades of one block through one pool: the second was quoted on a state that the first
// changes.
bool Street::Run::shares_pool(const Group& group, const Ranked& ranked) {
  const gantry_opportunity& o = ranked.opportunity;
  for (const auto& approved : group.approved) {
    const gantry_opportunity& other = approved.value().opportunity;
    for (std::uint32_t i = 0; i < o.leg_count; ++i) {
      for (std::uint32_t j = 0; j < other.leg_count; ++j) {
        if (o.legs[i].hop.pool == other.legs[j].hop.pool) return true;
      }
    }
  }
  return false;
}

void Street::Run::plan_group(Group& group) const {
  if (group.approved.empty()) return;
  const auto start = Steady::now();
  plan_view_.bind(*group.snapshot, {}, true);
  const MarketView& view = market_of(group.approved.front().value(), plan_view_, plan_after_);
  auto plan = planner_.plan(view, group.approved.front());
  if (plan) {
    const auto transaction = transaction_of(*group.snapshot, view.snapshot().after);
    if (!transaction.empty()) {
      std::ranges::copy(transaction.front().transaction, plan->behind.emplace().begin());
    }
    group.plan = std::make_shared<const Plan>(std::move(*plan));
  } else {
    group.plan_failure = plan.error().message;
  }
  group.plan_ns = since(start);
  if (carries_ != Carries::nothing && !decisions_) hand_over(group);
}

bool Street::Run::closes_position(const Group& group, const Ranked& trade,
                                  const std::string& strategy) {
  if (!trade.one_way) return false;
  const auto& tokens = group.snapshot->topology->tokens;
  return group.positions->closed_by(strategy, tokens[trade.opportunity.token_in].address,
                                    tokens[trade.opportunity.token_out].address) != nullptr;
}

// To be executed. Whatever comes of it is a fill, also that it could not be planned.
void Street::Run::hand_over(const Group& group) const {
  const Ranked& trade = group.approved.front().value();
  if (options_.backtest != nullptr && group.plan) {
    return options_.backtest->offer(plan_view_, trade, group.number, group.limits);
  }
  const bool is_whole =
      group.plan && group.plan->route &&
      (trade.opportunity.kind != GANTRY_OPPORTUNITY_BACKRUN || group.plan->behind);
  if (options_.execution != nullptr && is_whole) {
    const auto* strategy = group.snapshot->plugins->find(trade.strategy);
    TradeOrder order = order_of(plan_view_, *group.plan, group.number,
                                strategy == nullptr ? "" : strategy->instance->name());
    order.scopes = group.scopes;
    order.limits = group.limits;
    order.closes = closes_position(group, trade, order.strategy);
    options_.execution->offer(std::move(order));
    return;
  }
  Fill fill = fill_of(trade, group.number, FillReason::not_planned);
  if (options_.backtest != nullptr) return options_.backtest->refuse(std::move(fill));
  options_.execution->refuse(std::move(fill));
}

// Reports, records, and tells each strategy what became of its own.
std::vector<std::pair<std::uint32_t, OutcomePtr>> Street::Run::end_group(const Group& group) {
  collector_->add(group);
  if (group.snapshot->id > 1) collector_->time(Stage::total, since(group.snapshot->arrived));
  opportunities_.fetch_add(group.ranked.size(), std::memory_order_relaxed);
  approved_.fetch_add(group.approved.size(), std::memory_order_relaxed);
  if (recorder_) recorder_->decide(group);

  // To those who worked on it: who came later has nothing to hear of it.
  using LaneOutcome = std::pair<std::uint32_t, std::shared_ptr<Outcome>>;
  std::vector<LaneOutcome> outcomes;
  for (const auto& strategy : group.snapshot->plugins->strategies) {
    auto outcome = std::make_shared<Outcome>();
    outcome->group = group.number;
    outcome->snapshot = group.snapshot->id;
    outcome->positions = group.positions;
    outcomes.emplace_back(strategy.lane, std::move(outcome));
  }
  for (const Fill& fill : group.fills) {
    // Strategies hear once of each trade.
    if (fill.telling != Telling::first) continue;
    const auto own = std::ranges::find(outcomes, fill.strategy, &LaneOutcome::first);
    if (own == outcomes.end()) continue;
    own->second->results.push_back(
        {fill.key, fill.block, fill.filled() ? GANTRY_RESULT_FILLED : GANTRY_RESULT_FAILED,
         static_cast<std::int32_t>(fill.reason), fill.amount_in, fill.amount_out});
  }
  for (std::size_t i = 0; i < group.ranked.size(); ++i) {
    const Ranked& ranked = group.ranked[i];
    const gantry_opportunity& o = ranked.opportunity;
    const RefusalReason reason = group.verdicts[i].reason;
    const bool planned = group.plan && group.plan->trade.strategy == ranked.strategy &&
                         group.plan->trade.index == ranked.index;
    if (reason == RefusalReason::none && !planned) continue;  // approved, another one went first
    if (ranked.is_hosts && !planned) continue;
    const auto own = std::ranges::find(outcomes, ranked.strategy, &LaneOutcome::first);
    if (own == outcomes.end()) continue;
    own->second->results.push_back({o.key, o.block,
                                    planned ? GANTRY_RESULT_PLANNED : GANTRY_RESULT_REFUSED,
                                    static_cast<std::int32_t>(reason), o.amount_in, o.amount_out});
  }
  return {outcomes.begin(), outcomes.end()};
}

void Street::Run::note_skip(const Batch& batch) {
  skipped_.fetch_add(1, std::memory_order_relaxed);
  skips_[batch.strategy] += 1;
  if (recorder_) recorder_->skipped(batch.strategy, batch.snapshot->id);
}

// Rationale: to wake a feed that sleeps is a system call, as long as all else the host does for a
// snapshot. With back-pressure it is woken for several blocks at once.
void Street::Run::release_tokens(std::uint64_t count) {
  for (; count > 0; --count) {
    const auto ended = tokens_ended_.fetch_add(1, std::memory_order_relaxed) + 1;
    if (ended % tokens_at_once_ == 0) tokens_->release(tokens_at_once_);
  }
}

StreetStatus Street::Run::status() const noexcept {
  return {snapshots_.load(std::memory_order_relaxed), head_block_.load(std::memory_order_relaxed),
          opportunities_.load(std::memory_order_relaxed), approved_.load(std::memory_order_relaxed),
          skipped_.load(std::memory_order_relaxed)};
}

Error Street::Run::no_snapshot() const {
  if (!feed_->damage().empty()) {
    return {ErrorKind::format, "there is no whole block to run on: " + feed_->damage()};
  }
  if (options_.live) {
    return {ErrorKind::io, fmt::format("it was stopped before the first block of {} was read, so "
                                       "there is nothing to report",
                                       feed_->header().chain)};
  }
  return {ErrorKind::format,
          fmt::format("{}: holds no block, so there is nothing to run on; name another recording",
                      options_.recording.string())};
}

void Street::Run::finish(RunReport& report) {
  report.chain = chain_->id;
  report.chain_name = chain_->name;
  report.provenance = feed_->header().provenance;
  report.recording = options_.recording.string();
  report.gas_price_gwei = chain_->gas_price_gwei;
  report.data_fee = chain_->data_fee;
  report.block_time_s = chain_->block_time_s;
  report.snapshots = snapshots_.load();
  report.facts = facts_;
  report.first_block = first_block_;
  report.last_block = last_block_;
  // A chain has no end: whoever follows it stops, and nothing was left out.
  report.stopped = stop_.load() && !options_.live;
  report.damage = feed_->damage();
  report.best_max = options_.best_max;
  if (last_) {
    const Topology& topology = *last_->topology;
    report.tokens = topology.tokens.size();
    report.pools = topology.pools.size();
    for (std::uint32_t i = 0; i < topology.pools.size(); ++i) {
      const PoolUse use = topology.pools[i].use;
      if (use != PoolUse::usable) {
        ++report.pools_left_out[std::string(to_string(use))];
      } else if (last_->states.find(i) == nullptr) {
        ++report.pools_left_out["last facts did not decode"];
      }
    }
    report.ether_usd = static_cast<double>(last_->ether_usd_e6) * 1e-6;
    report.state_hash = hash_states(*last_);
  }
  collector_->finish(plugins_of(*set_), report);
  for (PluginReport& row : taken_out()) report.plugins.push_back(std::move(row));
  report.changes = changes_done_;
  report.changes_count = changes_count_;
  for (std::size_t i = 0; i < report.strategies.size(); ++i) {
    report.strategies[i].skipped = skips_[static_cast<std::uint32_t>(i)];
  }
  // Of a strategy that was taken out before it was given anything.
  std::erase_if(report.strategies, [](const StrategyReport& s) { return s.name.empty(); });
  report.stages[static_cast<std::size_t>(Stage::apply)] = apply_times_;
  report.load_s = load_s_;
  if (first_arrival_ != Steady::time_point()) {
    report.stream_s = static_cast<double>(since(first_arrival_)) * 1e-9 - load_s_;
  }
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) {
    report.resident_bytes_max = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
  }
}

}  // namespace gantry::host
