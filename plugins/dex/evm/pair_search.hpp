// Pools among the tokens that an operator names: the factory is asked for the pool of each two of
// them, in rounds. First the tokens' decimals, then a batch of questions after the other. Where it
// stands is all in the cursor; one without answers asks its round's questions again, and one that
// has come to the end begins with the pools again, so that those created since are found.
//
// THREADS  [instance]; keeps nothing between calls.
// ERRORS   As gantry_dex_v1::discover() has them. A token that does not say its decimals is left
//          out with a line in the log; a factory that answers with no address is GANTRY_BAD_STATE,
//          and named.
#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/dex.hpp"
#include "plugins/dex/evm/address_list.hpp"

namespace gantry::evm {

// Addresses with blanks or commas between them, sorted, each once. Throws Refused.
inline std::vector<Address> parse_token_list(std::string_view key, std::string_view text) {
  constexpr std::size_t tokens_max = 64;  // 2,016 pairs
  std::vector<Address> tokens = parse_address_list(key, text, " ,\t\n");
  std::ranges::sort(tokens);
  const auto repeated = std::ranges::unique(tokens);
  tokens.erase(repeated.begin(), repeated.end());
  if (tokens.size() == 1 || tokens.size() > tokens_max) {
    throw Refused(std::string(key) + " names " + std::to_string(tokens.size()) +
                  " tokens; pools are looked for among 2 to " + std::to_string(tokens_max));
  }
  return tokens;
}

struct PairSearch {
  const Host& host;
  const Address& factory;
  std::span<const Address> tokens;  // as parse_token_list() has them
  std::uint32_t tiers;              // pools that two tokens may have, as one for each fee
};

struct PairSearchSinks {
  const gantry_request_sink* requests;
  const gantry_pool_sink* pools;
  gantry_buffer* next_cursor;
};

namespace pair_search {

inline constexpr std::uint32_t questions_per_round = 256;
inline constexpr std::uint8_t decimals_max = 77;  // 10^77 is the last power of ten in 256 bits
inline constexpr std::uint8_t unknown = 255;
// decimals()
inline constexpr Selector decimals_selector{0x31, 0x3c, 0xe5, 0x67};

enum class Stage : std::uint8_t { decimals = 1, pools = 2, end = 3 };

// Bytes: revision, stage, eight of what tells this search from another, the first question of the
// batch as little-endian uint32_t, and each token's decimals.
struct Cursor {
  static constexpr std::uint8_t revision = 1;
  static constexpr std::size_t head_bytes = 2 + 8 + 4;

  Stage stage = Stage::decimals;
  std::uint32_t first = 0;
  std::vector<std::uint8_t> decimals;
};

struct Question {
  std::uint32_t token0;
  std::uint32_t token1;
  std::uint32_t tier;
};

class Round {
 public:
  Round(const PairSearch& search, std::span<const gantry_fact> facts)
      : search_(search), facts_(facts), id_(id_of(search)) {}

  bool begin(std::span<const std::uint8_t> cursor);
  gantry_status take_answers();
  template <class Calldata>
  gantry_status emit_to(const PairSearchSinks& sinks, Calldata&& calldata) const;

 private:
  struct Found {
    Address pool;
    Question at;
  };

  static Topic id_of(const PairSearch& search) {
    Keccak256 hash;
    hash.update(search.factory);
    for (const Address& token : search.tokens) hash.update(token);
    return hash.digest();
  }
  const gantry_fact* answer(std::uint32_t tag) const {
    const auto found = std::ranges::find_if(facts_, [&](const gantry_fact& fact) {
      return fact.source == GANTRY_SOURCE_EVM_CALL && fact.tag == tag;
    });
    return found == facts_.end() ? nullptr : &*found;
  }
  static std::span<const std::uint8_t> word_of(const gantry_fact* fact) {
    if (fact == nullptr || fact->status != GANTRY_OK || fact->data.size < word_bytes) return {};
    return view(fact->data).first(word_bytes);
  }
  // The questions of the cursor's batch; one more says that there are others behind them.
  std::vector<Question> batch(std::uint32_t room) const;
  void take_decimals();
  gantry_status take_pools();
  std::vector<std::uint8_t> encoded() const;

  const PairSearch& search_;
  std::span<const gantry_fact> facts_;
  const Topic id_;
  Cursor cursor_;
  std::vector<Found> found_;
  std::vector<std::string> left_out_;  // a line each
};

// False: these are no bytes of ours. A cursor of another search is one that begins.
inline bool Round::begin(std::span<const std::uint8_t> bytes) {
  if (bytes.empty()) return true;
  if (bytes.size() < Cursor::head_bytes || bytes[0] != Cursor::revision || bytes[1] < 1 ||
      bytes[1] > 3) {
    return false;
  }
  if (!std::equal(id_.begin(), id_.begin() + 8, bytes.begin() + 2)) return true;
  cursor_.stage = static_cast<Stage>(bytes[1]);
  for (std::size_t i = 0; i < 4; ++i) {
    cursor_.first |= std::uint32_t{bytes[10 + i]} << (8 * i);
  }
  const auto rest = bytes.subspan(Cursor::head_bytes);
  cursor_.decimals.assign(rest.begin(), rest.end());
  return rest.size() == (cursor_.stage == Stage::decimals ? 0 : search_.tokens.size());
}

inline std::vector<std::uint8_t> Round::encoded() const {
  std::vector<std::uint8_t> bytes;
  bytes.reserve(Cursor::head_bytes + cursor_.decimals.size());
  bytes.push_back(Cursor::revision);
  bytes.push_back(static_cast<std::uint8_t>(cursor_.stage));
  bytes.insert(bytes.end(), id_.begin(), id_.begin() + 8);
  for (std::size_t i = 0; i < 4; ++i) {
    bytes.push_back(static_cast<std::uint8_t>(cursor_.first >> (8 * i)));
  }
  bytes.insert(bytes.end(), cursor_.decimals.begin(), cursor_.decimals.end());
  return bytes;
}

inline std::vector<Question> Round::batch(std::uint32_t room) const {
  std::vector<Question> questions;
  std::uint32_t index = 0;
  for (std::uint32_t i = 0; i < search_.tokens.size(); ++i) {
    for (std::uint32_t j = i + 1; j < search_.tokens.size(); ++j) {
      if (cursor_.decimals[i] == unknown || cursor_.decimals[j] == unknown) continue;
      for (std::uint32_t tier = 0; tier < search_.tiers; ++tier) {
        if (index++ < cursor_.first) continue;
        if (questions.size() == room) return questions;
        questions.push_back({i, j, tier});
      }
    }
  }
  return questions;
}

inline gantry_status Round::take_answers() {
  const bool answered = std::ranges::any_of(
      facts_, [](const gantry_fact& fact) { return fact.source == GANTRY_SOURCE_EVM_CALL; });
  if (cursor_.stage == Stage::end) {
    cursor_.stage = Stage::pools;
    cursor_.first = 0;
  } else if (answered && cursor_.stage == Stage::decimals) {
    take_decimals();
  } else if (answered) {
    return take_pools();
  }
  return GANTRY_OK;
}

inline void Round::take_decimals() {
  for (std::uint32_t i = 0; i < search_.tokens.size(); ++i) {
    const auto word = word_of(answer(i));
    const u256 count = word.empty() ? u256::max() : read_word(word);
    const bool known = count <= u256(decimals_max);
    cursor_.decimals.push_back(known ? static_cast<std::uint8_t>(count.limb(0)) : unknown);
    if (!known) {
      left_out_.push_back("no pool of " + checksummed(search_.tokens[i]) +
                          " is looked for: it does not say its decimals");
    }
  }
  cursor_.stage = Stage::pools;
  cursor_.first = 0;
}

inline gantry_status Round::take_pools() {
  const std::vector<Question> asked = batch(questions_per_round);
  for (std::uint32_t tag = 0; tag < asked.size(); ++tag) {
    const auto word = word_of(answer(tag));
    const auto pool = word.empty() ? std::nullopt : read_address(word);
    if (!pool) {
      search_.host.error(checksummed(search_.factory) +
                         " does not say which pool two tokens have: is it a factory?");
      return GANTRY_BAD_STATE;
    }
    if (*pool != Address{}) found_.push_back({*pool, asked[tag]});
  }
  cursor_.first += static_cast<std::uint32_t>(asked.size());
  if (batch(1).empty()) cursor_.stage = Stage::end;
  return GANTRY_OK;
}

// Nothing is emitted before the room for the cursor is known to suffice, so that a second try says
// all of it again.
template <class Calldata>
gantry_status Round::emit_to(const PairSearchSinks& sinks, Calldata&& calldata) const {
  const std::vector<std::uint8_t> next = encoded();
  if (sinks.next_cursor->capacity < next.size()) {
    sinks.next_cursor->size = next.size();
    return GANTRY_NEED_SIZE;
  }
  gantry_status status = GANTRY_OK;
  const auto ask = [&](std::uint32_t tag, const Address& target, gantry_bytes payload) {
    const gantry_request request{GANTRY_SOURCE_EVM_CALL, tag, to_sdk(target), payload};
    if (status == GANTRY_OK) status = emit(sinks.requests, request);
  };
  if (cursor_.stage == Stage::decimals) {
    for (std::uint32_t i = 0; i < search_.tokens.size(); ++i) {
      ask(i, search_.tokens[i], c_bytes(decimals_selector));
    }
  } else if (cursor_.stage == Stage::pools) {
    std::uint32_t tag = 0;
    for (const Question& question : batch(questions_per_round)) {
      const auto call =
          calldata(search_.tokens[question.token0], search_.tokens[question.token1], question.tier);
      ask(tag++, search_.factory, c_bytes(call));
    }
  }
  if (status != GANTRY_OK) return status;
  for (const Found& found : found_) {
    gantry_pool_token tokens[2]{};
    tokens[0].address = to_sdk(search_.tokens[found.at.token0]);
    tokens[0].decimals = cursor_.decimals[found.at.token0];
    tokens[1].address = to_sdk(search_.tokens[found.at.token1]);
    tokens[1].decimals = cursor_.decimals[found.at.token1];
    gantry_pool_spec spec{};
    spec.address = to_sdk(found.pool);
    spec.tokens = tokens;
    spec.token_count = 2;
    // One that the operator does not want is none the less found.
    status = emit(sinks.pools, spec);
    if (status != GANTRY_OK && status != GANTRY_REFUSED) return status;
  }
  for (const std::string& line : left_out_) search_.host.info(line);
  std::ranges::copy(next, sinks.next_cursor->data);
  sinks.next_cursor->size = next.size();
  // At least one of the rounds after the decimals is needed, even without a pair to ask for.
  return cursor_.stage == Stage::end || (cursor_.stage == Stage::pools && batch(1).empty())
             ? GANTRY_OK
             : GANTRY_NEED_STATE;
}

}  // namespace pair_search

// `calldata(token0, token1, tier)`: the bytes that ask the factory for one pool; token0 is the
// lower address. Its answer's first word is the pool's address, or zero where there is none.
template <class Calldata>
gantry_status search_pairs(const PairSearch& search, std::span<const std::uint8_t> cursor,
                           std::span<const gantry_fact> facts, const PairSearchSinks& sinks,
                           Calldata&& calldata) {
  pair_search::Round round(search, facts);
  if (!round.begin(cursor)) return GANTRY_BAD_STATE;
  if (const auto status = round.take_answers(); status != GANTRY_OK) return status;
  return round.emit_to(sinks, calldata);
}

}  // namespace gantry::evm
