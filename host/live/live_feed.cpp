#include "host/live/live_feed.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <unordered_set>
#include <utility>

#include "host/base/text.hpp"
#include "host/base/version.hpp"
#include "host/live/chain_text.hpp"

namespace gantry::host {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds head_deadline{3000};
constexpr milliseconds retry_first{200};
constexpr milliseconds retry_max{5000};
constexpr milliseconds poll_min{100};
constexpr milliseconds poll_max{2000};
constexpr int missing_max = 4;             // attempts at a block that is not there
constexpr int listening_polls = 8;         // times as long between two
constexpr std::size_t waiting_max = 4096;  // pending transactions that are looked for in blocks

using Steady = std::chrono::steady_clock;

std::uint64_t now_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<milliseconds>(now).count());
}

milliseconds poll_of(const ChainSettings& chain, const LiveSettings& settings) {
  if (settings.poll_ms != 0) return milliseconds(settings.poll_ms);
  const milliseconds quarter(std::llround(chain.block_time_s * 250));
  return std::clamp(quarter, poll_min, poll_max);
}

std::unexpected<Error> moved_on() {
  return fail(ErrorKind::not_found, "the chain was reorganized while its blocks were read");
}

}  // namespace

Result<std::shared_ptr<LiveFeed>> LiveFeed::open(const ChainSettings& chain,
                                                 const LiveSettings& settings,
                                                 std::vector<std::shared_ptr<VenueInstance>> venues,
                                                 Providers& providers) {
  if (!chain.id.starts_with("eip155:")) {
    return fail(ErrorKind::configuration,
                fmt::format("{}: only EVM chains (eip155:...) can be followed live", chain.id));
  }
  std::erase_if(venues, [&](const auto& venue) { return venue->settings.chain != chain.id; });
  if (venues.empty()) {
    return fail(ErrorKind::configuration,
                fmt::format("{}: no venue of this chain runs; enable a [[dex]] with chain = \"{}\"",
                            chain.id, chain.id));
  }
  return std::shared_ptr<LiveFeed>(new LiveFeed(chain, settings, std::move(venues), providers));
}

LiveFeed::LiveFeed(const ChainSettings& chain, const LiveSettings& settings,
                   std::vector<std::shared_ptr<VenueInstance>> venues, Providers& providers)
    : chain_(chain),
      settings_(settings),
      venues_(std::move(venues)),
      providers_(providers),
      fetcher_(providers),
      data_fee_(chain.data_fee),
      blooms_(chain.name),
      pools_(chain, venues_, providers, fetcher_),
      audit_(chain, settings, venues_, fetcher_),
      books_(chain, fetcher_) {
  header_.chain = chain.id;
  header_.provenance = "followed live: blocks, logs and answers as the chain's nodes gave them";
  header_.creator = fmt::format("gantry {}", version_text);
}

LiveFeed::~LiveFeed() = default;

// A block that was told of, and that nobody has even after a second or two.
void LiveFeed::doubt(const Status& done) {
  const bool missing = !done && done.error().kind == ErrorKind::not_found;
  missing_ = missing ? missing_ + 1 : 0;
  if (missing_ < missing_max) return;
  missing_ = 0;
  const auto head = providers_.head();
  if (!head || (!blocks_.empty() && head->number <= blocks_.back().number)) return;
  spdlog::warn("{}: nobody has block {}, of which {} told: the newest is asked for anew",
               chain_.name, head->number, head->provider);
  providers_.doubt_head();
}

void LiveFeed::stop() noexcept {
  stopped_.store(true);
  providers_.stop();
  wake();
}

void LiveFeed::wake(bool listening) noexcept {
  listening_.store(listening, std::memory_order_relaxed);
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
  }
  moved_.notify_all();
}

LiveStatus LiveFeed::status() const {
  const std::lock_guard lock(mutex_);
  LiveStatus status = status_;
  if (pending_) status.pending = pending_->counts();
  return status;
}

// Until the chain is to be looked at again. False: something came before that, and is ready.
bool LiveFeed::wait() {
  const milliseconds between(settings_.between_blocks_ms);
  while (true) {
    // However often the chain is looked at meanwhile.
    if (between.count() != 0 && Steady::now() >= between_at_) {
      between_at_ = Steady::now() + between;
      tell_between();
      if (!ready_.empty()) return false;
    }
    std::unique_lock lock(mutex_);
    const auto until = between.count() == 0 ? follow_at_ : std::min(follow_at_, between_at_);
    const bool called = moved_.wait_until(lock, until, [&] { return woken_ || stopped_.load(); });
    woken_ = false;
    if (called || Steady::now() >= follow_at_) return true;
  }
}

std::vector<MarketEvent> LiveFeed::told_events() {
  std::vector<MarketEvent> events;
  if (pending_) {
    for (const PendingTransaction& transaction : pending_->drain()) {
      events.push_back({MarketEventKind::pending, 0, 0, {}, encode(transaction)});
      waiting_.push_back(hex_text(transaction.hash));
      if (waiting_.size() > waiting_max) waiting_.pop_front();
    }
  }
  if (prices_) {
    for (const OutsidePrice& price : prices_->drain()) {
      events.push_back({MarketEventKind::price, 0, 0, {}, encode(price)});
    }
  }
  return events;
}

// As a block that is the newest one again. Where that is to be undone, it waits for the next.
void LiveFeed::tell_between() {
  if (!market_ || blocks_.empty() || fresh_ || undo_to_) return;
  auto told = told_events();
  if (told.empty()) return;
  BlockInput input;
  input.block = last_;
  input.events.push_back({MarketEventKind::between, 0, 0, {}});
  input.events.push_back({MarketEventKind::clock, now_ms(), 0, {}});
  std::ranges::move(told, std::back_inserter(input.events));
  ready_.push_back(std::move(input));
}

void LiveFeed::tell_mined(const ChainBlock& block, BlockInput& input) {
  if (waiting_.empty()) return;
  const std::unordered_set<std::string> mined(block.transactions.begin(), block.transactions.end());
  std::erase_if(waiting_, [&](const std::string& hash) {
    if (!mined.contains(hash)) return false;
    input.events.push_back({MarketEventKind::mined, 0, 0, {}, *bytes_of(std::string_view(hash))});
    return true;
  });
}

// What went wrong is told once, and that it is over. That nobody can be asked its providers tell.
void LiveFeed::tell(const Status& done) {
  if (stopped_.load()) return;
  const std::lock_guard lock(mutex_);
  status_.round_trips = fetcher_.round_trips();
  if (!blocks_.empty()) {
    status_.block = blocks_.back().number;
    status_.time_s = blocks_.back().time_s;
  }
  if (!done) {
    if (status_.trouble == done.error().message) return;
    // A block that was replaced while it was read is a chain's everyday.
    const bool usual = done.error().kind == ErrorKind::not_found;
    status_.trouble = done.error().message;
    if (done.error().kind == ErrorKind::io && providers_.statistics().halted) return;
    spdlog::log(usual ? spdlog::level::debug : spdlog::level::warn, "{}: {}; trying again",
                chain_.name, done.error().message);
  } else if (!status_.trouble.empty()) {
    status_.trouble.clear();
    spdlog::info("{}: followed again, from block {} on", chain_.name, status_.block);
  }
}

void LiveFeed::tell_statistics() {
  const auto now = std::chrono::steady_clock::now();
  const std::chrono::seconds every(settings_.statistics_every_s);
  if (every.count() == 0 || now - statistics_told_ < every) return;
  statistics_told_ = now;
  spdlog::info("{}: providers: {}", chain_.name, line_of(providers_.statistics()));
}

std::optional<BlockInput> LiveFeed::next() {
  milliseconds retry = retry_first;
  while (!stopped_.load()) {
    if (!ready_.empty()) {
      BlockInput input = std::move(ready_.front());
      ready_.pop_front();
      return input;
    }
    if (!wait()) continue;
    if (stopped_.load()) break;
    const Status done = market_ ? follow() : begin();
    tell(done);
    doubt(done);
    tell_statistics();
    if (!damage_.empty()) return std::nullopt;
    if (!ready_.empty()) continue;
    const milliseconds poll = poll_of(chain_, settings_);
    follow_at_ =
        Steady::now() + (!done                                        ? retry
                         : listening_.load(std::memory_order_relaxed) ? listening_polls * poll
                                                                      : poll);
    retry = done ? retry_first : std::min(2 * retry, retry_max);
  }
  return std::nullopt;
}

gantry_context LiveFeed::context_of(const ChainBlock& block) const {
  gantry_context context{};
  context.chain = {chain_.id.data(), chain_.id.size()};
  context.state_block = block.number;
  context.state_time_s = block.time_s;
  context.execution_block = block.number + 1;
  context.execution_time_s =
      block.time_s + static_cast<std::uint64_t>(std::llround(chain_.block_time_s));
  context.base_fee = block.base_fee;
  context.gas_price = block.base_fee;
  return context;
}

Result<Head> LiveFeed::newest() {
  // A subscription may have told of it.
  if (const auto known = providers_.head();
      known && !blocks_.empty() && known->number > blocks_.back().number) {
    return *known;
  }
  auto head = providers_.poll_head(head_deadline);
  if (head) return std::move(*head);
  const bool stopped = head.error().kind == RpcErrorKind::stopped;
  return fail(stopped ? ErrorKind::usage : ErrorKind::io, head.error().message);
}

// Those that are followed are, whether or not more can be found.
Status LiveFeed::look_for_more(const ChainBlock& block) {
  const auto done = look_for_pools(block);
  if (done) {
    look_failed_ = false;
    return {};
  }
  const ErrorKind kind = done.error().kind;
  // The block is not there any more, or the providers were stopped.
  if (kind == ErrorKind::not_found || kind == ErrorKind::usage) return done;
  looked_for_pools_ = block.number;
  if (!std::exchange(look_failed_, true)) {
    spdlog::warn("{}: new pools could not be looked for: {}; that is tried again in {} blocks",
                 chain_.name, done.error().message, discover_every_blocks);
  }
  return {};
}

// What it finds is told of with the block.
Status LiveFeed::look_for_pools(const ChainBlock& block) {
  auto found = pools_.find(context_of(block), block.pin());
  if (!found) return std::unexpected(found.error());
  found_ = std::move(*found);
  looked_for_pools_ = block.number;
  const std::lock_guard lock(mutex_);
  status_.pools_untried = pools_.untried().count();
  return {};
}

// The first block: every pool is read at it.
Status LiveFeed::begin() {
  const auto head = newest();
  if (!head) return std::unexpected(head.error());
  const auto read = read_blocks(providers_, {head->number, head->number});
  if (!read) return std::unexpected(read.error());
  const ChainBlock& block = read->blocks.front();
  const bool looked = pools_.untried().count() != 0 && looked_for_pools_ == block.number;
  if (found_.pools.empty() && !looked) {
    if (auto done = look_for_pools(block); !done) return done;
  }
  if (found_.pools.empty()) {
    if (const UntriedPools& untried = pools_.untried(); untried.count() != 0) {
      return fail(ErrorKind::limit,
                  fmt::format("no pool can be followed yet: the tokens of {} could not be tried, "
                              "as {} are empty and no provider would try those of {}{}",
                              untried.count(), untried.empty, untried.refused,
                              untried.unreached == 0
                                  ? std::string()
                                  : fmt::format("; {} are tried next", untried.unreached)));
    }
    damage_ = fmt::format(
        "{}: there is no pool to follow. List pools as [[dex.pool]] with address and tokens, or "
        "give a venue that finds them its factory",
        chain_.id);
    return {};
  }
  market_ = std::make_unique<MarketState>(chain_, venues_);
  market_->be_quiet();  // the street's is given the same
  // Whatever a venue does wrong here it does in the street too, where it counts.
  market_->catch_up(true, venues_);
  const FoundPools found = found_;
  auto done = deliver(block, read->gas_price);
  if (!done) {
    market_.reset();
    found_ = found;
    fresh_ = false;
  }
  return done;
}

bool LiveFeed::is_known(const Head& head) const {
  return std::ranges::any_of(blocks_, [&](const ChainBlock& block) {
    return block.number == head.number && block.hash == head.hash;
  });
}

Status LiveFeed::follow() {
  const auto head = newest();
  if (!head) return std::unexpected(head.error());
  // Nothing new, or a provider that is behind.
  if (is_known(*head)) return {};
  if (blocks_.empty() || fresh_) return read_anew(*head);
  const ChainBlock& last = blocks_.back();
  if (head->number > last.number) {
    if (head->number - last.number > static_cast<std::uint64_t>(settings_.gap_blocks_max)) {
      return read_anew(*head);
    }
    return follow_from(last.number, head->number);
  }
  return follow_from(head->number, head->number);
}

// The newest block that is both ours and the chain's, at most `top`; nothing: older than we keep.
Result<std::optional<std::uint64_t>> LiveFeed::common_block(std::uint64_t top) {
  while (!blocks_.empty() && top >= blocks_.front().number) {
    const std::uint64_t first =
        std::max(blocks_.front().number, top >= blocks_per_trip ? top - blocks_per_trip + 1 : 0);
    const auto read = read_blocks(providers_, {first, top});
    if (!read) return std::unexpected(read.error());
    for (auto theirs = read->blocks.rbegin(); theirs != read->blocks.rend(); ++theirs) {
      const auto ours = std::ranges::find(blocks_, theirs->number, &ChainBlock::number);
      if (ours != blocks_.end() && ours->hash == theirs->hash) return theirs->number;
    }
    if (first == 0) break;
    top = first - 1;
  }
  return std::nullopt;
}

// Delivers what comes after `base`, a block of ours that may not be the chain's any more.
Status LiveFeed::follow_from(std::uint64_t base, std::uint64_t head) {
  ChainBlocks read;
  const auto read_after = [&](std::uint64_t number) -> Status {
    auto got = read_blocks(providers_, {number + 1, std::min(head, number + blocks_per_trip)});
    if (!got) return std::unexpected(got.error());
    read = std::move(*got);
    return {};
  };
  if (head > base) {
    if (auto done = read_after(base); !done) return done;
  }
  if (read.blocks.empty() || read.blocks.front().parent_hash != blocks_.back().hash) {
    const auto common = common_block(base);
    if (!common) return std::unexpected(common.error());
    if (!*common) {
      spdlog::warn(
          "{}: reorganized deeper than the {} blocks that are kept: every pool is read "
          "anew",
          chain_.name, settings_.undo_blocks);
      fresh_ = true;
      return follow();
    }
    const std::uint64_t undone = blocks_.back().number - **common;
    if (undone != 0) {
      undo_to_ = **common;
      while (blocks_.back().number != **common) blocks_.pop_back();
      const std::lock_guard lock(mutex_);
      ++status_.reorganizations;
      status_.blocks_undone += undone;
      spdlog::info("{}: reorganized: {} undone, back to block {}", chain_.name, undone, **common);
    }
    if (head == **common) return {};
    if (auto done = read_after(**common); !done) return done;
  }
  std::string parent = blocks_.back().hash;
  for (const ChainBlock& block : read.blocks) {
    if (block.parent_hash != parent) return moved_on();
    parent = block.hash;
  }
  const LogRoutes routes(market_->standing());
  BesideLogs beside = data_fee_.beside_logs(read.blocks, fetcher_);
  const auto logs = read_logs(providers_, routes, read.blocks, blooms_, beside);
  if (!logs && blooms_.in_vain() && !stopped_.load()) {
    spdlog::warn("{}: {}: every pool is read anew", chain_.name, logs.error().message);
    blooms_.give_up();
    fresh_ = true;
    return follow();
  }
  if (!logs) return std::unexpected(logs.error());
  for (std::size_t i = 0; i < read.blocks.size(); ++i) {
    input_facts_.clear();
    for (const ChainLog& log : (*logs)[i]) routes.give(log, input_facts_);
    if (!beside.answers.empty()) data_fee_.take(beside.answers[i], input_facts_);
    if (auto done = deliver(read.blocks[i], read.gas_price); !done) return done;
    // New pools wait for logs that were not asked for.
    if (!ready_.back().pools.empty()) break;
  }
  return {};
}

Status LiveFeed::read_anew(const Head& head) {
  const auto read = read_blocks(providers_, {head.number, head.number});
  if (!read) return std::unexpected(read.error());
  if (!fresh_ && !blocks_.empty()) {
    spdlog::warn("{}: {} blocks were missed: every pool is read anew", chain_.name,
                 head.number - blocks_.back().number - 1);
  }
  fresh_ = true;
  blocks_.clear();
  input_facts_.clear();
  return deliver(read->blocks.front(), read->gas_price);
}

Status LiveFeed::deliver(const ChainBlock& block, std::optional<gantry_amount> gas_price) {
  const bool first = !market_ || (blocks_.empty() && !fresh_);
  BlockInput input;
  if (first) {
    input.events.push_back(
        {MarketEventKind::keep, static_cast<std::uint64_t>(settings_.undo_blocks), 0, {}});
  } else if (found_.pools.empty() &&
             block.number >= looked_for_pools_ + (pools_.goes_on() ? 1 : discover_every_blocks)) {
    if (auto done = look_for_more(block); !done) return done;
  }
  input.tokens = found_.tokens;
  input.pools = found_.pools;
  if (fresh_) {
    input.events.push_back({MarketEventKind::fresh, 0, 0, {}});
  } else if (undo_to_) {
    input.events.push_back({MarketEventKind::undo, *undo_to_, 0, {}});
  }
  input.events.insert(input.events.end(), quarantines_.begin(), quarantines_.end());
  input.block = {block.number, block.time_s, block.base_fee, gas_price};
  input.facts = std::exchange(input_facts_, {});
  fetcher_.read_at(block.pin());
  if (auto asked = data_fee_.ask_if_missing(fetcher_, context_of(block), input.facts); !asked) {
    return asked;
  }
  auto snapshot = market_->advance(input, fetcher_);
  if (!snapshot) {
    if (!market_->drop_block()) fresh_ = true;
    return std::unexpected(snapshot.error());
  }
  if (fresh_) {
    const std::lock_guard lock(mutex_);
    ++status_.fresh_reads;
  }
  audit_.note(input);
  quarantines_.clear();
  compare(**snapshot, input);
  check_books(**snapshot, input);
  found_ = {};
  fresh_ = false;
  undo_to_.reset();
  blocks_.push_back(block);
  while (blocks_.size() > static_cast<std::size_t>(settings_.undo_blocks) + 1) blocks_.pop_front();
  // For the street alone: this market reads none.
  for (const PastPrices& past : std::exchange(past_, {})) {
    input.events.push_back({MarketEventKind::past, 0, 0, {}, encode(past)});
  }
  if (prices_) input.events.push_back({MarketEventKind::clock, now_ms(), 0, {}});
  std::ranges::move(told_events(), std::back_inserter(input.events));
  tell_mined(block, input);
  last_ = input.block;
  follow_at_ = {};
  ready_.push_back(std::move(input));
  return {};
}

void LiveFeed::suspect(const std::vector<gantry_address>& pools, std::string reason) {
  const std::lock_guard lock(mutex_);
  for (const gantry_address& pool : pools) suspects_.emplace_back(pool, reason);
}

Audit::Suspects LiveFeed::suspects_of(const Snapshot& snapshot) {
  Audit::Suspects out;
  std::vector<std::pair<gantry_address, std::string>> told;
  {
    const std::lock_guard lock(mutex_);
    told.swap(suspects_);
  }
  const auto& pools = snapshot.topology->pools;
  for (auto& [address, reason] : told) {
    for (std::uint32_t pool = 0; pool < pools.size(); ++pool) {
      if (AddressEqual{}(pools[pool].address, address) && pools[pool].use == PoolUse::usable) {
        out.emplace(pool, reason);
      }
    }
  }
  return out;
}

// Whoever is given the block is told with it, and this market with the next; so of the books below.
void LiveFeed::compare(const Snapshot& snapshot, BlockInput& input) {
  const recording::Block& block = input.block;
  const auto suspects = suspects_of(snapshot);
  if (suspects.empty() && !audit_.is_due(block.number)) return;
  const auto findings = audit_.compare(snapshot, block, suspects);
  if (!findings) {
    spdlog::debug("{}: block {} could not be audited: {}", chain_.name, block.number,
                  findings.error().message);
    return;
  }
  for (const Audit::Finding& finding : *findings) {
    const PoolInfo& pool = snapshot.topology->pools[finding.pool];
    spdlog::error("{}: pool {} of {} is quarantined: at block {}, {}. {}", chain_.name,
                  address_text(pool.address), snapshot.topology->venue_of(pool).name(),
                  block.number, finding.reason,
                  finding.file.empty() ? std::string("No case was written")
                                       : "The case is " + finding.file.string());
    const MarketEvent event{MarketEventKind::quarantine, 0, finding.pool,
                            finding.reason.substr(0, reason_bytes_max)};
    input.events.push_back(event);
    quarantines_.push_back(event);
  }
  const std::lock_guard lock(mutex_);
  status_.pools_audited = audit_.pools_compared();
  status_.pools_quarantined += findings->size();
}

void LiveFeed::check_books(const Snapshot& snapshot, BlockInput& input) {
  const std::size_t pools = snapshot.topology->pools.size();
  for (std::size_t pool = pools - input.pools.size(); pool < pools; ++pool) {
    books_.add(static_cast<std::uint32_t>(pool));
  }
  if (audit_.is_due(input.block.number)) {
    books_.add_next(snapshot, static_cast<std::size_t>(settings_.audit_pools));
  }
  const auto findings = books_.check(snapshot);
  if (!findings) {
    spdlog::debug("{}: what pools hold could not be read at block {}: {}", chain_.name,
                  input.block.number, findings.error().message);
    return;
  }
  for (const BooksCheck::Finding& finding : *findings) {
    const PoolInfo& pool = snapshot.topology->pools[finding.pool];
    spdlog::warn(
        "venue {}: pool {} is left out: {}; name the token in odd_tokens of its [[chain]] to let "
        "it in",
        snapshot.topology->venue_of(pool).name(), address_text(pool.address), finding.reason);
    const MarketEvent event{MarketEventKind::quarantine, 0, finding.pool,
                            finding.reason.substr(0, reason_bytes_max)};
    input.events.push_back(event);
    quarantines_.push_back(event);
  }
}

}  // namespace gantry::host
