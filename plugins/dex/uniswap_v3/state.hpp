// What is known of one pool, as relocatable bytes in chunks.
//
// Chunk 0 is the Head: price, liquidity and what the first crossings of a swap need. Chunks 1 to 60
// are pages: each holds an equal share of the tick bitmap's words, in order, and the ticks set in
// those that are known. A swap rewrites the Head alone, a change of a position the pages of its two
// ticks. A page that nothing is known of does not exist.
//
// UNITS  Roots of prices in Q64.96. Words and ticks are those of TickBitmap and Tick of
//        @uniswap/v3-core: a word is 256 multiples of the tick spacing.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "gantry/dex.hpp"
#include "gantry/u256.hpp"
#include "plugins/dex/uniswap_v3/tick_math.hpp"

namespace gantry::uniswap_v3 {

inline constexpr std::uint32_t head_magic = 0x33563347;  // "G3V3"
inline constexpr std::uint32_t page_magic = 0x33503347;  // "G3P3"
inline constexpr std::uint32_t page_count_max = 60;
inline constexpr std::uint32_t first_page_chunk = 1;
inline constexpr std::int32_t spacing_max = 16383;  // UniswapV3Factory.enableFeeAmount
inline constexpr std::uint32_t ticks_in_word = 256;

// A root or an amount below 2^192, and a liquidity, in memory.
struct Stored192 {
  std::uint64_t limbs[3];

  u256 load() const noexcept { return u256::from_limbs(limbs[0], limbs[1], limbs[2], 0); }
  void store(const u256& value) noexcept {
    for (std::size_t i = 0; i < 3; ++i) limbs[i] = value.limb(i);
  }
};

struct Stored128 {
  std::uint64_t limbs[2];

  uint128 load() const noexcept { return gantry::detail::join(limbs[1], limbs[0]); }
  void store(uint128 value) noexcept {
    limbs[0] = gantry::detail::low64(value);
    limbs[1] = gantry::detail::high64(value);
  }
};

// Of what a swap stops at.
enum : std::uint32_t {
  edge_of_word = 1,
  edge_of_tick = 2,   // an initialized one, which is crossed
  edge_of_price = 3,  // the last price: nothing lies beyond
};

// One of the first stops of a swap in one direction: what it takes and gives from the stop before,
// or the price, until there. So the ticks' pages need not be looked at. A cache line: the first one
// and the head's own are all that a swap inside its range looks at.
struct Edge {
  Stored192 sqrt;
  Stored128 amount_in;  // without the fee, rounded up
  Stored128 amount_out;
  // Of the above and of what it was computed from. An edge whose check is wrong is not used.
  std::uint64_t check;
};
static_assert(sizeof(Edge) == 64);

// Where a swap that reaches it stands then.
struct Beyond {
  Stored128 liquidity;
  std::int32_t tick;
  std::uint32_t kind;   // edge_*
  std::uint64_t check;  // of these and the edge
};

// A swap that crosses an edge needs both at once.
struct Next {
  Beyond beyond;  // an edge
  Edge edge;      // the one after it
};
inline constexpr std::size_t edges_max = 10;  // of one direction

enum : std::uint32_t {  // Head.known
  knows_slot0 = 1,
  knows_liquidity = 2,
  knows_fee = 4,
  knows_spacing = 8,
  knows_pool_is_factorys = 16,
  knows_tier_is_factorys = 32,
  knows_all = 63,
};

struct Head {
  std::uint32_t magic;
  std::uint32_t fee;  // parts of a million
  std::int32_t spacing;
  std::int32_t tick;
  Stored192 sqrt;  // 0: the pool is not initialized
  Stored128 liquidity;
  std::uint32_t known;   // knows_*
  std::uint32_t locked;  // slot0 said so of a pool that has a price
  // Of token 0 in, and of token 1 in. Zeros: not known, as a word is not, or the amounts are too
  // large. The last of each has no edge after it.
  Edge edges[2];
  Next nexts[2][edges_max];
  std::uint64_t read_block;  // of slot0: logs up to this block are in it
  std::uint64_t log_block;   // of the newest log applied
  std::uint32_t log_index;
  std::uint32_t has_log;
  std::uint8_t pool[20];  // its address, for what the factory says of it
  std::uint32_t reserved;
};
static_assert(offsetof(Head, edges) == 64);
static_assert(sizeof(Head) == 64 + 2 * (sizeof(Edge) + edges_max * sizeof(Next)) + 48);

// Sums of products with odd numbers: no changed word leaves it as it was.
template <std::size_t N>
GANTRY_HOT std::uint64_t check_sum(std::uint64_t sum, const std::uint64_t (&words)[N]) noexcept {
  std::uint64_t factor = 0x9e3779b97f4a7c15;
  for (const std::uint64_t word : words) {
    sum += word * factor;
    factor += 0x9e3779b97f4a7c16;  // even, so that every factor is odd
  }
  return sum == 0 ? 1 : sum;
}

// What the first edges of both directions were computed from.
GANTRY_HOT std::uint64_t check_of(const Head& head) noexcept {
  return check_sum((std::uint64_t{head.fee} << 32U) | static_cast<std::uint32_t>(head.tick),
                   {head.sqrt.limbs[0], head.sqrt.limbs[1], head.sqrt.limbs[2],
                    head.liquidity.limbs[0], head.liquidity.limbs[1]});
}

// `before`: the check of what lies beyond the edge before it, or of the head.
GANTRY_HOT std::uint64_t check_of(std::uint64_t before, const Edge& edge) noexcept {
  return check_sum(
      before, {edge.sqrt.limbs[0], edge.sqrt.limbs[1], edge.sqrt.limbs[2], edge.amount_in.limbs[0],
               edge.amount_in.limbs[1], edge.amount_out.limbs[0], edge.amount_out.limbs[1]});
}

// `before`: the edge's check.
GANTRY_HOT std::uint64_t check_of(std::uint64_t before, const Beyond& beyond) noexcept {
  return check_sum(before,
                   {beyond.liquidity.limbs[0], beyond.liquidity.limbs[1],
                    std::uint64_t{beyond.kind} << 32U | static_cast<std::uint32_t>(beyond.tick)});
}

// The edges of one direction from the price on, as long as they are known.
class EdgeWalk {
 public:
  EdgeWalk() = default;  // none
  GANTRY_HOT EdgeWalk(const Head& head, bool zero_for_one) noexcept
      : next_(head.nexts[zero_for_one ? 0 : 1]), end_(next_ + edges_max), check_(check_of(head)) {
    stand_at(head.edges[zero_for_one ? 0 : 1]);
  }

  // Null: not known, and so none after it.
  GANTRY_HOT const Edge* edge() const noexcept { return edge_; }

  // Moves on to the edge after it. Requires an edge. Null: the bytes are not a pool's.
  GANTRY_HOT const Beyond* pass() noexcept {
    const Beyond& beyond = next_->beyond;
    if (beyond.check != check_of(check_, beyond)) return nullptr;
    check_ = beyond.check;
    const Edge& after = next_->edge;
    edge_ = nullptr;
    if (++next_ != end_) stand_at(after);
    return &beyond;
  }

 private:
  GANTRY_HOT void stand_at(const Edge& edge) noexcept {
    if (edge.check != check_of(check_, edge)) return;
    check_ = edge.check;
    edge_ = &edge;
  }

  const Edge* edge_ = nullptr;
  const Next* next_ = nullptr;  // beyond the edge
  const Next* end_ = nullptr;
  std::uint64_t check_ = 0;
};

// The pool after a swap: nothing of the ticks has changed.
struct After {
  std::uint32_t magic;
  std::int32_t tick;
  Stored192 sqrt;
  Stored128 liquidity;
};
static_assert(sizeof(After) == 48);

struct Tick {
  Stored128 gross;  // liquidityGross; 0 with `pending`: not read yet
  Stored128 net;    // liquidityNet, in two's complement
  std::uint64_t sqrt_low[2];
  std::uint32_t sqrt_high;  // of the root, whose 160 bits these are
  std::int32_t tick;
  std::uint32_t pending;
  std::uint32_t reserved;

  u256 sqrt() const noexcept { return u256::from_limbs(sqrt_low[0], sqrt_low[1], sqrt_high, 0); }
};
static_assert(sizeof(Tick) == 64);

struct Word {
  std::uint64_t bits[4];
  Stored192 first_sqrt;  // where a falling price leaves the word
  Stored192 last_sqrt;   // where a rising one does
  std::uint64_t read_block;
  std::uint32_t begin;  // of its ticks among the page's
  std::uint16_t count;
  std::uint16_t known;  // 0, or 1
};
static_assert(sizeof(Word) == 96);

struct Page {
  std::uint32_t magic;
  std::int32_t first_word;
  std::uint32_t word_count;
  std::uint32_t tick_count;
  // Word words[word_count]; Tick ticks[tick_count]; and room that is not used
};
static_assert(sizeof(Page) == 16);

constexpr std::int32_t floor_div(std::int32_t a, std::int32_t by) noexcept {
  const std::int32_t quotient = a / by;
  return quotient - static_cast<std::int32_t>(a % by < 0);
}

// How the words of a pool are shared out among its pages.
struct Paging {
  std::int32_t spacing;
  std::int32_t first_word;
  std::int32_t last_word;
  std::uint32_t words_per_page;

  explicit constexpr Paging(std::int32_t tick_spacing) noexcept
      : spacing(tick_spacing),
        first_word(floor_div(tick_min, tick_spacing) >> 8),
        last_word(floor_div(tick_max, tick_spacing) >> 8),
        words_per_page((static_cast<std::uint32_t>(last_word - first_word) + page_count_max) /
                       page_count_max) {}

  constexpr std::uint32_t page_of(std::int32_t word) const noexcept {
    return static_cast<std::uint32_t>(word - first_word) / words_per_page;
  }
  constexpr std::int32_t first_word_of(std::uint32_t page) const noexcept {
    return first_word + static_cast<std::int32_t>(page * words_per_page);
  }
  constexpr std::int32_t word_of(std::int32_t tick) const noexcept {
    return floor_div(tick, spacing) >> 8;
  }
  constexpr bool has(std::int32_t word) const noexcept {
    return word >= first_word && word <= last_word;
  }
  // The word's outermost ticks, held inside what a price can be.
  constexpr std::int32_t first_tick(std::int32_t word) const noexcept {
    const std::int32_t tick = word * 256 * spacing;
    return tick < tick_min ? tick_min : tick;
  }
  constexpr std::int32_t last_tick(std::int32_t word) const noexcept {
    const std::int32_t tick = (word * 256 + 255) * spacing;
    return tick > tick_max ? tick_max : tick;
  }
};

// A page's bytes, seen with their parts.
class PageView {
 public:
  PageView() = default;
  // Empty unless the bytes are a page that begins with `first_word` and keeps to its own size.
  PageView(gantry_bytes bytes, std::int32_t first_word, std::uint32_t words) noexcept {
    if (bytes.size < sizeof(Page)) return;
    const auto* page = reinterpret_cast<const Page*>(bytes.data);
    if (page->magic != page_magic || page->first_word != first_word || page->word_count != words ||
        page->tick_count > words * ticks_in_word) {
      return;
    }
    const std::uint64_t needed = sizeof(Page) + std::uint64_t{words} * sizeof(Word) +
                                 std::uint64_t{page->tick_count} * sizeof(Tick);
    if (bytes.size < needed) return;
    page_ = page;
  }

  explicit operator bool() const noexcept { return page_ != nullptr; }
  const Page& page() const noexcept { return *page_; }
  std::span<const Word> words() const noexcept {
    return {reinterpret_cast<const Word*>(page_ + 1), page_->word_count};
  }
  std::span<const Tick> ticks() const noexcept {
    return {reinterpret_cast<const Tick*>(words().data() + page_->word_count), page_->tick_count};
  }
  // Null: not known.
  const Word* word(std::int32_t number) const noexcept {
    const Word& word = words()[static_cast<std::size_t>(number - page_->first_word)];
    return word.known == 1 ? &word : nullptr;
  }
  // The word's ticks; empty where its bytes point outside the page.
  std::span<const Tick> ticks_of(const Word& word) const noexcept {
    if (word.begin > page_->tick_count || word.count > page_->tick_count - word.begin) return {};
    return ticks().subspan(word.begin, word.count);
  }

 private:
  const Page* page_ = nullptr;
};

inline unsigned count_bits(const Word& word) noexcept {
  unsigned count = 0;
  for (const std::uint64_t limb : word.bits) count += static_cast<unsigned>(std::popcount(limb));
  return count;
}

// How many of the word's bits are set below `bit`, 0 to 256.
inline unsigned count_bits_below(const Word& word, unsigned bit) noexcept {
  unsigned count = 0;
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned from = 64 * i;
    if (bit >= from + 64) {
      count += static_cast<unsigned>(std::popcount(word.bits[i]));
    } else if (bit > from) {
      count += static_cast<unsigned>(
          std::popcount(word.bits[i] & ((std::uint64_t{1} << (bit - from)) - 1)));
    }
  }
  return count;
}

// Null: the bytes are no pool's, or what divides and shifts is out of its range.
inline const Head* head_of(const gantry_state& state) noexcept {
  const Head* head = chunk_as<Head>(state, 0);
  if (head == nullptr || head->magic != head_magic || head->fee >= 1'000'000) return nullptr;
  const std::int32_t least = (head->known & knows_spacing) != 0 ? 1 : 0;
  return head->spacing >= least && head->spacing <= (least != 0 ? spacing_max : 0) ? head : nullptr;
}

inline PageView page_of(const gantry_state& state, const Paging& paging,
                        std::uint32_t page) noexcept {
  if (page + first_page_chunk >= state.chunk_count) return {};
  return {state.chunks[page + first_page_chunk], paging.first_word_of(page), paging.words_per_page};
}

}  // namespace gantry::uniswap_v3
