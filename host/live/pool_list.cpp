#include "host/live/pool_list.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <iterator>
#include <utility>

#include "gantry/u256_convert.hpp"
#include "host/base/text.hpp"
#include "host/live/chain_logs.hpp"
#include "host/live/chain_text.hpp"
#include "host/recording/format.hpp"

namespace gantry::host {

namespace {

constexpr std::size_t requests_max = 1024;  // of one round of discovery
constexpr std::size_t cursor_bytes_max = 64U << 10U;
constexpr std::size_t named_max = 3;  // pools in a line of the log
constexpr std::uint8_t decimals_selector[] = {0x31, 0x3c, 0xe5, 0x67};  // decimals()
constexpr std::uint8_t symbol_selector[] = {0x95, 0xd8, 0x9b, 0x41};    // symbol()

PoolRequest token_request(const gantry_address& token, std::span<const std::uint8_t> selector) {
  return {0, GANTRY_SOURCE_EVM_CALL, 0, token, {selector.begin(), selector.end()}};
}

LogRange range_of(const PoolRequest& request) {
  LogRange range;
  range.emitter = request.target;
  range.first = recording::load_word<std::uint64_t>(request.payload.data());
  range.last = recording::load_word<std::uint64_t>(request.payload.data() + 8);
  range.topics.assign(request.payload.begin() + 16, request.payload.end());
  return range;
}

}  // namespace

std::string symbol_of(std::span<const std::uint8_t> bytes) {
  std::span<const std::uint8_t> text;
  if (bytes.size() == word_bytes) {
    text = bytes;
  } else if (bytes.size() >= 2 * word_bytes) {
    const u256 offset = load_be(bytes.data());
    if (offset <= u256(bytes.size() - word_bytes)) {
      const auto at = static_cast<std::size_t>(offset.limb(0));
      const u256 size = load_be(bytes.data() + at);
      const std::size_t left = bytes.size() - at - word_bytes;
      if (size <= u256(left)) {
        text = bytes.subspan(at + word_bytes, static_cast<std::size_t>(size.limb(0)));
      }
    }
  }
  std::string symbol;
  for (const std::uint8_t byte : text) {
    if (byte == 0 || symbol.size() == recording::text_bytes_max) break;
    symbol += byte >= 0x20 && byte <= 0x7E ? static_cast<char>(byte) : '?';
  }
  return symbol.empty() ? "?" : symbol;
}

// One round of one venue: what it asks for, what it finds, and the answers.
struct PoolList::Discovery {
  PoolList& list;
  const VenueInstance& venue;
  std::vector<PoolRequest> requests;
  // With the block of each, where it is a log. A deque: rows point into it.
  std::deque<std::pair<recording::Fact, std::uint64_t>> facts;

  gantry_status ask(const gantry_request& request) {
    const bool range = request.source == GANTRY_SOURCE_EVM_LOG_RANGE;
    if (request.source < GANTRY_SOURCE_EVM_CALL || request.source > GANTRY_SOURCE_SOLANA_PROGRAM) {
      return GANTRY_BAD_ARGUMENT;
    }
    if (range && (request.payload.size < 16 || request.payload.size % word_bytes != 16)) {
      return GANTRY_BAD_ARGUMENT;
    }
    if (requests.size() == requests_max || request.payload.size > recording::spec_bytes_max) {
      return GANTRY_REFUSED;
    }
    requests.push_back(
        {0, request.source, request.tag, request.target,
         recording::Bytes(request.payload.data, request.payload.data + request.payload.size)});
    return GANTRY_OK;
  }
  gantry_status emit(const gantry_pool_spec& spec) {
    const bool is_pool =
        spec.address.kind == GANTRY_ADDRESS_EVM || spec.address.kind == GANTRY_ADDRESS_ID32;
    if (spec.token_count > recording::pool_tokens_max ||
        spec.metadata.size > recording::spec_bytes_max || !is_pool) {
      return GANTRY_REFUSED;
    }
    std::size_t& count = list.discovered_[venue.name()];
    if (count == discovered_max) return GANTRY_REFUSED;
    if (!list.known_.emplace(venue.name(), address_text(spec.address)).second) return GANTRY_OK;
    ++count;
    Candidate pool{.venue = venue.name(), .address = spec.address};
    for (std::uint32_t i = 0; i < spec.token_count; ++i) {
      pool.tokens.push_back(spec.tokens[i].address);
    }
    pool.metadata.assign(spec.metadata.data, spec.metadata.data + spec.metadata.size);
    list.candidates_.push_back(std::move(pool));
    return GANTRY_OK;
  }
};

void PoolList::add_listed() {
  if (std::exchange(listed_, true)) return;
  for (const auto& venue : venues_) {
    for (const ListedPool& pool : venue->settings.pools) {
      if (!known_.emplace(venue->name(), address_text(pool.address)).second) continue;
      candidates_.push_back(
          {.venue = venue->name(),
           .address = pool.address,
           .tokens = pool.tokens,
           .metadata = recording::Bytes(pool.metadata.begin(), pool.metadata.end())});
    }
  }
}

Status PoolList::discover(const gantry_context& context, const BlockPin& pin) {
  for (const auto& venue : venues_) {
    if (!venue->settings.discover || not_discoverable_.contains(venue->name())) continue;
    if (auto done = discover(*venue, context, pin); !done) return done;
  }
  return {};
}

// A node that refuses a range for its size is asked for its halves.
Status PoolList::answer_ranges(Discovery& round, std::size_t request, const LogRange& range) {
  const RpcCall call = call_of(range);
  const auto answers = ask(providers_, {&call, 1}, {});
  if (!answers) return std::unexpected(answers.error());
  if (!answers->front()) {
    if (range.first >= range.last) {
      return fail(ErrorKind::io, fmt::format("the logs of block {} cannot be had: {}", range.first,
                                             answers->front().error().message));
    }
    LogRange half = range;
    half.last = range.first + (range.last - range.first) / 2;
    if (auto done = answer_ranges(round, request, half); !done) return done;
    half = range;
    half.first = range.first + (range.last - range.first) / 2 + 1;
    return answer_ranges(round, request, half);
  }
  auto logs = parse_logs(*answers->front());
  if (!logs) return std::unexpected(logs.error());
  for (ChainLog& log : *logs) {
    recording::Fact fact;
    fact.kind = static_cast<recording::FactKind>(GANTRY_SOURCE_EVM_LOG_RANGE);
    fact.tag = round.requests[request].tag;
    fact.log_index = log.index;
    fact.source = log.emitter;
    fact.topics = std::move(log.topics);
    fact.data = std::move(log.data);
    round.facts.emplace_back(std::move(fact), log.block);
  }
  return {};
}

Status PoolList::discover(const VenueInstance& venue, const gantry_context& context,
                          const BlockPin& pin) {
  Discovery round{*this, venue, {}, {}};
  const gantry_request_sink requests{
      &round, [](void* self, const gantry_request* request) -> gantry_status {
        return request == nullptr ? GANTRY_BAD_ARGUMENT
                                  : static_cast<Discovery*>(self)->ask(*request);
      }};
  const gantry_pool_sink pools{
      &round, [](void* self, const gantry_pool_spec* spec) -> gantry_status {
        return spec == nullptr ? GANTRY_BAD_ARGUMENT : static_cast<Discovery*>(self)->emit(*spec);
      }};
  recording::Bytes next(256);
  for (std::uint32_t rounds = 0; rounds < discover_rounds_max;) {
    std::vector<gantry_fact> rows;
    for (const auto& [fact, block] : round.facts) {
      rows.push_back({static_cast<std::int32_t>(fact.kind),
                      fact.tag,
                      fact.status,
                      fact.log_index,
                      block,
                      fact.source,
                      {fact.topics.data(), fact.topics.size()},
                      {fact.data.data(), fact.data.size()}});
    }
    round.requests.clear();
    recording::Bytes& cursor = cursors_[venue.name()];
    gantry_buffer buffer{next.data(), next.size(), 0};
    const auto status = venue.call<&gantry_dex_v1::discover>(
        Phase::open_pool, &context, gantry_bytes{cursor.data(), cursor.size()}, rows.data(),
        static_cast<std::uint32_t>(rows.size()), &requests, &pools, &buffer);
    if (status == GANTRY_NEED_SIZE && buffer.size > next.size() &&
        buffer.size <= cursor_bytes_max) {
      next.resize(buffer.size);
      continue;
    }
    if (status != GANTRY_OK && status != GANTRY_NEED_STATE) {
      if (status == GANTRY_UNSUPPORTED) {
        not_discoverable_.insert(venue.name());
      } else {
        // From where it stands, at the next turn: an answer may have been a bad one.
        spdlog::warn("venue {}: it could not look for pools: {}; it is asked again in some blocks",
                     venue.name(), status_name(status));
      }
      return {};
    }
    if (buffer.size <= next.size()) cursor.assign(next.data(), next.data() + buffer.size);
    if (status == GANTRY_OK) return {};
    ++rounds;
    // As bytes of its own: the rows of this round may be gone before the next is asked.
    round.facts.clear();
    std::vector<PoolRequest> others;
    for (std::size_t i = 0; i < round.requests.size(); ++i) {
      if (round.requests[i].source != GANTRY_SOURCE_EVM_LOG_RANGE) {
        others.push_back(round.requests[i]);
      } else if (auto got = answer_ranges(round, i, range_of(round.requests[i])); !got) {
        return got;
      }
    }
    if (others.empty()) continue;
    fetcher_.read_at(pin);
    auto answers = fetcher_.answer(context, others);
    if (!answers) return std::unexpected(answers.error());
    for (auto& fact : *answers) round.facts.emplace_back(std::move(fact), context.state_block);
  }
  return {};
}

Status PoolList::read_tokens(const gantry_context& context) {
  std::vector<gantry_address> tokens;
  for (const Candidate& pool : candidates_) {
    for (const gantry_address& token : pool.tokens) {
      if (texts_.contains(token)) continue;
      if (std::ranges::find_if(tokens, [&](const auto& t) { return AddressEqual()(t, token); }) !=
          tokens.end()) {
        continue;
      }
      tokens.push_back(token);
    }
  }
  if (tokens.empty()) return {};
  std::vector<PoolRequest> requests;
  for (const gantry_address& token : tokens) {
    requests.push_back(token_request(token, decimals_selector));
    requests.push_back(token_request(token, symbol_selector));
  }
  auto answers = fetcher_.answer(context, requests);
  if (!answers) return std::unexpected(answers.error());
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const recording::Fact& decimals = (*answers)[2 * i];
    const recording::Fact& symbol = (*answers)[2 * i + 1];
    auto& text = texts_[tokens[i]];
    text.reset();
    if (decimals.status != GANTRY_OK || decimals.data.size() != word_bytes) continue;
    const u256 count = load_be(decimals.data.data());
    if (count > u256(decimals_max)) continue;
    text = TokenText{static_cast<std::uint32_t>(count.limb(0)),
                     symbol.status == GANTRY_OK ? symbol_of(symbol.data) : std::string("?")};
  }
  return {};
}

void PoolList::leave_out_what_is_no_token() {
  std::erase_if(candidates_, [&](const Candidate& candidate) {
    const auto no_token = std::ranges::find_if(
        candidate.tokens, [&](const auto& token) { return !texts_.at(token).has_value(); });
    if (no_token == candidate.tokens.end()) return false;
    spdlog::warn("venue {}: pool {} is left out: {} has no decimals(), so it is no token",
                 candidate.venue, address_text(candidate.address), address_text(*no_token));
    return true;
  });
}

// Returns the pools that are let in: of the new ones, and of those that wait.
Result<std::vector<PoolList::Candidate>> PoolList::try_tokens(const gantry_context& context,
                                                              const BlockPin& pin) {
  const std::size_t again = std::min(
      untried_.size(), fetcher_.has_multicall() ? tried_again_max : tried_again_singly_max);
  std::vector<TokenCheck::Pool> pools;
  for (std::size_t i = 0; i < again; ++i) {
    pools.push_back({untried_[i].address, untried_[i].tokens, untried_[i].turns, untried_[i].lost});
  }
  const std::size_t news =
      chain_.check_tokens ? std::min(candidates_.size(), new_tried_max) : candidates_.size();
  for (std::size_t i = 0; i < news; ++i) {
    pools.push_back({candidates_[i].address, candidates_[i].tokens});
  }
  const auto trials = tokens_.check(context, pin, pools);
  if (!trials) return std::unexpected(trials.error());
  std::vector<Candidate> asked;
  std::move(untried_.begin(), untried_.begin() + static_cast<std::ptrdiff_t>(again),
            std::back_inserter(asked));
  untried_.erase(untried_.begin(), untried_.begin() + static_cast<std::ptrdiff_t>(again));
  const auto rest = candidates_.begin() + static_cast<std::ptrdiff_t>(news);
  std::move(candidates_.begin(), rest, std::back_inserter(asked));
  candidates_.erase(candidates_.begin(), rest);
  const bool broke_off =
      !tokens_.goes_on() &&
      std::ranges::count(*trials, TrialOutcome::not_reached, &PoolTrial::outcome) != 0;
  goes_on_ = tokens_.goes_on() || (!candidates_.empty() && !broke_off);
  std::vector<Candidate> let_in;
  std::vector<Candidate> not_reached;
  std::size_t late = 0;  // of those that are let in, the first
  for (std::size_t i = 0; i < asked.size(); ++i) {
    Candidate& pool = asked[i];
    const PoolTrial& trial = (*trials)[i];
    pool.last = trial.outcome;
    switch (trial.outcome) {
      case TrialOutcome::let_in:
        if (i < again) ++late;
        let_in.push_back(std::move(pool));
        break;
      case TrialOutcome::odd:
        spdlog::warn(
            "venue {}: pool {} is left out: {}; name the token in odd_tokens of its [[chain]] to "
            "let it in",
            pool.venue, address_text(pool.address), trial.reason);
        break;
      case TrialOutcome::empty:
      case TrialOutcome::refused:
        ++pool.turns;
        pool.lost = trial.lost ? pool.lost + 1 : 0;
        untried_.push_back(std::move(pool));
        break;
      case TrialOutcome::not_reached:
        // Else as those before it.
        if (!tokens_.goes_on()) pool.last = TrialOutcome::refused;
        not_reached.push_back(std::move(pool));
        break;
    }
  }
  untried_.insert(untried_.begin(), std::make_move_iterator(not_reached.begin()),
                  std::make_move_iterator(not_reached.end()));
  count_untried(*trials);
  tell_let_in(std::span(let_in).first(late));
  return let_in;
}

void PoolList::tell_let_in(std::span<const Candidate> pools) const {
  if (pools.empty()) return;
  std::string names;
  for (const Candidate& pool : pools.first(std::min(pools.size(), named_max))) {
    names += fmt::format("{}{} of {}", names.empty() ? "" : ", ", address_text(pool.address),
                         pool.venue);
  }
  if (pools.size() > named_max) names += fmt::format(" and {} more", pools.size() - named_max);
  spdlog::info("{}: pools that waited are let in, for their tokens were tried and are plain: {}",
               chain_.name, names);
}

// Told once, not at each turn.
void PoolList::count_untried(std::span<const PoolTrial> trials) {
  waiting_ = {};
  waiting_.unreached = candidates_.size();
  for (const Candidate& pool : untried_) {
    ++(pool.last == TrialOutcome::refused ? waiting_.refused
       : pool.last == TrialOutcome::empty ? waiting_.empty
                                          : waiting_.unreached);
  }
  for (const TrialOutcome outcome : {TrialOutcome::refused, TrialOutcome::empty}) {
    const auto first = std::ranges::find(trials, outcome, &PoolTrial::outcome);
    if (waiting_.reason.empty() && first != trials.end()) waiting_.reason = first->reason;
  }
  if (waiting_.refused == 0) told_refused_ = false;
  if (waiting_.refused != 0 && !std::exchange(told_refused_, true)) {
    spdlog::warn(
        "{}: {} pools are kept out until a provider tries their tokens: {}. That is one eth_call "
        "with state overrides, and is asked again with new pools; check_tokens = false of the "
        "[[chain]] lets all pools in untried, odd_tokens those of these tokens",
        chain_.name, waiting_.refused, waiting_.reason);
  }
  if (waiting_.empty != 0 && !std::exchange(told_empty_, true)) {
    spdlog::info(
        "{}: {} pools are kept out until they hold enough of each token to try it; that is looked "
        "for with new pools, and `gantry status` says how many wait",
        chain_.name, waiting_.empty);
  }
}

Result<FoundPools> PoolList::find(const gantry_context& context, const BlockPin& pin) {
  add_listed();
  if (!std::exchange(goes_on_, false)) {
    if (auto done = discover(context, pin); !done) return std::unexpected(done.error());
  }
  fetcher_.read_at(pin);
  if (auto done = read_tokens(context); !done) return std::unexpected(done.error());
  leave_out_what_is_no_token();
  auto let_in = try_tokens(context, pin);
  if (!let_in) return std::unexpected(let_in.error());
  FoundPools found;
  for (Candidate& candidate : *let_in) {
    recording::Pool pool{candidate.venue, candidate.address, {}, std::move(candidate.metadata)};
    for (const gantry_address& token : candidate.tokens) {
      const auto handle = static_cast<std::uint32_t>(handles_.size());
      const auto [at, is_new] = handles_.emplace(token, handle);
      if (is_new) {
        const TokenText& text = *texts_.at(token);
        found.tokens.push_back({token, text.symbol, static_cast<std::uint8_t>(text.decimals)});
      }
      pool.tokens.push_back(at->second);
    }
    found.pools.push_back(std::move(pool));
  }
  return found;
}

}  // namespace gantry::host
