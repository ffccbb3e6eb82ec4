// Compiled recordings: what facts do to states is written down once, and taken over from then on.
#include <fmt/format.h>

#include <algorithm>

#include "host/market/compiled_by.hpp"
#include "host/market/market_facts.hpp"
#include "host/market/state_changes.hpp"

namespace gantry::host {

Result<MarketState::CompiledBlock> MarketState::compile(const BlockInput& input) {
  ChangeWriter writer;
  compiling_ = &writer;
  auto snapshot = advance(input);
  compiling_ = nullptr;
  if (!snapshot) return std::unexpected(snapshot.error());
  std::uint32_t facts = 0;
  for (const recording::Fact& fact : input.facts) facts += fact.pool == recording::no_pool ? 0 : 1;
  return CompiledBlock{std::move(*snapshot), writer.take(facts)};
}

// A pool's facts of a block, and what they did to it.
Status MarketState::compile_pool(Snapshot& snapshot, std::uint32_t pool, Rows rows) {
  store_.open(pool);
  const ChangeWriter::Seen before{store_.current(), store_.tree().find(pool) != nullptr};
  const std::size_t settling = settling_.size();
  PoolChange change;
  change.pool = pool;
  compiled_ = &change;
  apply_recorded(snapshot, pool, rows);
  compiled_ = nullptr;
  if (settling_.size() != settling) change.marks |= change_marks::settled;
  store_.open(pool);
  return compiling_->add(change, before, {store_.current(), store_.tree().find(pool) != nullptr});
}

Status MarketState::begin_compiled(const BlockInput& input) {
  if (input.compiled) {
    if (auto same = check_compiled(*input.compiled, chain_, venues_); !same) return same;
    compiled_by_ = input.compiled;
  }
  if (compiled_by_ || input.changes.empty()) return {};
  return fail(ErrorKind::internal, "changes came without what they were compiled by");
}

// Of a venue that runs now and did not then nothing is known.
Status MarketState::check_venue_compiled(const recording::Pool& pool) const {
  if (!compiled_by_ || compiled_with(*compiled_by_, pool.venue)) return {};
  return fail(ErrorKind::configuration,
              fmt::format("venue {} runs now, and did not when this recording was compiled: "
                          "compile its source again with gantry import recording, or disable the "
                          "venue",
                          pool.venue));
}

Status MarketState::apply_changes(const BlockInput& input, Snapshot& snapshot) {
  for (const recording::Changes& changes : input.changes) {
    // A change of a pool takes three bytes at least.
    snapshot.changed.reserve(std::min<std::size_t>(changes.facts, changes.bytes.size() / 3));
    ChangeReader reader(changes.bytes);
    std::uint64_t sum = 0;
    bool is_whole = true;  // no pool was left out
    while (!reader.done()) {
      PoolChange change;
      if (!reader.next(change)) return misfit(input, "they do not decode");
      const bool is_written = (change.marks & change_marks::written) != 0;
      if (change.pool >= snapshot.topology->pools.size()) {
        return misfit(input, fmt::format("they are of pool {}, which is not there", change.pool));
      }
      if (!takes_part(snapshot, change.pool)) {
        is_whole = false;
        if (is_written && !reader.skip()) return misfit(input, "they do not decode");
        continue;
      }
      store_.open(change.pool);
      if ((change.marks & change_marks::anew) != 0) store_.restore(StateTree());
      if (is_written && !reader.apply(store_)) {
        store_.abandon();
        return misfit(input, fmt::format("they are not of the state of pool {}", change.pool));
      }
      take_change(snapshot, change);
      sum = sum_state(sum, change.pool, store_.current());
    }
    if (is_whole && fold_sum(sum) != changes.check) {
      return misfit(input, "the states after them are not those that they were made with");
    }
  }
  return {};
}

// The store has its pool open, and what is to be written of it.
void MarketState::take_change(Snapshot& snapshot, const PoolChange& change) {
  const auto is = [&](std::uint8_t mark) { return (change.marks & mark) != 0; };
  if (is(change_marks::written | change_marks::shown)) store_.commit();
  if (is(change_marks::withheld)) store_.withhold();
  touched_.push_back(change.pool);
  if (is(change_marks::changed)) changed(snapshot, change.pool);
  if (is(change_marks::settled)) settling_.push_back(change.pool);
  if (is(change_marks::withheld_now)) tell_withheld(snapshot, change.pool, change.status);
}

std::unexpected<Error> MarketState::misfit(const BlockInput& input, const std::string& why) {
  return fail(ErrorKind::format,
              fmt::format("the changes of block {} cannot be taken over: {}; compile the source "
                          "again with gantry import recording",
                          input.block.number, why));
}

}  // namespace gantry::host
