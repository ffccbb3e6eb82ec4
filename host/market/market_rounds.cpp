// Facts to states: logs as they come, and rounds of requests with their answers.
//
// The rule that a recording rests on: of a pool's facts of one block, its logs come first, then the
// answers of each round in the order of the requests. Logs before the first round's answers are
// left out where the pool follows logs, for the answers are of the block's end.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <numeric>
#include <optional>

#include "host/base/text.hpp"
#include "host/market/market_facts.hpp"
#include "host/market/state_changes.hpp"

namespace gantry::host {

namespace {

// A pool whose state could not be read at first is tried again so often, in blocks.
constexpr std::uint64_t retry_blocks = 64;

bool is_log(const gantry_fact& fact) { return fact.source == GANTRY_SOURCE_EVM_LOG; }

std::size_t logs_before(std::span<const gantry_fact> rows) {
  return static_cast<std::size_t>(std::ranges::find_if_not(rows, is_log) - rows.begin());
}

bool can_be_asked(std::int32_t source) {
  switch (source) {
    case GANTRY_SOURCE_EVM_CALL:
    case GANTRY_SOURCE_EVM_STORAGE:
    case GANTRY_SOURCE_EVM_LOG:
    case GANTRY_SOURCE_EVM_CODE_HASH:
    case GANTRY_SOURCE_SOLANA_ACCOUNT:
    case GANTRY_SOURCE_HTTP:
      return true;
    default:
      return false;
  }
}

}  // namespace

struct MarketState::Asked {
  std::vector<PoolRequest> requests;
  std::vector<PoolRequest> standing;
  std::uint32_t pool = 0;

  gantry_status take(const gantry_request& request) {
    if (!can_be_asked(request.source)) return GANTRY_BAD_ARGUMENT;
    if (requests.size() + standing.size() == requests_max) return GANTRY_REFUSED;
    if (request.payload.size > recording::spec_bytes_max) return GANTRY_REFUSED;
    if (request.payload.data == nullptr && request.payload.size != 0) return GANTRY_BAD_ARGUMENT;
    auto& all = request.source == GANTRY_SOURCE_EVM_LOG ? standing : requests;
    all.push_back(
        {pool, request.source, request.tag, request.target,
         recording::Bytes(request.payload.data, request.payload.data + request.payload.size)});
    return GANTRY_OK;
  }
  // How many of `rows` are its answers, with the logs between them; nothing: they are not there.
  std::optional<std::size_t> count_in(std::span<const gantry_fact> rows) const {
    std::size_t end = 0;
    for (std::size_t answers = 0; end < rows.size(); ++end) {
      if (!is_log(rows[end]) && answers++ == requests.size()) break;
    }
    const auto answered = [&](const PoolRequest& request) {
      return std::ranges::any_of(rows.first(end), [&](const gantry_fact& fact) {
        return fact.source == request.source && fact.tag == request.tag &&
               AddressEqual()(fact.emitter, request.target);
      });
    };
    if (!std::ranges::all_of(requests, answered)) return std::nullopt;
    return end;
  }
};

struct MarketState::Walk {
  std::uint32_t pool = 0;
  std::uint32_t round = 0;   // the venue's
  std::uint32_t rounds = 0;  // that were applied
  gantry_status asked_status = GANTRY_OK;
  Asked asked;
  std::vector<gantry_fact> logs;  // of the block, for the first round
};

bool MarketState::takes_part(const Snapshot& snapshot, std::uint32_t pool) const {
  const PoolInfo& info = snapshot.topology->pools[pool];
  if (info.venue == no_handle || info.use == PoolUse::refused || info.use == PoolUse::quarantined) {
    return false;
  }
  return snapshot.topology->venue_of(info).health().usable(version_);
}

// Whether it had a state before this block, once.
bool MarketState::settled(const Snapshot& snapshot, std::uint32_t pool) {
  return snapshot.topology->pools[pool].use != PoolUse::no_state;
}

bool MarketState::asks(const Snapshot& snapshot, std::uint32_t pool) const {
  return (snapshot.topology->pools[pool].traits.flags & GANTRY_POOL_FOLLOWS_LOGS) == 0 ||
         !settled(snapshot, pool) || store_.tree().find(pool) == nullptr;
}

// Whether a live feed lets it ask for this block.
bool MarketState::is_due(const Snapshot& snapshot, std::uint32_t pool) const {
  const PoolInfo& info = snapshot.topology->pools[pool];
  const bool is_new = !topology_ || pool >= topology_->pools.size();
  if (info.use == PoolUse::low_liquidity || info.use == PoolUse::no_value) {
    return (info.traits.flags & GANTRY_POOL_FOLLOWS_LOGS) != 0;
  }
  if (is_new || settled(snapshot, pool)) return true;
  return (snapshot.context.state_block + pool) % retry_blocks == 0;
}

void MarketState::changed(Snapshot& snapshot, std::uint32_t pool) const {
  if (compiled_ != nullptr) compiled_->marks |= change_marks::changed;
  if (!growing_ && snapshot.topology->pools[pool].use == PoolUse::usable) {
    snapshot.changed.push_back(pool);
  }
}

void MarketState::withhold(Snapshot& snapshot, std::uint32_t pool, gantry_status status) {
  // What is known to be out of date is not traded on.
  store_.open(pool);
  if (!store_.withhold()) return;
  touched_.push_back(pool);
  if (compiled_ != nullptr) {
    compiled_->marks |= change_marks::withheld_now;
    compiled_->status = status;
  }
  tell_withheld(snapshot, pool, status);
}

void MarketState::tell_withheld(Snapshot& snapshot, std::uint32_t pool,
                                gantry_status status) const {
  if (!growing_) snapshot.changed.push_back(pool);
  const VenueInstance& venue = snapshot.topology->venue_of(snapshot.topology->pools[pool]);
  if (status == GANTRY_NEED_STATE || quiet_ || known_.contains(&venue)) return;
  spdlog::warn("venue {}: pool {} takes no part from block {} on, until its facts decode: {}",
               venue.name(), address_text(snapshot.topology->pools[pool].address),
               snapshot.context.state_block, status_name(status));
}

// Of a pool that follows its logs, what it kept is of some block before: it was withheld then, and
// the logs since have passed it by. It is asked for from nothing, unless `followed` says that this
// block's own logs brought it here and want more. Facts that nobody asked a chain for, as an import
// has them, speak for themselves.
void MarketState::begin_walk(Snapshot& snapshot, std::uint32_t pool, gantry_status followed) {
  if (pool >= begun_.size()) begun_.resize(pool + 1);
  const bool follows =
      (snapshot.topology->pools[pool].traits.flags & GANTRY_POOL_FOLLOWS_LOGS) != 0;
  const bool is_stale = undo_blocks_ != 0 && follows && begun_[pool];
  if (is_stale && followed != GANTRY_NEED_STATE) read_anew(snapshot, pool);
  begun_[pool] = true;
}

gantry_status MarketState::ask(const Snapshot& snapshot, Walk& walk) {
  walk.asked = {};
  walk.asked.pool = walk.pool;
  const gantry_request_sink sink{&walk.asked,
                                 [](void* self, const gantry_request* request) -> gantry_status {
                                   if (request == nullptr) return GANTRY_BAD_ARGUMENT;
                                   return static_cast<Asked*>(self)->take(*request);
                                 }};
  const PoolInfo& pool = snapshot.topology->pools[walk.pool];
  const VenueInstance& venue = snapshot.topology->venue_of(pool);
  const gantry_pool_spec spec = pool.spec();
  store_.open(walk.pool);
  const gantry_state state = store_.current();
  walk.asked_status = venue.call<&gantry_dex_v1::requests>(Phase::apply, &snapshot.context, &spec,
                                                           &state, walk.round, &sink);
  if (walk.asked_status != GANTRY_OK && walk.asked_status != GANTRY_NEED_STATE) {
    accept(venue, Phase::apply, walk.asked_status);
  }
  return walk.asked_status;
}

gantry_status MarketState::apply_rows(Snapshot& snapshot, std::uint32_t pool, Rows rows) {
  const VenueInstance& venue = snapshot.topology->venue_of(snapshot.topology->pools[pool]);
  store_.open(pool);
  const gantry_state old = store_.current();
  const gantry_state_writer writer = writer_of(store_);
  const auto status =
      venue.call<&gantry_dex_v1::apply>(Phase::apply, &snapshot.context, &old, rows.data(),
                                        static_cast<std::uint32_t>(rows.size()), &writer);
  if (status != GANTRY_OK && status != GANTRY_NEED_STATE) {
    store_.abandon();
    accept(venue, Phase::apply, status);
    return status;
  }
  store_.commit();
  touched_.push_back(pool);
  return status;
}

// Applies one round's facts. True: the pool has another round.
bool MarketState::step(Snapshot& snapshot, Walk& walk, Rows rows) {
  const auto status = apply_rows(snapshot, walk.pool, rows);
  if (status != GANTRY_OK && status != GANTRY_NEED_STATE) {
    withhold(snapshot, walk.pool, status);
    return false;
  }
  ++walk.rounds;
  const bool again = walk.asked_status == GANTRY_NEED_STATE || status == GANTRY_NEED_STATE;
  if (!again) {
    if (!settled(snapshot, walk.pool)) settling_.push_back(walk.pool);
    changed(snapshot, walk.pool);
    return false;
  }
  walk.round = walk.asked_status == GANTRY_NEED_STATE ? walk.round + 1 : 0;
  if (walk.rounds < rounds_max) return true;
  withhold(snapshot, walk.pool, GANTRY_NEED_STATE);
  const PoolInfo& pool = snapshot.topology->pools[walk.pool];
  const VenueInstance& venue = snapshot.topology->venue_of(pool);
  if (!quiet_ && !known_.contains(&venue)) {
    spdlog::warn("venue {}: pool {} asked for more than {} rounds: it takes no part in block {}",
                 venue.name(), address_text(pool.address), rounds_max,
                 snapshot.context.state_block);
  }
  return false;
}

// Of a pool that need not be asked: its logs, or whatever a recording holds. Returns how many facts
// it took.
std::size_t MarketState::follow(Snapshot& snapshot, std::uint32_t pool, Rows rows,
                                gantry_status& status) {
  const std::size_t logs = logs_before(rows);
  const std::size_t count = logs != 0 ? logs : rows.size();
  status = apply_rows(snapshot, pool, rows.first(count));
  if (status == GANTRY_OK) {
    changed(snapshot, pool);
  } else {
    withhold(snapshot, pool, status);
  }
  return count;
}

void MarketState::apply_recorded(Snapshot& snapshot, std::uint32_t pool, Rows rows) {
  if (!takes_part(snapshot, pool)) return;
  std::size_t at = 0;
  gantry_status followed = GANTRY_OK;
  while (at < rows.size() && !asks(snapshot, pool)) {
    at += follow(snapshot, pool, rows.subspan(at), followed);
  }
  if (at == rows.size()) return;
  const bool follows =
      (snapshot.topology->pools[pool].traits.flags & GANTRY_POOL_FOLLOWS_LOGS) != 0;
  const bool was_settled = settled(snapshot, pool);
  begin_walk(snapshot, pool, followed);
  Walk walk;
  walk.pool = pool;
  for (bool first = true, more = true; more; first = false) {
    const auto asked = ask(snapshot, walk);
    if (asked != GANTRY_OK && asked != GANTRY_NEED_STATE) {
      withhold(snapshot, pool, asked);
      return;
    }
    const std::size_t left_out =
        first && follows && !walk.asked.requests.empty() ? logs_before(rows.subspan(at)) : 0;
    const auto answers = walk.asked.count_in(rows.subspan(at + left_out));
    if (!answers) {
      // Nobody asked the chain then: such a recording's facts speak for themselves.
      // A live feed's does too, but of a pool that it has not read it passes the logs over.
      if (first && (was_settled || undo_blocks_ == 0)) {
        follow(snapshot, pool, rows.subspan(at), followed);
      }
      return;
    }
    more = step(snapshot, walk, rows.subspan(at + left_out, *answers));
    at += left_out + *answers;
  }
  while (at < rows.size() && store_.tree().find(pool) != nullptr) {
    at += follow(snapshot, pool, rows.subspan(at), followed);
  }
}

// All pools go from round to round together: one fetch for each.
Status MarketState::fetch_rounds(Snapshot& snapshot, std::vector<Walk>& walks, BlockInput& input,
                                 Answers& answers) {
  std::vector<PoolRequest> requests;
  while (!walks.empty()) {
    requests.clear();
    std::erase_if(walks, [&](Walk& walk) {
      const auto status = ask(snapshot, walk);
      if (status != GANTRY_OK && status != GANTRY_NEED_STATE) {
        withhold(snapshot, walk.pool, status);
        return true;
      }
      if (walk.round == 0) standing_[walk.pool] = std::move(walk.asked.standing);
      const auto& mine = walk.asked.requests;
      requests.insert(requests.end(), mine.begin(), mine.end());
      return mine.empty() && walk.logs.empty() && walk.rounds == 0;
    });
    std::size_t at = input.facts.size();
    if (!requests.empty()) {
      auto got = answers.answer(snapshot.context, requests);
      if (!got) return std::unexpected(got.error());
      if (got->size() != requests.size()) {
        return fail(ErrorKind::internal,
                    fmt::format("{} requests were given {} answers", requests.size(), got->size()));
      }
      std::ranges::move(*got, std::back_inserter(input.facts));
    }
    std::erase_if(walks, [&](Walk& walk) {
      const std::uint32_t flags = snapshot.topology->pools[walk.pool].traits.flags;
      std::vector<gantry_fact> rows;
      const bool leave_out =
          (flags & GANTRY_POOL_FOLLOWS_LOGS) != 0 && !walk.asked.requests.empty();
      if (!leave_out) rows = std::move(walk.logs);
      walk.logs.clear();
      for (std::size_t i = 0; i < walk.asked.requests.size(); ++i) {
        rows.push_back(Facts::row(input.facts[at++], snapshot.context.state_block));
      }
      return !step(snapshot, walk, rows);
    });
  }
  return {};
}

Status MarketState::apply_facts(const BlockInput& input, Snapshot& snapshot, BlockInput* grows,
                                Answers* answers) {
  const auto& pools = snapshot.topology->pools;
  if (answers != nullptr) standing_.resize(pools.size());
  order_.resize(input.facts.size());
  std::iota(order_.begin(), order_.end(), 0U);
  std::ranges::stable_sort(order_, {}, [&](std::uint32_t i) { return input.facts[i].pool; });
  std::vector<Walk> walks;
  const auto join = [&](std::uint32_t pool, Rows logs, gantry_status followed) {
    if (!takes_part(snapshot, pool) || !asks(snapshot, pool) || !is_due(snapshot, pool)) return;
    begin_walk(snapshot, pool, followed);
    Walk& walk = walks.emplace_back();
    walk.pool = pool;
    walk.logs.assign(logs.begin(), logs.end());
  };
  std::uint32_t next_pool = 0;  // the first that has not been seen to, for a live feed
  for (std::size_t begin = 0; begin < order_.size();) {
    const std::uint32_t pool = input.facts[order_[begin]].pool;
    facts_->rows.clear();
    std::size_t end = begin;
    for (; end < order_.size() && input.facts[order_[end]].pool == pool; ++end) {
      facts_->rows.push_back(Facts::row(input.facts[order_[end]], input.block.number));
    }
    begin = end;
    if (pool >= pools.size()) continue;
    Rows rows = facts_->rows;
    if (answers == nullptr) {
      if (compiling_ == nullptr) {
        apply_recorded(snapshot, pool, rows);
      } else if (auto done = compile_pool(snapshot, pool, rows); !done) {
        return done;
      }
      continue;
    }
    for (; next_pool < pool; ++next_pool) join(next_pool, {}, GANTRY_OK);
    ++next_pool;
    gantry_status followed = GANTRY_OK;
    if (takes_part(snapshot, pool) && !asks(snapshot, pool)) {
      rows = rows.subspan(follow(snapshot, pool, rows, followed));
    }
    join(pool, rows, followed);
  }
  if (answers == nullptr) return {};
  for (; next_pool < pools.size(); ++next_pool) join(next_pool, {}, GANTRY_OK);
  return fetch_rounds(snapshot, walks, *grows, *answers);
}

}  // namespace gantry::host
