// Changes of a page in memory that is being written: ticks are added and taken away, in their
// order.
#pragma once
#include <bit>
#include <cstdint>
#include <cstring>

#include "plugins/dex/uniswap_v3/state.hpp"

namespace gantry::uniswap_v3 {

inline Word* words_of(Page& page) noexcept { return reinterpret_cast<Word*>(&page + 1); }
inline Tick* ticks_of(Page& page) noexcept {
  return reinterpret_cast<Tick*>(words_of(page) + page.word_count);
}

// The roots at the ends of its words.
inline void name_words(Page& page, const Paging& paging) noexcept {
  for (std::uint32_t i = 0; i < page.word_count; ++i) {
    const std::int32_t number = page.first_word + static_cast<std::int32_t>(i);
    if (!paging.has(number)) continue;
    Word& word = words_of(page)[i];
    word.first_sqrt.store(sqrt_at_tick(paging.first_tick(number)));
    word.last_sqrt.store(sqrt_at_tick(paging.last_tick(number)));
  }
}

// Null: it is not set, or not known.
inline Tick* find(Page& page, const Paging& paging, std::int32_t number) noexcept {
  const std::int32_t compressed = floor_div(number, paging.spacing);
  Word& word = words_of(page)[(compressed >> 8) - page.first_word];
  const auto bit = static_cast<unsigned>(compressed & 255);
  if (word.known == 0 || (word.bits[bit / 64] >> (bit % 64) & 1U) == 0) return nullptr;
  const std::uint32_t at = word.begin + count_bits_below(word, bit);
  if (at >= page.tick_count) return nullptr;
  return &ticks_of(page)[at];
}

inline std::uint32_t count_ones(const u256& bits) noexcept {
  int count = 0;
  for (std::size_t i = 0; i < 4; ++i) count += std::popcount(bits.limb(i));
  return static_cast<std::uint32_t>(count);
}

inline std::uint32_t begin_of(Page& page, const Word& word) noexcept {
  std::uint32_t begin = 0;
  for (const Word* before = words_of(page); before != &word; ++before) begin += before->count;
  return begin;
}

// Adds a tick where its order is, with nothing but its root. Null: the page has room for no more,
// or its numbers are not a page's.
inline Tick* insert(Page& page, Word& word, std::int32_t number, unsigned bit,
                    std::uint32_t room) noexcept {
  if (page.tick_count >= room) return nullptr;
  // A word that had no ticks begins where those of the words before it end.
  if (word.count == 0) word.begin = begin_of(page, word);
  const std::uint32_t at = word.begin + count_bits_below(word, bit);
  if (at > page.tick_count) return nullptr;
  Tick* ticks = ticks_of(page);
  std::memmove(ticks + at + 1, ticks + at, (page.tick_count - at) * sizeof(Tick));
  ++page.tick_count;
  ++word.count;
  word.bits[bit / 64] |= std::uint64_t{1} << (bit % 64);
  for (Word* after = &word + 1; after != words_of(page) + page.word_count; ++after) {
    if (after->count != 0) ++after->begin;
  }
  const u256 sqrt = sqrt_at_tick(number);
  ticks[at] = {};
  ticks[at].sqrt_low[0] = sqrt.limb(0);
  ticks[at].sqrt_low[1] = sqrt.limb(1);
  ticks[at].sqrt_high = static_cast<std::uint32_t>(sqrt.limb(2));
  ticks[at].tick = number;
  return &ticks[at];
}

inline void remove(Page& page, Word& word, unsigned bit) noexcept {
  const std::uint32_t at = word.begin + count_bits_below(word, bit);
  if (at >= page.tick_count || word.count == 0) return;
  Tick* ticks = ticks_of(page);
  std::memmove(ticks + at, ticks + at + 1, (page.tick_count - at - 1) * sizeof(Tick));
  --page.tick_count;
  ticks[page.tick_count] = {};
  --word.count;
  if (word.count == 0) word.begin = 0;
  word.bits[bit / 64] &= ~(std::uint64_t{1} << (bit % 64));
  for (Word* after = &word + 1; after != words_of(page) + page.word_count; ++after) {
    if (after->count != 0) --after->begin;
  }
}

}  // namespace gantry::uniswap_v3
