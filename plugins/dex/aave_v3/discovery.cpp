#include "plugins/dex/aave_v3/discovery.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "plugins/dex/aave_v3/position.hpp"

namespace gantry::aave_v3 {
namespace {

enum class Step : std::uint8_t {
  begin = 0,    // nothing was asked
  logs = 1,     // for logs and the list of reserves
  details = 2,  // for reserves and accounts
};

constexpr std::uint32_t tag_list = 0;
constexpr std::uint32_t tag_logs = 1;
constexpr std::uint32_t tag_reserves = 1000;
constexpr std::uint32_t tag_accounts = 2000;

// The cursor, decoded. Bytes: revision, step, pool, next and end as little-endian uint64_t, the
// numbers of reserves and of accounts as uint32_t, then 20 bytes for each of those.
struct Cursor {
  static constexpr std::uint8_t revision = 1;
  static constexpr std::size_t head_bytes = 2 + evm::address_bytes + 2 * 8 + 2 * 4;
  static constexpr std::uint32_t accounts_bound = 4096;

  Step step = Step::begin;
  std::uint64_t next = 0;  // the first block whose logs were not taken
  std::uint64_t end = 0;   // behind the range that was asked for
  std::vector<Address> reserves;
  std::vector<Address> accounts;
};

template <class Number>
void put(std::vector<std::uint8_t>& to, Number value) {
  for (std::size_t i = 0; i < sizeof(value); ++i) {
    to.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  }
}

template <class Number>
Number get(std::span<const std::uint8_t> bytes) {
  Number value = 0;
  for (std::size_t i = 0; i < sizeof(value); ++i) value |= Number{bytes[i]} << (8 * i);
  return value;
}

std::vector<std::uint8_t> encode(const Cursor& cursor, const Address& pool) {
  std::vector<std::uint8_t> bytes{Cursor::revision, static_cast<std::uint8_t>(cursor.step)};
  bytes.insert(bytes.end(), pool.begin(), pool.end());
  put(bytes, cursor.next);
  put(bytes, cursor.end);
  put(bytes, static_cast<std::uint32_t>(cursor.reserves.size()));
  put(bytes, static_cast<std::uint32_t>(cursor.accounts.size()));
  for (const auto* list : {&cursor.reserves, &cursor.accounts}) {
    for (const Address& each : *list) bytes.insert(bytes.end(), each.begin(), each.end());
  }
  return bytes;
}

// nullopt: these are no bytes of ours. A cursor of another market is one that begins.
std::optional<Cursor> decode(std::span<const std::uint8_t> bytes, const Search& search) {
  Cursor cursor;
  cursor.next = search.from_block.value_or(0);
  if (bytes.empty()) return cursor;
  if (bytes.size() < Cursor::head_bytes || bytes[0] != Cursor::revision ||
      bytes[1] > static_cast<std::uint8_t>(Step::details)) {
    return std::nullopt;
  }
  if (!std::equal(search.pool.begin(), search.pool.end(), bytes.begin() + 2)) return cursor;
  cursor.step = static_cast<Step>(bytes[1]);
  auto rest = bytes.subspan(2 + evm::address_bytes);
  cursor.next = get<std::uint64_t>(rest);
  cursor.end = get<std::uint64_t>(rest.subspan(8));
  const auto reserves = get<std::uint32_t>(rest.subspan(16));
  const auto accounts = get<std::uint32_t>(rest.subspan(20));
  rest = rest.subspan(24);
  if (reserves > reserve_ids || accounts > Cursor::accounts_bound || cursor.next > cursor.end ||
      rest.size() != (std::size_t{reserves} + accounts) * evm::address_bytes) {
    return std::nullopt;
  }
  for (std::uint32_t i = 0; i < reserves + accounts; ++i) {
    Address& each = (i < reserves ? cursor.reserves : cursor.accounts).emplace_back();
    std::copy_n(rest.begin() + static_cast<std::ptrdiff_t>(i * evm::address_bytes), each.size(),
                each.begin());
  }
  return cursor;
}

// One call of discover(): what it was told, and what it is going to say. Nothing is emitted before
// the room for the cursor is known to suffice, so that a second try says all of it again.
class Round {
 public:
  Round(const Host& host, const Search& search, std::uint64_t block, Cursor cursor,
        std::span<const gantry_fact> facts)
      : host_(host), search_(search), block_(block), cursor_(std::move(cursor)), facts_(facts) {}

  // GANTRY_OK: all is found for now; GANTRY_NEED_STATE; GANTRY_BAD_STATE.
  gantry_status run() {
    if (cursor_.step == Step::logs && !facts_.empty()) {
      if (!take_logs()) return GANTRY_BAD_STATE;
      if (cursor_.reserves.empty()) {  // a market that has listed nothing yet
        cursor_.step = Step::begin;
        return GANTRY_OK;
      }
      ask_details();
    } else if (cursor_.step == Step::details && !facts_.empty()) {
      if (!take_details()) return GANTRY_BAD_STATE;
      if (!goes_on()) {
        cursor_.step = Step::begin;
        return GANTRY_OK;
      }
      ask_logs();
    } else if (cursor_.step == Step::details) {
      ask_details();
    } else {
      ask_logs();
    }
    return GANTRY_NEED_STATE;
  }

  gantry_status emit_to(const SearchSinks& sinks, gantry_buffer* next_cursor) const {
    const std::vector<std::uint8_t> next = encode(cursor_, search_.pool);
    if (next_cursor->capacity < next.size()) {
      next_cursor->size = next.size();
      return GANTRY_NEED_SIZE;
    }
    for (const Asked& asked : asked_) {
      const gantry_request request{asked.source, asked.tag, evm::to_sdk(search_.pool),
                                   c_bytes(asked.payload)};
      if (const auto status = emit(sinks.requests, request); status != GANTRY_OK) return status;
    }
    for (const Found& found : found_) {
      if (const auto status = emit_found(found, sinks.pools); status != GANTRY_OK) return status;
    }
    for (const std::string& line : told_) host_.warning(line);
    std::ranges::copy(next, next_cursor->data);
    next_cursor->size = next.size();
    return GANTRY_OK;
  }

 private:
  struct Asked {
    std::int32_t source;
    std::uint32_t tag;
    std::vector<std::uint8_t> payload;
  };
  struct Token {
    Address address{};
    std::uint32_t id = 0;
    std::uint32_t decimals = 0;
  };
  struct Found {
    Address account{};
    Token debt;
    Token collateral;
  };

  void ask_logs() {
    cursor_.step = Step::logs;
    cursor_.reserves.clear();
    cursor_.end = cursor_.next;
    asked_.push_back({GANTRY_SOURCE_EVM_CALL, tag_list, payload_of(Question(reserves_list))});
    if (!search_.from_block || cursor_.next > block_ || is_full()) return;
    cursor_.end = std::min(block_ + 1, cursor_.next + blocks_per_range);
    std::vector<std::uint8_t> payload;
    put(payload, cursor_.next);
    put(payload, cursor_.end - 1);
    payload.insert(payload.end(), borrow_topic.begin(), borrow_topic.end());
    asked_.push_back({GANTRY_SOURCE_EVM_LOG_RANGE, tag_logs, std::move(payload)});
  }

  void ask_details() {
    cursor_.step = Step::details;
    for (std::uint32_t i = 0; i < cursor_.reserves.size(); ++i) {
      asked_.push_back({GANTRY_SOURCE_EVM_CALL, tag_reserves + i,
                        payload_of(Question(reserve_data, cursor_.reserves[i]))});
    }
    for (std::uint32_t i = 0; i < cursor_.accounts.size(); ++i) {
      asked_.push_back({GANTRY_SOURCE_EVM_CALL, tag_accounts + i,
                        payload_of(Question(user_configuration, cursor_.accounts[i]))});
    }
  }

  static std::vector<std::uint8_t> payload_of(const Question& question) {
    return {question.bytes.begin(),
            question.bytes.begin() + static_cast<std::ptrdiff_t>(question.size)};
  }

  bool is_known(const Address& account) const {
    return std::ranges::find(cursor_.accounts, account) != cursor_.accounts.end();
  }
  bool is_full() const { return cursor_.accounts.size() >= search_.accounts_max; }

  bool take_logs() {
    const gantry_fact* list = answer(tag_list);
    if (list == nullptr || list->status != GANTRY_OK) return false;
    const std::span<const std::uint8_t> data(list->data.data, list->data.size);
    const auto count = word_of(data, 1);
    if (!count || *count > u256(reserve_ids)) return false;
    cursor_.reserves.clear();
    for (std::uint64_t i = 0; i < count->limb(0); ++i) {
      const auto reserve = address_of(data, 2 + i);
      if (!reserve) return false;
      cursor_.reserves.push_back(*reserve);
    }
    for (const Address& account : search_.accounts) {
      if (!is_known(account)) cursor_.accounts.push_back(account);
    }
    cursor_.next = cursor_.end;
    for (const gantry_fact& fact : facts_) {
      if (fact.source != GANTRY_SOURCE_EVM_LOG_RANGE) continue;
      if (fact.topics.size != 4 * word_bytes) return false;
      const auto borrower = address_of({fact.topics.data, fact.topics.size}, 2);
      if (!borrower) return false;
      if (is_known(*borrower)) continue;
      if (is_full()) {
        cursor_.next = std::min(cursor_.next, fact.block);
        break;
      }
      cursor_.accounts.push_back(*borrower);
    }
    cursor_.end = std::max(cursor_.end, cursor_.next);
    return true;
  }

  bool take_details() {
    std::array<std::optional<Token>, reserve_ids> tokens;
    for (std::uint32_t i = 0; i < cursor_.reserves.size(); ++i) {
      const gantry_fact* fact = answer(tag_reserves + i);
      if (fact == nullptr || fact->status != GANTRY_OK) return false;
      const std::span<const std::uint8_t> data(fact->data.data, fact->data.size);
      const auto id = word_of(data, ReserveWords::id);
      if (!id || *id >= u256(reserve_ids)) return false;
      const auto at = static_cast<std::uint32_t>(id->limb(0));
      const Configuration configuration{*word_of(data, ReserveWords::configuration)};
      const std::uint64_t decimals = configuration.decimals();
      if (decimals > decimals_max) continue;  // no token: past what a host takes
      tokens[at] = Token{cursor_.reserves[i], at, static_cast<std::uint32_t>(decimals)};
    }
    std::vector<Address> borrowers;
    for (std::uint32_t i = 0; i < cursor_.accounts.size(); ++i) {
      const gantry_fact* fact = answer(tag_accounts + i);
      if (fact == nullptr || fact->status != GANTRY_OK) return false;
      const auto user = word_of({fact->data.data, fact->data.size}, 0);
      if (!user) return false;
      const Address& account = cursor_.accounts[i];
      bool owes = false;
      for (std::uint32_t debt = 0; debt < reserve_ids; ++debt) {
        if (!borrows(*user, debt)) continue;
        owes = true;
        for (std::uint32_t collateral = 0; collateral < reserve_ids; ++collateral) {
          if (collateral == debt || !lends_as_collateral(*user, collateral)) continue;
          if (!tokens[debt] || !tokens[collateral]) continue;
          found_.push_back({account, *tokens[debt], *tokens[collateral]});
        }
      }
      const bool is_wanted = std::ranges::find(search_.accounts, account) != search_.accounts.end();
      if (owes || is_wanted) borrowers.push_back(account);
    }
    cursor_.accounts = std::move(borrowers);
    return true;
  }

  // More blocks have logs, and there is room for who is in them.
  bool goes_on() {
    if (!search_.from_block || cursor_.next > block_) return false;
    if (!is_full()) return true;
    told_.push_back("market " + evm::checksummed(search_.pool) + ": " +
                    std::to_string(cursor_.accounts.size()) +
                    " borrowers are watched, and who borrowed from block " +
                    std::to_string(cursor_.next) + " on is not: raise accounts_max");
    return false;
  }

  const gantry_fact* answer(std::uint32_t tag) const {
    // Requests were asked in the order of their tags, and logs are not among the answers to calls.
    const auto found = std::ranges::find_if(facts_, [&](const gantry_fact& fact) {
      return fact.source == GANTRY_SOURCE_EVM_CALL && fact.tag == tag;
    });
    return found == facts_.end() ? nullptr : &*found;
  }

  gantry_status emit_found(const Found& found, const gantry_pool_sink* pools) const {
    const gantry_pool_token tokens[2] = {
        {evm::to_sdk(found.debt.address), found.debt.decimals, 0},
        {evm::to_sdk(found.collateral.address), found.collateral.decimals, 0}};
    const std::string metadata = std::string(account_key) + evm::hex_text(found.account);
    gantry_pool_spec spec{};
    spec.address = position_id(search_.pool, found.account, found.collateral.id, found.debt.id);
    spec.tokens = tokens;
    spec.token_count = 2;
    spec.metadata = {reinterpret_cast<const std::uint8_t*>(metadata.data()), metadata.size()};
    // One that the operator does not want is none the less found.
    const auto status = emit(pools, spec);
    return status == GANTRY_REFUSED ? gantry_status{GANTRY_OK} : status;
  }

  const Host& host_;
  const Search& search_;
  std::uint64_t block_;
  Cursor cursor_;
  std::span<const gantry_fact> facts_;
  std::vector<Asked> asked_;
  std::vector<Found> found_;
  std::vector<std::string> told_;
};

}  // namespace

gantry_status find_positions(const Host& host, const Search& search, const gantry_context& context,
                             gantry_bytes cursor, std::span<const gantry_fact> facts,
                             const SearchSinks& sinks, gantry_buffer* next_cursor) {
  if (search.accounts.empty() && !search.from_block) return GANTRY_UNSUPPORTED;
  auto begins = decode({cursor.data, cursor.size}, search);
  if (!begins) return GANTRY_BAD_STATE;
  Round round(host, search, context.state_block, std::move(*begins), facts);
  const auto outcome = round.run();
  if (outcome == GANTRY_BAD_STATE) return outcome;
  const auto status = round.emit_to(sinks, next_cursor);
  return status == GANTRY_OK ? outcome : status;
}

}  // namespace gantry::aave_v3
