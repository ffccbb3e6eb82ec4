// What is asked about a position, and what the answers are taken for.
#include <algorithm>

#include "plugins/dex/aave_v3/position.hpp"

namespace gantry::aave_v3 {
namespace {

enum class Ask : std::uint8_t {
  revision,
  provider,
  user,
  emode,
  own_reserve,  // of the debt and of the collateral: their ids
  oracle,
  sentinel,
  category,
  emode_config,  // the same from 3.6 on, and which reserves are its collateral
  emode_collaterals,
  allowed,
  address,  // of a reserve by its id
  reserve,
  price,
  collateral,  // the account's, scaled
  debt,
  stable_debt,
  held,  // by the aToken of the debt, and of the collateral
  virtual_balance,
  grace,
};

struct Item {
  Ask ask = Ask::revision;
  std::uint8_t index =
      0;  // of the reserve; of own_reserve and from held on 0: the debt, 1: the collateral
};

// In the order of the tags.
class Items {
 public:
  explicit Items(const Position& position) noexcept {
    switch (position.stage) {
      case Stage::account:
        for (const Ask ask : {Ask::revision, Ask::provider, Ask::user, Ask::emode}) add(ask);
        add(Ask::own_reserve, debt_token);
        add(Ask::own_reserve, collateral_token);
        return;
      case Stage::names:
        add(Ask::oracle);
        add(Ask::sentinel);
        each(position, Ask::address);
        return;
      case Stage::reserves:
        each(position, Ask::reserve);
        return;
      case Stage::whole:
        break;
    }
    const bool later = position.is_later();
    for (const Ask ask : {Ask::revision, Ask::user, Ask::emode, Ask::oracle, Ask::sentinel}) {
      add(ask);
    }
    if (position.emode != 0) {
      add(later ? Ask::emode_config : Ask::category);
      if (later) add(Ask::emode_collaterals);
    }
    if (!is_zero(position.sentinel) && position.revision != revision_3_7) add(Ask::allowed);
    for (std::uint32_t i = 0; i < position.reserve_count; ++i) {
      add(Ask::reserve, i);
      add(Ask::price, i);
      const std::uint32_t id = position.reserves[i].id;
      if (lends_as_collateral(position.user, id)) add(Ask::collateral, i);
      if (!borrows(position.user, id)) continue;
      add(Ask::debt, i);
      if (!later) add(Ask::stable_debt, i);
    }
    for (const std::uint32_t token : {debt_token, collateral_token}) {
      add(Ask::held, token);
      if (!later) continue;
      add(Ask::virtual_balance, token);
      add(Ask::grace, token);
    }
  }
  std::span<const Item> all() const noexcept { return {list_.data(), count_}; }

 private:
  void add(Ask ask, std::uint32_t index = 0) noexcept {
    list_[count_++] = {ask, static_cast<std::uint8_t>(index)};
  }
  void each(const Position& position, Ask ask) noexcept {
    for (std::uint32_t i = 0; i < position.reserve_count; ++i) add(ask, i);
  }

  static_assert(14 + 5 * reserves_max <= questions_max);
  std::array<Item, questions_max> list_{};
  std::size_t count_ = 0;
};

struct Call {
  Address target;
  Question question;
};

Call call_of(const Position& position, const Item& item) noexcept {
  const Reserve& reserve = position.reserves[item.index];
  switch (item.ask) {
    case Ask::revision:
      return {position.pool, Question(pool_revision)};
    case Ask::provider:
      return {position.pool, Question(addresses_provider)};
    case Ask::user:
      return {position.pool, Question(user_configuration, position.account)};
    case Ask::emode:
      return {position.pool, Question(user_emode, position.account)};
    case Ask::own_reserve:
      return {position.pool, Question(reserve_data, position.asset[item.index])};
    case Ask::oracle:
      return {position.provider, Question(price_oracle)};
    case Ask::sentinel:
      return {position.provider, Question(oracle_sentinel)};
    case Ask::category:
      return {position.pool, Question(emode_category, std::uint64_t{position.emode})};
    case Ask::emode_config:
      return {position.pool, Question(emode_config, std::uint64_t{position.emode})};
    case Ask::emode_collaterals:
      return {position.pool, Question(emode_collaterals, std::uint64_t{position.emode})};
    case Ask::allowed:
      return {position.sentinel, Question(liquidation_allowed)};
    case Ask::address:
      return {position.pool, Question(reserve_by_id, std::uint64_t{reserve.id})};
    case Ask::reserve:
      return {position.pool, Question(reserve_data, reserve.asset)};
    case Ask::price:
      return {position.oracle, Question(asset_price, reserve.asset)};
    case Ask::collateral:
      return {reserve.a_token, Question(scaled_balance, position.account)};
    case Ask::debt:
      return {reserve.variable_debt_token, Question(scaled_balance, position.account)};
    case Ask::stable_debt:
      return {reserve.stable_debt_token, Question(principal_balance, position.account)};
    case Ask::virtual_balance:
      return {position.pool, Question(virtual_balance, position.asset[item.index])};
    case Ask::grace:
      return {position.pool, Question(grace_period, position.asset[item.index])};
    case Ask::held:
      break;
  }
  const Reserve& held =
      item.index == debt_token ? position.debt_reserve() : position.collateral_reserve();
  return {held.asset, Question(token_balance, held.a_token)};
}

using Data = std::span<const std::uint8_t>;

bool take_number(Data data, std::uint64_t most, std::uint32_t& out) noexcept {
  const auto word = word_of(data, 0);
  if (!word || *word > u256(most)) return false;
  out = static_cast<std::uint32_t>(word->limb(0));
  return true;
}

bool take_amount(Data data, u256& out) noexcept {
  const auto word = word_of(data, 0);
  if (word) out = *word;
  return word.has_value();
}

// `is_new` is set where the answer is another than the one that was built on.
bool take_address(Data data, Address& out, bool& is_new) noexcept {
  const auto address = address_of(data, 0);
  if (!address) return false;
  is_new |= *address != out;
  out = *address;
  return true;
}

bool take_reserve(Data data, bool has_stable, Reserve& out, bool& is_new) noexcept {
  if (data.size() < ReserveWords::count * word_bytes) return false;
  const auto word = [&](std::size_t index) { return *word_of(data, index); };
  out.configuration = word(ReserveWords::configuration);
  out.liquidity_index = word(ReserveWords::liquidity_index);
  out.liquidity_rate = word(ReserveWords::liquidity_rate);
  out.borrow_index = word(ReserveWords::borrow_index);
  out.borrow_rate = word(ReserveWords::borrow_rate);
  const u256 updated = word(ReserveWords::updated);
  const u256 id = word(ReserveWords::id);
  const auto a_token = address_of(data, ReserveWords::a_token);
  const auto stable = has_stable ? address_of(data, ReserveWords::stable_debt) : Address{};
  const auto variable = address_of(data, ReserveWords::variable_debt);
  if (bit_width(updated) > 40 || !a_token || !stable || !variable) return false;
  is_new |= id != u256(out.id) || *a_token != out.a_token || *stable != out.stable_debt_token ||
            *variable != out.variable_debt_token;
  out.updated_s = updated.limb(0);
  out.a_token = *a_token;
  out.stable_debt_token = *stable;
  out.variable_debt_token = *variable;
  return true;
}

// DataTypes.EModeCategory, a dynamic tuple: its words begin behind the offset.
bool take_category(Data data, Position& position) noexcept {
  const auto offset = word_of(data, 0);
  const auto threshold = word_of(data, 2);
  const auto bonus = word_of(data, 3);
  const auto price_source = address_of(data, 4);
  if (!offset || *offset != u256(word_bytes) || !threshold || !bonus || !price_source ||
      bit_width(*threshold) > 16 || bit_width(*bonus) > 16) {
    return false;
  }
  position.emode_threshold = static_cast<std::uint32_t>(threshold->limb(0));
  position.emode_bonus = static_cast<std::uint32_t>(bonus->limb(0));
  position.emode_has_price = is_zero(*price_source) ? 0 : 1;
  return true;
}

// DataTypes.CollateralConfig.
bool take_config(Data data, Position& position) noexcept {
  const auto threshold = word_of(data, 1);
  const auto bonus = word_of(data, 2);
  if (!threshold || !bonus || bit_width(*threshold) > 16 || bit_width(*bonus) > 16) return false;
  position.emode_threshold = static_cast<std::uint32_t>(threshold->limb(0));
  position.emode_bonus = static_cast<std::uint32_t>(bonus->limb(0));
  return true;
}

// One answer; false: it does not decode.
bool take(const Item& item, Data data, Position& position, bool& is_new) noexcept {
  Reserve& reserve = position.reserves[item.index];
  std::uint32_t number = 0;
  switch (item.ask) {
    case Ask::revision:
      if (!take_number(data, 0xFFFFFFFF, number)) return false;
      is_new |= number != position.revision;
      position.revision = number;
      return true;
    case Ask::provider:
      return take_address(data, position.provider, is_new);
    case Ask::user: {
      const u256 before = position.user;
      if (!take_amount(data, position.user)) return false;
      is_new |= position.user != before;
      return true;
    }
    case Ask::emode:
      if (!take_number(data, 255, number)) return false;
      is_new |= number != position.emode;
      position.emode = number;
      return true;
    case Ask::own_reserve: {
      const auto id = word_of(data, ReserveWords::id);
      const auto a_token = address_of(data, ReserveWords::a_token);
      // What the market has not listed has id 0 and no aToken.
      if (!id || !a_token || is_zero(*a_token) || *id >= u256(reserve_ids)) return false;
      (item.index == debt_token ? position.debt_id : position.collateral_id) =
          static_cast<std::uint32_t>(id->limb(0));
      return true;
    }
    case Ask::oracle:
      return take_address(data, position.oracle, is_new);
    case Ask::sentinel:
      return take_address(data, position.sentinel, is_new);
    case Ask::category:
      return take_category(data, position);
    case Ask::emode_config:
      return take_config(data, position);
    case Ask::emode_collaterals:
      return take_amount(data, position.emode_collaterals);
    case Ask::allowed:
      return take_number(data, 1, position.allowed);
    case Ask::address:
      return take_address(data, reserve.asset, is_new);
    case Ask::reserve:
      return take_reserve(data, !position.is_later(), reserve, is_new);
    case Ask::price:
      return take_amount(data, reserve.price);
    case Ask::collateral:
      return take_amount(data, reserve.scaled_collateral);
    case Ask::debt:
      return take_amount(data, reserve.scaled_debt);
    case Ask::stable_debt:
      return take_amount(data, reserve.stable_debt);
    case Ask::virtual_balance:
      return take_amount(
          data, item.index == debt_token ? position.virtual_debt : position.virtual_collateral);
    case Ask::grace: {
      const auto until = word_of(data, 0);
      if (!until || bit_width(*until) > 40) return false;
      position.grace_s[item.index] = until->limb(0);
      return true;
    }
    case Ask::held:
      break;
  }
  return take_amount(data,
                     item.index == debt_token ? position.held_debt : position.held_collateral);
}

const char* text_of(Refusal refusal) noexcept {
  switch (refusal) {
    case Refusal::none:
      return nullptr;
    case Refusal::many_reserves:
      return "uses more than 24 reserves, and is not quoted";
    case Refusal::stable_debt:
      return "has debt at a stable rate, which is not known here, and is not quoted";
    case Refusal::emode_price:
      return "is in an efficiency mode with a price of its own, which is not known here, and is "
             "not quoted";
    case Refusal::no_price:
      return "has a reserve without a price, and is not quoted";
    case Refusal::few_decimals:
      return "has a reserve of less than 2 or more than 36 decimals, and is not quoted";
  }
  return nullptr;
}

// The reserves that its health depends on, and the two that it is about, by their ids.
bool list_reserves(Position& position) noexcept {
  position.reserve_count = 0;
  position.reserves = {};
  for (std::uint32_t id = 0; id < reserve_ids; ++id) {
    const bool own = id == position.debt_id || id == position.collateral_id;
    if (!own && !borrows(position.user, id) && !lends_as_collateral(position.user, id)) continue;
    if (position.reserve_count == reserves_max) return false;
    if (id == position.debt_id) position.debt = position.reserve_count;
    if (id == position.collateral_id) position.collateral = position.reserve_count;
    position.reserves[position.reserve_count++].id = id;
  }
  return true;
}

Refusal refusal_of(const Position& position) noexcept {
  for (std::uint32_t i = 0; i < position.reserve_count; ++i) {
    const Reserve& reserve = position.reserves[i];
    const auto decimals = Configuration{reserve.configuration}.decimals();
    if (!position.is_later() && !reserve.stable_debt.is_zero()) return Refusal::stable_debt;
    if (decimals < decimals_min || decimals > decimals_max) return Refusal::few_decimals;
    if (reserve.price.is_zero()) return Refusal::no_price;
  }
  if (!position.is_later() && position.emode != 0 && position.emode_has_price != 0) {
    return Refusal::emode_price;
  }
  return Refusal::none;
}

void start_over(Position& position) noexcept {
  position.stage = Stage::account;
  position.ready = 0;
  position.reserve_count = 0;
  position.debt = 0;
  position.collateral = 0;
  position.allowed = 1;  // until a sentinel that there is says otherwise
  std::ranges::fill(position.seen, 0);
}

// All answers of its stage are there.
Applied finish(Position& position) noexcept {
  std::ranges::fill(position.seen, 0);
  const Refusal before = position.refusal;
  const auto told = [&]() -> const char* {
    return position.refusal == before ? nullptr : text_of(position.refusal);
  };
  switch (position.stage) {
    case Stage::account:
      if (!is_known_revision(position.revision)) {
        return {GANTRY_REFUSED,
                "is refused: its market's POOL_REVISION() is not 1, 10 or 11 (Aave 3.0, 3.6 and "
                "3.7), and the arithmetic of others is not known here"};
      }
      if (position.debt_id == position.collateral_id) {
        return {GANTRY_REFUSED, "is refused: debt and collateral are one reserve"};
      }
      if (!list_reserves(position)) {
        position.refusal = Refusal::many_reserves;
        start_over(position);
        return {GANTRY_OK, told()};
      }
      if (position.refusal == Refusal::many_reserves) position.refusal = Refusal::none;
      position.stage = Stage::names;
      return {GANTRY_NEED_STATE};
    case Stage::names:
      position.stage = Stage::reserves;
      return {GANTRY_NEED_STATE};
    case Stage::reserves:
      position.stage = Stage::whole;
      return {GANTRY_NEED_STATE};
    case Stage::whole:
      break;
  }
  position.refusal = refusal_of(position);
  position.ready = 1;
  return {GANTRY_OK, told()};
}

}  // namespace

gantry_status emit_questions(const Position& position, const gantry_request_sink* sink) noexcept {
  const Items items(position);
  std::uint32_t tag = 0;
  for (const Item& item : items.all()) {
    const Call call = call_of(position, item);
    const gantry_request request{GANTRY_SOURCE_EVM_CALL,
                                 tag++,
                                 evm::to_sdk(call.target),
                                 {call.question.bytes.data(), call.question.size}};
    if (const auto status = emit(sink, request); status != GANTRY_OK) return status;
  }
  return GANTRY_OK;
}

namespace {

// One answer to its stage's questions. GANTRY_OK and GANTRY_NEED_STATE: taken.
Applied take_fact(const gantry_fact& fact, std::span<const Item> all, Position& position) noexcept {
  if (fact.source != GANTRY_SOURCE_EVM_CALL || fact.tag >= all.size()) return {GANTRY_BAD_STATE};
  const Item& item = all[fact.tag];
  bool is_new = false;
  if (fact.status != GANTRY_OK || !take(item, {fact.data.data, fact.data.size}, position, is_new)) {
    if (position.stage != Stage::account) return {GANTRY_BAD_STATE};
    return {GANTRY_REFUSED,
            item.ask == Ask::own_reserve
                ? "is refused: its market has not listed one of its tokens"
                : "is refused: what `market` names does not answer as an Aave V3 pool"};
  }
  // Another set of reserves, oracle or revision: what is asked has to be named anew.
  if (is_new && position.stage == Stage::whole) {
    start_over(position);
    return {GANTRY_NEED_STATE};
  }
  position.seen[fact.tag / 64] |= std::uint64_t{1} << (fact.tag % 64);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if ((position.seen[i / 64] >> (i % 64) & 1U) != 0) continue;
    position.ready = 0;
    return {GANTRY_NEED_STATE};
  }
  return finish(position);
}

}  // namespace

Applied apply_facts(std::span<const gantry_fact> facts, Position& position) noexcept {
  Applied applied{position.ready != 0 ? gantry_status{GANTRY_OK}
                                      : gantry_status{GANTRY_NEED_STATE}};
  const char* told = nullptr;
  while (!facts.empty()) {
    const Stage stage = position.stage;
    const Items items(position);
    // A stage's answers, or a part of them; those of the next may be behind.
    for (bool goes_on = true; goes_on && !facts.empty(); facts = facts.subspan(1)) {
      applied = take_fact(facts.front(), items.all(), position);
      if (applied.told != nullptr) told = applied.told;
      if (applied.status != GANTRY_OK && applied.status != GANTRY_NEED_STATE) {
        return {applied.status, told};
      }
      goes_on = position.stage == stage && applied.status == GANTRY_NEED_STATE;
      // What changed in the midst of a round makes the rest of its answers another's.
      if (stage == Stage::whole && position.stage == Stage::account) return {GANTRY_NEED_STATE};
    }
  }
  applied.told = told;
  return applied;
}

}  // namespace gantry::aave_v3
