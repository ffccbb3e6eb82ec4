// The next state of a pool from the old one and new facts.
//
// What a call answered holds for the end of its block, so logs up to that block are in it already;
// logs that do not come after the newest one applied are known. Nothing is allocated: pages that
// change are the host's memory, asked for once, with room for every tick that the facts can add.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>

#include "gantry/dex.hpp"
#include "plugins/dex/uniswap_v3/abi.hpp"
#include "plugins/dex/uniswap_v3/page_edit.hpp"
#include "plugins/dex/uniswap_v3/state.hpp"
#include "plugins/dex/uniswap_v3/walk.hpp"

namespace gantry::uniswap_v3 {

// Tags of requests. Of a word and of a tick the number is in the low bits.
enum : std::uint32_t {
  tag_slot0 = 1,
  tag_liquidity = 2,
  tag_fee = 3,
  tag_spacing = 4,
  tag_get_pool = 5,
  tag_tier = 6,
  tag_word = 0x10000000,
  tag_tick = 0x20000000,
  tag_kind = 0xf0000000,
};

inline std::uint32_t tag_of_word(std::int32_t word) noexcept {
  return tag_word | (static_cast<std::uint32_t>(word) & 0xffffffU);
}
inline std::uint32_t tag_of_tick(std::int32_t tick) noexcept {
  return tag_tick | (static_cast<std::uint32_t>(tick) & 0xffffffU);
}
// What was asked, what came, and what that may be. A node that refuses a call and a contract that
// reverts without a word look the same.
inline const char* unanswered(const gantry_fact& fact) noexcept {
  if (fact.data.size != 0) {
    return fact.tag == tag_get_pool || fact.tag == tag_tier
               ? "the factory reverted at getPool or feeAmountTickSpacing: it is no V3 factory"
               : "the contract reverted where a V3 pool answers: it is none";
  }
  switch (fact.tag) {
    case tag_slot0:
      return "no answer to slot0(): the contract is no V3 pool, or another node may answer";
    case tag_liquidity:
      return "no answer to liquidity(): the contract is no V3 pool, or another node may answer";
    case tag_fee:
      return "no answer to fee(): the contract is no V3 pool, or another node may answer";
    case tag_spacing:
      return "no answer to tickSpacing(): the contract is no V3 pool, or another node may answer";
    case tag_get_pool:
      return "no answer to the factory's getPool(): it is none, or another node may answer";
    case tag_tier:
      return "no answer to the factory's feeAmountTickSpacing(): it is none, or another node may "
             "answer";
    default:
      return "no answer to tickBitmap() or ticks(): the contract is no V3 pool, or another node "
             "may answer";
  }
}
inline std::int32_t number_of(std::uint32_t tag) noexcept {
  return static_cast<std::int32_t>(tag << 8U) >> 8;
}

// Whether the words from `distance` below the price's to as many above it are known with all their
// ticks.
inline bool knows_around(const gantry_state& state, const Head& head,
                         std::int32_t distance) noexcept {
  const Paging paging(head.spacing);
  const std::int32_t centre = paging.word_of(head.tick);
  const std::int32_t first = std::max(centre - distance, paging.first_word);
  const std::int32_t last = std::min(centre + distance, paging.last_word);
  for (std::int32_t number = first; number <= last; ++number) {
    const PageView page = page_of(state, paging, paging.page_of(number));
    const Word* word = page ? page.word(number) : nullptr;
    if (word == nullptr) return false;
    for (const Tick& tick : page.ticks_of(*word)) {
      if (tick.pending != 0) return false;
    }
  }
  return true;
}

class Update {
 public:
  // `distance`: the pool asks for more as soon as a word so far from its price is not known.
  Update(const gantry_state& old, StateWriter writer, std::int32_t distance) noexcept
      : old_(old), writer_(writer), distance_(distance) {}

  // As apply() of gantry_dex_v1. With GANTRY_REFUSED, refusal() says why.
  gantry_status run(std::span<const gantry_fact> facts) noexcept {
    const Head* before = head_of(old_);
    if (before == nullptr) return GANTRY_BAD_STATE;
    head_ = *before;
    if (const auto status = plan(facts); status != GANTRY_OK) return status;
    if (const auto status = open_pages(); status != GANTRY_OK) return status;
    for (const gantry_fact& fact : facts) {
      const gantry_status status = fact.source == GANTRY_SOURCE_EVM_LOG    ? take_log(fact)
                                   : fact.source == GANTRY_SOURCE_EVM_CALL ? take_answer(fact)
                                                                           : GANTRY_BAD_STATE;
      if (status != GANTRY_OK) return status;
    }
    return finish();
  }

  const char* refusal() const noexcept { return refusal_; }

 private:
  struct Position {
    std::int32_t lower;
    std::int32_t upper;
    uint128 amount;
  };

  // Which pages the facts change, and how many ticks they can add to each.
  gantry_status plan(std::span<const gantry_fact> facts) noexcept {
    std::int32_t spacing = head_.spacing;
    for (const gantry_fact& fact : facts) {
      if (fact.source == GANTRY_SOURCE_EVM_CALL && fact.tag == tag_spacing &&
          (head_.known & knows_spacing) == 0) {
        Words words(view(fact.data));
        const std::int32_t value = words.integer(24);
        if (words.ok() && value > 0 && value <= spacing_max) spacing = value;
      }
    }
    for (const gantry_fact& fact : facts) {
      if (fact.source == GANTRY_SOURCE_EVM_CALL && fact.tag >= tag_word) {
        if (spacing <= 0) return GANTRY_BAD_STATE;
        const Paging paging(spacing);
        const std::int32_t number = number_of(fact.tag);
        const bool is_word = (fact.tag & tag_kind) == tag_word;
        if (!is_word && (fact.tag & tag_kind) != tag_tick) return GANTRY_BAD_STATE;
        if (!is_word && (number < tick_min || number > tick_max)) return GANTRY_BAD_STATE;
        const std::int32_t word = is_word ? number : paging.word_of(number);
        if (!paging.has(word)) return GANTRY_BAD_STATE;
        touched_ |= std::uint64_t{1} << paging.page_of(word);
        if (is_word) {
          created_ |= std::uint64_t{1} << paging.page_of(word);
          if (fact.data.size != word_bytes) return GANTRY_BAD_STATE;
          added_[paging.page_of(word)] += count_ones(evm::read_word(view(fact.data)));
        }
      } else if (fact.source == GANTRY_SOURCE_EVM_LOG && spacing > 0) {
        Position position{};
        const gantry_status status = read_position(fact, spacing, position);
        if (status == GANTRY_UNSUPPORTED) continue;
        if (status != GANTRY_OK) return status;
        for (const std::int32_t tick : {position.lower, position.upper}) {
          const std::uint32_t page = Paging(spacing).page_of(Paging(spacing).word_of(tick));
          touched_ |= std::uint64_t{1} << page;
          added_[page] += 1;
        }
      }
    }
    planned_spacing_ = spacing;
    return GANTRY_OK;
  }

  gantry_status open_pages() noexcept {
    if (touched_ == 0) return GANTRY_OK;
    const Paging paging(planned_spacing_);
    for (std::uint32_t index = 0; index < page_count_max; ++index) {
      if ((touched_ >> index & 1U) == 0) continue;
      const std::uint32_t chunk = index + first_page_chunk;
      const bool exists = chunk < old_.chunk_count && old_.chunks[chunk].size != 0;
      const PageView old = page_of(old_, paging, index);
      if (exists && !old) return GANTRY_BAD_STATE;
      if (!exists && (created_ >> index & 1U) == 0) continue;  // logs of what nobody asked about
      const std::uint32_t ticks = old ? old.page().tick_count : 0;
      const std::uint64_t fixed =
          sizeof(Page) + std::uint64_t{paging.words_per_page} * sizeof(Word);
      const std::uint64_t room = std::min<std::uint64_t>(
          ticks + added_[index], std::uint64_t{paging.words_per_page} * ticks_in_word);
      std::uint8_t* bytes = writer_.chunk(chunk, fixed + room * sizeof(Tick));
      if (bytes == nullptr) return GANTRY_HOST_FAULT;
      auto* page = reinterpret_cast<Page*>(bytes);
      if (old) {
        std::memcpy(bytes, &old.page(), fixed + ticks * sizeof(Tick));
      } else {
        *page = {page_magic, paging.first_word_of(index), paging.words_per_page, 0};
        name_words(*page, paging);
      }
      pages_[index] = page;
      room_[index] = static_cast<std::uint32_t>(room);
    }
    return GANTRY_OK;
  }

  gantry_status take_answer(const gantry_fact& fact) noexcept {
    if (fact.status != GANTRY_OK) {
      return refuse(unanswered(fact));
    }
    if (fact.tag >= tag_word) {
      return (fact.tag & tag_kind) == tag_word ? take_word(fact) : take_tick(fact);
    }
    Words words(view(fact.data));
    switch (fact.tag) {
      case tag_slot0:
        return take_slot0(fact);
      case tag_liquidity: {
        const u256 liquidity = words.number(128);
        if (!words.ok() || fact.data.size != word_bytes) return GANTRY_BAD_STATE;
        head_.liquidity.store(liquidity.low128());
        head_.known |= knows_liquidity;
        return GANTRY_OK;
      }
      case tag_fee: {
        const u256 fee = words.number(24);
        if (!words.ok() || fact.data.size != word_bytes) return GANTRY_BAD_STATE;
        if (fee >= u256(fee_denominator)) return refuse("its fee is the whole amount or more");
        head_.fee = static_cast<std::uint32_t>(fee.limb(0));
        head_.known |= knows_fee;
        return GANTRY_OK;
      }
      case tag_spacing: {
        const std::int32_t spacing = words.integer(24);
        if (!words.ok() || fact.data.size != word_bytes) return GANTRY_BAD_STATE;
        if (spacing < 1 || spacing > spacing_max) {
          return refuse("its tickSpacing is none that a factory gives, 1 to 16383");
        }
        if ((head_.known & knows_spacing) != 0 && head_.spacing != spacing) {
          return refuse("its tickSpacing has changed: it is no Uniswap V3 pool");
        }
        head_.spacing = spacing;
        head_.known |= knows_spacing;
        return GANTRY_OK;
      }
      case tag_get_pool: {
        words.number(160);
        if (!words.ok() || fact.data.size != word_bytes) return GANTRY_BAD_STATE;
        if (std::memcmp(fact.data.data + 12, head_.pool, sizeof(head_.pool)) != 0) {
          return refuse("it is not the factory's pool of its tokens and fee");
        }
        head_.known |= knows_pool_is_factorys;
        return GANTRY_OK;
      }
      case tag_tier: {
        const std::int32_t spacing = words.integer(24);
        if (!words.ok() || fact.data.size != word_bytes) return GANTRY_BAD_STATE;
        if (spacing != head_.spacing) {
          return refuse("its tickSpacing is not the one that the factory gives its fee");
        }
        head_.known |= knows_tier_is_factorys;
        return GANTRY_OK;
      }
      default:
        return GANTRY_BAD_STATE;
    }
  }

  gantry_status take_slot0(const gantry_fact& fact) noexcept {
    if (fact.data.size != 7 * word_bytes) {
      // Whole words, but another number of them, as of pools without a protocol fee.
      const bool answer = fact.data.size != 0 && fact.data.size % word_bytes == 0;
      return answer ? refuse("its slot0 has not the seven words of a Uniswap V3 pool's")
                    : GANTRY_BAD_STATE;
    }
    Words words(view(fact.data));
    const u256 sqrt = words.number(160);
    const std::int32_t tick = words.integer(24);
    for (int i = 0; i < 3; ++i) words.number(16);  // of the oracle
    words.number(32);                              // feeProtocol: 8 bits, PancakeSwap's are 32
    const u256 unlocked = words.number(1);
    if (!words.ok() || !place(sqrt, tick)) return GANTRY_BAD_STATE;
    head_.locked = !sqrt.is_zero() && unlocked.is_zero() ? 1 : 0;
    head_.read_block = fact.block;
    head_.known |= knows_slot0;
    return GANTRY_OK;
  }

  // A price and its tick, which is one less where a falling price has just crossed it.
  bool place(const u256& sqrt, std::int32_t tick) noexcept {
    if (sqrt.is_zero()) {
      if (tick != 0) return false;
    } else {
      if (sqrt < sqrt_min || sqrt >= sqrt_max || tick < tick_min || tick >= tick_max) return false;
      const std::int32_t at = tick_at_sqrt(sqrt);
      if (tick != at && (tick != at - 1 || sqrt_at_tick(at) != sqrt)) return false;
    }
    head_.sqrt.store(sqrt);
    head_.tick = tick;
    return true;
  }

  gantry_status take_word(const gantry_fact& fact) noexcept {
    if (fact.data.size != word_bytes) return GANTRY_BAD_STATE;
    const u256 bits = evm::read_word(view(fact.data));
    const Paging paging(planned_spacing_);
    const std::int32_t number = number_of(fact.tag);
    Page& page = *pages_[paging.page_of(number)];
    const std::uint32_t room = room_[paging.page_of(number)];
    Word& word = words_of(page)[number - page.first_word];
    for (unsigned bit = 0; bit < ticks_in_word; ++bit) {
      const std::int64_t tick = (static_cast<std::int64_t>(number) * 256 + bit) * paging.spacing;
      const bool set = (bits.limb(bit / 64) >> (bit % 64) & 1U) != 0;
      if (set && (tick < tick_min || tick > tick_max)) return GANTRY_BAD_STATE;
      const bool had = (word.bits[bit / 64] >> (bit % 64) & 1U) != 0;
      if (set && !had) {
        Tick* added = insert(page, word, static_cast<std::int32_t>(tick), bit, room);
        if (added == nullptr) return GANTRY_BAD_STATE;
        added->pending = 1;
      }
      if (!set && had) remove(page, word, bit);
    }
    word.known = 1;
    word.read_block = fact.block;
    return GANTRY_OK;
  }

  gantry_status take_tick(const gantry_fact& fact) noexcept {
    const Paging paging(planned_spacing_);
    const std::int32_t number = number_of(fact.tag);
    if (fact.data.size < 2 * word_bytes || fact.data.size % word_bytes != 0) {
      return GANTRY_BAD_STATE;
    }
    Words words(view(fact.data));
    const u256 gross = words.number(128);
    const uint128 net = words.signed_128();
    if (!words.ok() || number % paging.spacing != 0) return GANTRY_BAD_STATE;
    Page* page = pages_[paging.page_of(paging.word_of(number))];
    Tick* tick = page != nullptr ? find(*page, paging, number) : nullptr;
    // A tick that has been cleared since it was asked for.
    if (tick == nullptr) return gross.is_zero() ? GANTRY_OK : GANTRY_BAD_STATE;
    if (gross.is_zero()) return GANTRY_BAD_STATE;
    tick->gross.store(gross.low128());
    tick->net.store(net);
    tick->pending = 0;
    return GANTRY_OK;
  }

  static bool is(const gantry_fact& fact, const evm::Topic& topic) noexcept {
    return fact.topics.size >= topic.size() &&
           std::memcmp(fact.topics.data, topic.data(), topic.size()) == 0;
  }

  // Mint and Burn. GANTRY_UNSUPPORTED: another log.
  static gantry_status read_position(const gantry_fact& fact, std::int32_t spacing,
                                     Position& out) noexcept {
    const bool mint = is(fact, mint_topic);
    if (!mint && !is(fact, burn_topic)) return GANTRY_UNSUPPORTED;
    if (fact.topics.size != 4 * word_bytes) return GANTRY_BAD_STATE;
    if (fact.data.size != (mint ? 4U : 3U) * word_bytes) return GANTRY_BAD_STATE;
    Words topics(view(fact.topics).subspan(2 * word_bytes));
    out.lower = topics.integer(24);
    out.upper = topics.integer(24);
    Words words(view(fact.data));
    if (mint) words.skip();  // the sender
    out.amount = words.number(128).low128();
    const bool right = topics.ok() && words.ok() && out.lower < out.upper &&
                       out.lower >= tick_min && out.upper <= tick_max && out.lower % spacing == 0 &&
                       out.upper % spacing == 0;
    return right ? GANTRY_OK : GANTRY_BAD_STATE;
  }

  gantry_status take_log(const gantry_fact& fact) noexcept {
    if (head_.has_log != 0 &&
        (fact.block < head_.log_block ||
         (fact.block == head_.log_block && fact.log_index <= head_.log_index))) {
      return GANTRY_OK;  // known already
    }
    const bool swap = is(fact, swap_topic) || is(fact, pancake_swap_topic);
    const bool mint = is(fact, mint_topic);
    if (!swap && !mint && !is(fact, burn_topic) && !is(fact, initialize_topic)) return GANTRY_OK;
    // What the first read will have in it.
    if ((head_.known & (knows_slot0 | knows_liquidity)) != (knows_slot0 | knows_liquidity)) {
      return GANTRY_OK;
    }
    const gantry_status status = swap                         ? take_swap(fact)
                                 : is(fact, initialize_topic) ? take_initialize(fact)
                                                              : take_position(fact, mint);
    if (status != GANTRY_OK) return status;
    head_.log_block = fact.block;
    head_.log_index = fact.log_index;
    head_.has_log = 1;
    return GANTRY_OK;
  }

  gantry_status take_swap(const gantry_fact& fact) noexcept {
    const std::size_t words_wanted = is(fact, swap_topic) ? 5 : 7;
    if (fact.data.size != words_wanted * word_bytes) return GANTRY_BAD_STATE;
    Words words(view(fact.data).subspan(2 * word_bytes));
    const u256 sqrt = words.number(160);
    const u256 liquidity = words.number(128);
    const std::int32_t tick = words.integer(24);
    if (!words.ok() || sqrt.is_zero()) return GANTRY_BAD_STATE;
    if (fact.block <= head_.read_block) return GANTRY_OK;
    if (!place(sqrt, tick)) return GANTRY_BAD_STATE;
    head_.liquidity.store(liquidity.low128());
    return GANTRY_OK;
  }

  gantry_status take_initialize(const gantry_fact& fact) noexcept {
    if (fact.data.size != 2 * word_bytes) return GANTRY_BAD_STATE;
    Words words(view(fact.data));
    const u256 sqrt = words.number(160);
    const std::int32_t tick = words.integer(24);
    if (!words.ok() || sqrt.is_zero()) return GANTRY_BAD_STATE;
    if (fact.block <= head_.read_block) return GANTRY_OK;
    return place(sqrt, tick) ? GANTRY_OK : GANTRY_BAD_STATE;
  }

  gantry_status take_position(const gantry_fact& fact, bool mint) noexcept {
    if (planned_spacing_ <= 0) return GANTRY_OK;
    Position position{};
    if (read_position(fact, planned_spacing_, position) != GANTRY_OK) return GANTRY_BAD_STATE;
    if (position.amount == 0) return GANTRY_OK;
    const uint128 delta = mint ? position.amount : uint128{0} - position.amount;
    if (!change_tick(fact, position.lower, delta, delta) ||
        !change_tick(fact, position.upper, delta, uint128{0} - delta)) {
      return GANTRY_BAD_STATE;
    }
    if (fact.block > head_.read_block && head_.tick >= position.lower &&
        head_.tick < position.upper) {
      const uint128 liquidity = head_.liquidity.load();
      if (mint ? liquidity + delta < liquidity : position.amount > liquidity)
        return GANTRY_BAD_STATE;
      head_.liquidity.store(liquidity + delta);
    }
    return GANTRY_OK;
  }

  // Tick.update: `gross` and `net` are added, and a tick without liquidity is cleared.
  bool change_tick(const gantry_fact& fact, std::int32_t number, uint128 gross,
                   uint128 net) noexcept {
    const Paging paging(planned_spacing_);
    Page* page = pages_[paging.page_of(paging.word_of(number))];
    if (page == nullptr) return true;  // not known, so not kept
    const std::int32_t compressed = floor_div(number, paging.spacing);
    Word& word = words_of(*page)[(compressed >> 8) - page->first_word];
    if (word.known == 0 || fact.block <= word.read_block) return true;
    const auto bit = static_cast<unsigned>(compressed & 255);
    Tick* tick = find(*page, paging, number);
    if (tick == nullptr) {
      if (gross >> 127U != 0) return false;  // taken from a tick that has nothing
      tick = insert(*page, word, number, bit, room_[paging.page_of(paging.word_of(number))]);
      if (tick == nullptr) return false;
    }
    if (tick->pending != 0) return true;  // the answer that is awaited has it
    const uint128 before = tick->gross.load();
    const uint128 after = before + gross;
    if (gross >> 127U != 0 ? after > before : after < before) return false;
    tick->gross.store(after);
    tick->net.store(tick->net.load() + net);
    if (after == 0) remove(*page, word, bit);
    return true;
  }

  gantry_status finish() noexcept {
    auto* head = reinterpret_cast<Head*>(writer_.chunk(0, sizeof(Head)));
    if (head == nullptr) return GANTRY_HOST_FAULT;
    std::memset(head_.edges, 0, sizeof(head_.edges));
    std::memset(head_.nexts, 0, sizeof(head_.nexts));
    const bool known = (head_.known & knows_all) == knows_all;
    const bool priced = known && !head_.sqrt.load().is_zero();
    gantry_status status = known ? GANTRY_OK : GANTRY_NEED_STATE;
    if (priced) {
      // The state as it will be: what was written, and the rest of the old one.
      gantry_bytes chunks[first_page_chunk + page_count_max] = {};
      for (std::uint32_t index = 0; index < page_count_max; ++index) {
        const std::uint32_t chunk = first_page_chunk + index;
        if (chunk < old_.chunk_count) chunks[chunk] = old_.chunks[chunk];
        if (const Page* page = pages_[index]) {
          chunks[chunk] = {reinterpret_cast<const std::uint8_t*>(page),
                           sizeof(Page) + page->word_count * sizeof(Word) +
                               std::uint64_t{page->tick_count} * sizeof(Tick)};
        }
      }
      const gantry_state next{chunks, std::size(chunks), 0};
      Ticks ticks(next, head_.spacing);
      set_edges<true>(ticks, head_.edges[0], head_.nexts[0]);
      set_edges<false>(ticks, head_.edges[1], head_.nexts[1]);
      if (!knows_around(next, head_, distance_)) status = GANTRY_NEED_STATE;
    }
    *head = head_;
    return status;
  }

  // Up to where something is not known, or no pool's: there the ticks themselves are asked.
  template <bool zero_for_one>
  void set_edges(Ticks& ticks, Edge& first, Next (&nexts)[edges_max]) noexcept {
    Place place{head_.sqrt.load(), head_.liquidity.load(), head_.tick};
    std::uint64_t check = check_of(head_);
    for (std::size_t i = 0; i < edges_max; ++i) {
      Edge& edge = i == 0 ? first : nexts[i - 1].edge;
      Beyond& beyond = nexts[i].beyond;
      Stop stop;
      if (at_the_end<zero_for_one>(place.sqrt) ||
          ticks.next<zero_for_one>(place.tick, stop) != GANTRY_OK) {
        return;
      }
      const u256 target = target_of<zero_for_one>(stop);
      if (zero_for_one ? target > place.sqrt : target < place.sqrt) return;
      u256 in;
      u256 out;
      if (!step_in<zero_for_one>(place.sqrt, target, place.liquidity, in) ||
          !step_out<zero_for_one>(place.sqrt, target, place.liquidity, out) || !in.fits_u128() ||
          !out.fits_u128()) {
        return;
      }
      const bool is_last = target != stop.sqrt;
      place.sqrt = target;
      if (!is_last && !pass<zero_for_one>(stop, place)) return;
      edge.sqrt.store(target);
      edge.amount_in.store(in.low128());
      edge.amount_out.store(out.low128());
      edge.check = check_of(check, edge);
      beyond.liquidity.store(place.liquidity);
      beyond.tick = place.tick;
      beyond.kind = is_last                       ? edge_of_price
                    : stop.initialized != nullptr ? edge_of_tick
                                                  : edge_of_word;
      beyond.check = check_of(edge.check, beyond);
      check = beyond.check;
      if (is_last) return;
    }
  }

  gantry_status refuse(const char* why) noexcept {
    refusal_ = why;
    return GANTRY_REFUSED;
  }

  const gantry_state& old_;
  StateWriter writer_;
  std::int32_t distance_;
  Head head_{};
  std::int32_t planned_spacing_ = 0;
  std::uint64_t touched_ = 0;  // pages, by bit
  std::uint64_t created_ = 0;
  std::uint32_t added_[page_count_max] = {};
  std::uint32_t room_[page_count_max] = {};
  Page* pages_[page_count_max] = {};  // those that are written
  const char* refusal_ = "";
};

}  // namespace gantry::uniswap_v3
