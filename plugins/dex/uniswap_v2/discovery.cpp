#include "plugins/dex/uniswap_v2/discovery.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "plugins/dex/uniswap_v2/abi.hpp"

namespace gantry::uniswap_v2 {
namespace {

using evm::Address;

// What the cursor waits for.
enum class Stage : std::uint8_t {
  length = 1,    // how many pairs there are
  pairs = 2,     // the addresses of a batch
  tokens = 3,    // the two tokens of each of them
  decimals = 4,  // those of each token of the batch
  end = 5,       // nothing: every pair is known; logs, or being asked again, make it go on
};

struct Pair {
  Address address{};
  Address token[2]{};
};

// The cursor, decoded. Bytes: revision, stage, factory, first and end as little-endian uint64_t,
// then 60 bytes for each pair of the batch.
struct Cursor {
  static constexpr std::uint8_t revision = 1;
  static constexpr std::size_t head_bytes = 2 + evm::address_bytes + 16;
  static constexpr std::size_t pair_bytes = 3 * evm::address_bytes;

  Stage stage = Stage::length;
  std::uint64_t first = 0;  // index of the batch's first pair: all before it are done
  std::uint64_t end = 0;    // how many pairs there are, as far as is known
  std::vector<Pair> batch;  // known from stage tokens on
};

std::uint64_t read_u64(std::span<const std::uint8_t> bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) value |= std::uint64_t{bytes[i]} << (8 * i);
  return value;
}

void write_u64(std::vector<std::uint8_t>& to, std::uint64_t value) {
  for (std::size_t i = 0; i < 8; ++i) to.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

std::vector<std::uint8_t> encode(const Cursor& cursor, const Address& factory) {
  std::vector<std::uint8_t> bytes{Cursor::revision, static_cast<std::uint8_t>(cursor.stage)};
  bytes.reserve(Cursor::head_bytes + cursor.batch.size() * Cursor::pair_bytes);
  bytes.insert(bytes.end(), factory.begin(), factory.end());
  write_u64(bytes, cursor.first);
  write_u64(bytes, cursor.end);
  for (const Pair& pair : cursor.batch) {
    for (const Address* address : {&pair.address, &pair.token[0], &pair.token[1]}) {
      bytes.insert(bytes.end(), address->begin(), address->end());
    }
  }
  return bytes;
}

// nullopt: these are no bytes of ours. A cursor of another factory is one that begins.
std::optional<Cursor> decode(std::span<const std::uint8_t> bytes, const Address& factory) {
  Cursor cursor;
  if (bytes.empty()) return cursor;
  if (bytes.size() < Cursor::head_bytes || bytes[0] != Cursor::revision) return std::nullopt;
  if (bytes[1] < static_cast<std::uint8_t>(Stage::length) ||
      bytes[1] > static_cast<std::uint8_t>(Stage::end)) {
    return std::nullopt;
  }
  if (!std::equal(factory.begin(), factory.end(), bytes.begin() + 2)) return cursor;
  cursor.stage = static_cast<Stage>(bytes[1]);
  cursor.first = read_u64(bytes.subspan(2 + evm::address_bytes, 8));
  cursor.end = read_u64(bytes.subspan(2 + evm::address_bytes + 8, 8));
  const auto rest = bytes.subspan(Cursor::head_bytes);
  const std::size_t count = rest.size() / Cursor::pair_bytes;
  const bool has_batch = cursor.stage == Stage::tokens || cursor.stage == Stage::decimals;
  if (rest.size() % Cursor::pair_bytes != 0 || count > pairs_per_batch ||
      has_batch != (count != 0) || cursor.first > cursor.end || count > cursor.end - cursor.first) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < count; ++i) {
    Pair& pair = cursor.batch.emplace_back();
    auto from = rest.subspan(i * Cursor::pair_bytes);
    for (Address* address : {&pair.address, &pair.token[0], &pair.token[1]}) {
      std::copy_n(from.begin(), address->size(), address->begin());
      from = from.subspan(address->size());
    }
  }
  return cursor;
}

struct Question {
  gantry_address target;
  std::vector<std::uint8_t> calldata;
};

// One call of discover(): what it was told, and what it is going to say. Nothing is emitted before
// the room for the cursor is known to suffice, so that a second try says all of it again.
class Round {
 public:
  Round(const Host& host, const Address& factory, Cursor cursor, std::span<const gantry_fact> facts)
      : host_(host), factory_(factory), cursor_(std::move(cursor)), facts_(facts) {}

  gantry_status take_facts();
  void ask();
  gantry_status emit_to(const DiscoverySinks& sinks) const;

 private:
  void hear_logs();
  gantry_status take_answers();
  gantry_status take_length();
  gantry_status take_pairs();
  gantry_status take_tokens();
  gantry_status take_decimals();
  void next_batch();

  const gantry_fact* answer(std::uint32_t tag) const;
  bool answered() const;
  std::vector<Address> batch_tokens() const;
  std::size_t batch_size() const;

  const Host& host_;
  const Address& factory_;
  Cursor cursor_;
  std::span<const gantry_fact> facts_;
  std::vector<Question> questions_;
  struct Found {
    Pair pair;
    std::uint32_t decimals[2];
  };
  std::vector<Found> found_;
  std::vector<std::string> left_out_;  // a line each
};

const gantry_fact* Round::answer(std::uint32_t tag) const {
  const auto found = std::ranges::find_if(facts_, [&](const gantry_fact& fact) {
    return fact.source == GANTRY_SOURCE_EVM_CALL && fact.tag == tag;
  });
  return found == facts_.end() ? nullptr : &*found;
}

bool Round::answered() const {
  return std::ranges::any_of(
      facts_, [](const gantry_fact& fact) { return fact.source == GANTRY_SOURCE_EVM_CALL; });
}

std::span<const std::uint8_t> first_word(const gantry_fact& fact) {
  if (fact.status != GANTRY_OK || fact.data.size < word_bytes) return {};
  return view(fact.data).first(word_bytes);
}

// nullopt: the word is above 2^64 - 1.
std::optional<std::uint64_t> read_count(std::span<const std::uint8_t> word) {
  const u256 value = evm::read_word(word);
  if (!(value.limb(1) == 0 && value.limb(2) == 0 && value.limb(3) == 0)) return std::nullopt;
  return value.limb(0);
}

std::optional<Address> read_answer(const gantry_fact* fact) {
  if (fact == nullptr) return std::nullopt;
  const auto word = first_word(*fact);
  return word.empty() ? std::nullopt : evm::read_address(word);
}

std::size_t Round::batch_size() const {
  return static_cast<std::size_t>(
      std::min<std::uint64_t>(pairs_per_batch, cursor_.end - cursor_.first));
}

std::vector<Address> Round::batch_tokens() const {
  std::vector<Address> tokens;
  for (const Pair& pair : cursor_.batch) tokens.insert(tokens.end(), pair.token, pair.token + 2);
  std::ranges::sort(tokens);
  const auto repeated = std::ranges::unique(tokens);
  tokens.erase(repeated.begin(), repeated.end());
  return tokens;
}

// PairCreated(token0, token1, pair, length): its last word is how many pairs there are now.
void Round::hear_logs() {
  for (const gantry_fact& fact : facts_) {
    const bool log =
        fact.source == GANTRY_SOURCE_EVM_LOG || fact.source == GANTRY_SOURCE_EVM_LOG_RANGE;
    if (!log || fact.topics.size < pair_created_topic.size() ||
        !std::equal(pair_created_topic.begin(), pair_created_topic.end(), fact.topics.data) ||
        !evm::is_contract(fact.emitter) || evm::to_address(fact.emitter) != factory_ ||
        fact.data.size != 2 * word_bytes) {
      continue;
    }
    const auto length = read_count(view(fact.data).last(word_bytes));
    if (!length || *length <= cursor_.end) continue;
    cursor_.end = *length;
    if (cursor_.stage == Stage::end) cursor_.stage = Stage::pairs;
  }
}

gantry_status Round::take_facts() {
  const bool rests = cursor_.stage == Stage::end;
  // Without answers the same questions are asked again, or the first.
  const auto status = answered() && !rests ? take_answers() : GANTRY_OK;
  if (status != GANTRY_OK) return status;
  hear_logs();
  if (rests && cursor_.stage == Stage::end) cursor_.stage = Stage::length;
  return GANTRY_OK;
}

gantry_status Round::take_answers() {
  switch (cursor_.stage) {
    case Stage::length:
      return take_length();
    case Stage::pairs:
      return take_pairs();
    case Stage::tokens:
      return take_tokens();
    default:
      return take_decimals();
  }
}

gantry_status Round::take_length() {
  const gantry_fact* fact = answer(0);
  const auto word = fact == nullptr ? std::span<const std::uint8_t>() : first_word(*fact);
  const auto length = word.empty() ? std::nullopt : read_count(word);
  if (!length) {
    host_.error(evm::checksummed(factory_) +
                " does not say how many pairs it has: is it a factory?");
    return GANTRY_BAD_STATE;
  }
  // Fewer than before: a reorganized chain. What it has created anew will be told by its logs.
  cursor_.end = std::max(*length, cursor_.first);
  cursor_.stage = cursor_.first < cursor_.end ? Stage::pairs : Stage::end;
  return GANTRY_OK;
}

gantry_status Round::take_pairs() {
  for (std::uint32_t i = 0; i < batch_size(); ++i) {
    const gantry_fact* fact = answer(i);
    if (fact != nullptr && fact->status != GANTRY_OK) break;  // past the end after a reorganization
    const auto address = read_answer(fact);
    if (!address) return GANTRY_BAD_STATE;
    cursor_.batch.push_back({*address, {}});
  }
  if (cursor_.batch.empty()) {
    cursor_.end = cursor_.first;
    cursor_.stage = Stage::end;
  } else {
    cursor_.stage = Stage::tokens;
  }
  return GANTRY_OK;
}

gantry_status Round::take_tokens() {
  for (std::uint32_t i = 0; i < cursor_.batch.size(); ++i) {
    Pair& pair = cursor_.batch[i];
    for (std::uint32_t side = 0; side < 2; ++side) {
      const gantry_fact* fact = answer(2 * i + side);
      if (fact == nullptr) return GANTRY_BAD_STATE;
      // A pair that does not say is kept as one of token 0x0, which has no decimals.
      pair.token[side] = read_answer(fact).value_or(Address{});
    }
  }
  cursor_.stage = Stage::decimals;
  return GANTRY_OK;
}

gantry_status Round::take_decimals() {
  std::map<Address, std::uint32_t> decimals;
  const std::vector<Address> tokens = batch_tokens();
  for (std::uint32_t i = 0; i < tokens.size(); ++i) {
    const gantry_fact* fact = answer(i);
    if (fact == nullptr) return GANTRY_BAD_STATE;
    const auto word = first_word(*fact);
    const auto count = word.empty() ? std::nullopt : read_count(word);
    if (count && *count <= decimals_max) {
      decimals.emplace(tokens[i], static_cast<std::uint32_t>(*count));
    }
  }
  for (const Pair& pair : cursor_.batch) {
    const auto first = decimals.find(pair.token[0]);
    const auto second = decimals.find(pair.token[1]);
    if (first != decimals.end() && second != decimals.end()) {
      found_.push_back({pair, {first->second, second->second}});
      continue;
    }
    const Address& without = pair.token[first == decimals.end() ? 0 : 1];
    left_out_.push_back(evm::checksummed(pair.address) + " is left out: " +
                        (without == Address{}
                             ? "it does not say what its tokens are"
                             : evm::checksummed(without) + " does not say its decimals"));
  }
  next_batch();
  return GANTRY_OK;
}

void Round::next_batch() {
  cursor_.first += cursor_.batch.size();
  cursor_.batch.clear();
  cursor_.stage = cursor_.first < cursor_.end ? Stage::pairs : Stage::end;
}

void Round::ask() {
  const gantry_address factory = evm::to_sdk(factory_);
  const auto call = [](const evm::Selector& selector) {
    return std::vector<std::uint8_t>(selector.begin(), selector.end());
  };
  switch (cursor_.stage) {
    case Stage::length:
      questions_.push_back({factory, call(all_pairs_length_selector)});
      break;
    case Stage::pairs:
      for (std::size_t i = 0; i < batch_size(); ++i) {
        Question question{factory, call(all_pairs_selector)};
        question.calldata.resize(4 + word_bytes);
        write_word(std::span(question.calldata).subspan(4), u256(cursor_.first + i));
        questions_.push_back(std::move(question));
      }
      break;
    case Stage::tokens:
      for (const Pair& pair : cursor_.batch) {
        questions_.push_back({evm::to_sdk(pair.address), call(token0_selector)});
        questions_.push_back({evm::to_sdk(pair.address), call(token1_selector)});
      }
      break;
    case Stage::decimals:
      for (const Address& token : batch_tokens()) {
        questions_.push_back({evm::to_sdk(token), call(decimals_selector)});
      }
      break;
    case Stage::end:
      break;
  }
}

gantry_status Round::emit_to(const DiscoverySinks& sinks) const {
  const std::vector<std::uint8_t> next = encode(cursor_, factory_);
  if (sinks.next_cursor->capacity < next.size()) {
    sinks.next_cursor->size = next.size();
    return GANTRY_NEED_SIZE;
  }
  if (!answered()) {
    const gantry_request logs{GANTRY_SOURCE_EVM_LOG, 0, evm::to_sdk(factory_),
                              c_bytes(pair_created_topic)};
    if (const auto status = emit(sinks.requests, logs); status != GANTRY_OK) return status;
  }
  for (std::uint32_t tag = 0; tag < questions_.size(); ++tag) {
    const gantry_request request{GANTRY_SOURCE_EVM_CALL, tag, questions_[tag].target,
                                 c_bytes(questions_[tag].calldata)};
    if (const auto status = emit(sinks.requests, request); status != GANTRY_OK) return status;
  }
  for (const Found& found : found_) {
    const gantry_pool_token tokens[2] = {{evm::to_sdk(found.pair.token[0]), found.decimals[0], 0},
                                         {evm::to_sdk(found.pair.token[1]), found.decimals[1], 0}};
    gantry_pool_spec spec{};
    spec.address = evm::to_sdk(found.pair.address);
    spec.tokens = tokens;
    spec.token_count = 2;
    // One that the operator does not want is none the less found.
    const auto status = emit(sinks.pools, spec);
    if (status != GANTRY_OK && status != GANTRY_REFUSED) return status;
  }
  for (const std::string& line : left_out_) {
    host_.count("pairs_left_out");
    host_.info(line);
  }
  std::ranges::copy(next, sinks.next_cursor->data);
  sinks.next_cursor->size = next.size();
  return cursor_.stage == Stage::end ? GANTRY_OK : GANTRY_NEED_STATE;
}

}  // namespace

gantry_status discover(const Host& host, const evm::Address& factory,
                       std::span<const std::uint8_t> cursor, std::span<const gantry_fact> facts,
                       const DiscoverySinks& sinks) {
  auto begins = decode(cursor, factory);
  if (!begins) return GANTRY_BAD_STATE;
  Round round(host, factory, std::move(*begins), facts);
  if (const auto status = round.take_facts(); status != GANTRY_OK) return status;
  round.ask();
  return round.emit_to(sinks);
}

}  // namespace gantry::uniswap_v2
