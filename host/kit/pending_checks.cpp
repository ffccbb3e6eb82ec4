// The optional interfaces of gantry/pending.h, where a plugin offers them.
#include <array>

#include "gantry/pending.h"
#include "host/import/random.hpp"
#include "host/kit/check.hpp"
#include "host/kit/loaded.hpp"
#include "host/kit/market.hpp"
#include "host/kit/memory.hpp"
#include "host/kit/strategy.hpp"
#include "host/market/pending_rules.hpp"

namespace gantry::host::kit {
namespace {

constexpr int calls_tried = 5'000;
constexpr std::size_t words_max = 24;

// Of the functions that routers are called by most, so that what follows is read at all: those of
// Uniswap V2's and V3's, and multicall.
constexpr std::array<std::uint32_t, 23> known_selectors = {
    0x38ed1739, 0x8803dbee, 0x7ff36ab5, 0x4a25d94a, 0x18cbafe5, 0xfb3bdb41, 0x5c11d795, 0x791ac947,
    0xb6f9de95, 0x472b43f3, 0x42712a67, 0x414bf389, 0xc04b8d59, 0xdb3e2198, 0xf28c0498, 0x04e45aaf,
    0xb858183f, 0x5023b4df, 0x09b81346, 0xac9650d8, 0x5ae401dc, 0x1f0464d1, 0x3593564c};

gantry_address account(Random& random) {
  gantry_address address{};
  address.kind = GANTRY_ADDRESS_EVM;
  address.length = pending_account_bytes;
  for (std::size_t i = 0; i < pending_account_bytes; ++i) {
    address.bytes[i] = static_cast<std::uint8_t>(random.next());
  }
  return address;
}

// A selector, and words as calls have them: places of others, counts, accounts, amounts, noise.
std::vector<std::uint8_t> some_input(Random& random) {
  std::vector<std::uint8_t> input;
  if (random.below(50) == 0) return input;
  std::uint32_t selector = known_selectors[random.below(known_selectors.size())];
  if (random.below(20) == 0) selector = static_cast<std::uint32_t>(random.next());
  for (int i = 3; i >= 0; --i) input.push_back(static_cast<std::uint8_t>(selector >> (8 * i)));
  for (std::size_t words = random.below(words_max); words > 0; --words) {
    std::array<std::uint8_t, 32> word{};
    switch (random.below(6)) {
      case 0:
        word[31] = static_cast<std::uint8_t>(32 * random.below(8));
        break;
      case 1:
        word[31] = static_cast<std::uint8_t>(random.below(5));
        break;
      case 2:
      case 3:
        for (std::size_t i = 12; i < 32; ++i) word[i] = static_cast<std::uint8_t>(random.below(3));
        break;
      case 4:
        for (std::size_t i = 20; i < 32; ++i) word[i] = static_cast<std::uint8_t>(random.next());
        break;
      default:
        for (std::uint8_t& byte : word) byte = static_cast<std::uint8_t>(random.next());
    }
    input.insert(input.end(), word.begin(), word.end());
  }
  if (random.below(4) == 0) input.resize(random.below(input.size() + 1));
  return input;
}

// What one decode() answered.
struct Read {
  gantry_status status = GANTRY_OK;
  std::vector<gantry_pending_swap> swaps;
  bool nonsense = false;
};

class Reader {
 public:
  Reader(const gantry_dex_pending_v1& table, const void* object)
      : table_(table), object_(static_cast<const gantry_dex_instance*>(object)) {}

  std::vector<gantry_address> routers() {
    std::vector<gantry_address> all;
    const gantry_address_sink sink{&all,
                                   [](void* self, const gantry_address* address) -> gantry_status {
                                     auto& kept = *static_cast<std::vector<gantry_address>*>(self);
                                     if (kept.size() == 64) return GANTRY_REFUSED;
                                     kept.push_back(*address);
                                     return GANTRY_OK;
                                   }};
    memory_.begin();
    const auto* one = memory_.in(sink);
    memory_.seal();
    set_phase("routers()");
    const auto status = table_.routers(object_, one);
    memory_.end();
    expect_status(status, {GANTRY_REFUSED}, "routers()");
    return all;
  }

  Read decode(gantry_pending_transaction transaction, std::span<const std::uint8_t> input,
              std::size_t room) {
    Read read;
    struct Sink {
      Read& read;
      std::size_t room;
    } state{read, room};
    const gantry_pending_sink sink{
        &state, [](void* self, const gantry_pending_swap* swap) -> gantry_status {
          auto& into = *static_cast<Sink*>(self);
          if (into.read.swaps.size() == into.room) return GANTRY_REFUSED;
          into.read.swaps.push_back(*swap);
          if (makes_sense(*swap)) return GANTRY_OK;
          into.read.nonsense = true;
          return GANTRY_BAD_ARGUMENT;
        }};
    memory_.begin();
    transaction.input = memory_.in_bytes(input);
    const auto* shown = memory_.in(transaction);
    const auto* one = memory_.in(sink);
    memory_.seal();
    set_phase("decode()");
    read.status = table_.decode(object_, shown, one);
    memory_.end();
    return read;
  }

 private:
  const gantry_dex_pending_v1& table_;
  const gantry_dex_instance* object_;
  CallMemory memory_{true};
};

bool same(const Read& one, const Read& other) {
  if (one.status != other.status || one.swaps.size() != other.swaps.size()) return false;
  for (std::size_t i = 0; i < one.swaps.size(); ++i) {
    const gantry_pending_swap& a = one.swaps[i];
    const gantry_pending_swap& b = other.swaps[i];
    if (std::memcmp(&a, &b, offsetof(gantry_pending_swap, hops)) != 0) return false;
    if (std::memcmp(a.hops, b.hops, a.hop_count * sizeof(gantry_pending_hop)) != 0) return false;
  }
  return true;
}

gantry_pending_event some_event(Random& random, const Snapshot& snapshot) {
  const auto pools = static_cast<std::uint32_t>(snapshot.topology->pools.size());
  gantry_pending_event event{};
  event.from = account(random);
  event.amount_in = {{random.next(), random.next(), 0, 0}};
  event.amount_out = {{random.next(), 0, random.below(2), random.next()}};
  event.deadline_s = random.next();
  event.mode = static_cast<std::int32_t>(random.below(2));
  event.hop_count = 1 + static_cast<std::uint32_t>(random.below(GANTRY_PENDING_HOPS_MAX));
  for (std::uint32_t i = 0; i < event.hop_count; ++i) {
    gantry_hop& hop = event.hops[i];
    hop = {UINT32_MAX, UINT32_MAX, UINT32_MAX, 0};
    if (pools == 0 || random.below(3) == 0) continue;
    hop.pool = static_cast<std::uint32_t>(random.below(pools));
    const auto& tokens = snapshot.topology->pools[hop.pool].tokens;
    hop.token_in = tokens.front();
    hop.token_out = tokens.back();
  }
  return event;
}

}  // namespace

void check_dex_pending(Subject& subject) {
  Loaded library(subject);
  const Instance instance(library);
  const auto* table = static_cast<const gantry_dex_pending_v1*>(
      library.get_extension(instance.object(), GANTRY_DEX_PENDING_ID));
  if (table == nullptr) throw Skipped{"with its defaults it does not offer " GANTRY_DEX_PENDING_ID};
  require(table->routers != nullptr && table->decode != nullptr,
          "its table for " GANTRY_DEX_PENDING_ID " has an empty function");
  Reader reader(*table, instance.object());
  const auto routers = reader.routers();
  for (const gantry_address& router : routers) {
    require(is_account(router), "routers() emits what is no EVM address");
  }
  require(reader.routers().size() == routers.size(), "routers() emits others when asked again");
  Random random(subject.seed);
  for (int i = 0; i < calls_tried; ++i) {
    gantry_pending_transaction transaction{};
    transaction.from = account(random);
    transaction.to = routers.empty() ? account(random) : routers[random.below(routers.size())];
    if (random.below(2) == 0) transaction.value.limb[random.below(4)] = random.next();
    const auto input = some_input(random);
    const Read read = reader.decode(transaction, input, GANTRY_PENDING_SWAPS_MAX);
    require(!read.nonsense, "decode() emits a swap that makes no sense: see gantry_pending_sink");
    expect_status(read.status, {GANTRY_UNSUPPORTED, GANTRY_BAD_STATE, GANTRY_REFUSED}, "decode()");
    require(same(read, reader.decode(transaction, input, GANTRY_PENDING_SWAPS_MAX)),
            "decode() reads another swap out of the same transaction");
    if (!read.swaps.empty()) reader.decode(transaction, input, 0);
  }
}

void check_strategy_pending(Subject& subject) {
  Loaded library(subject);
  const Instance instance(library);
  const auto* table = static_cast<const gantry_strategy_pending_v1*>(
      library.get_extension(instance.object(), GANTRY_STRATEGY_PENDING_ID));
  if (table == nullptr) throw Skipped{"it does not offer " GANTRY_STRATEGY_PENDING_ID};
  require(table->on_pending != nullptr,
          "its table for " GANTRY_STRATEGY_PENDING_ID " has an empty function");
  Random random(subject.seed);
  const GeneratedMarket market({4, 6, 400, 0}, subject.seed);
  Strategy strategy(library, instance.object(), true);
  std::uint64_t sequence = 0;
  for (const SnapshotPtr& snapshot : market.snapshots()) {
    strategy.meet(*snapshot);
    if (!strategy.prepared()) continue;
    std::vector<gantry_pending_event> events(random.below(20));
    const std::uint64_t dropped = random.below(4) == 0 ? random.below(1000) : 0;
    sequence += dropped;
    for (gantry_pending_event& event : events) {
      event = some_event(random, *snapshot);
      event.sequence = ++sequence;
    }
    if (!events.empty()) {
      set_phase("on_pending()");
      const auto status = table->on_pending(
          static_cast<gantry_strategy_instance*>(instance.object()), strategy.view().market(),
          events.data(), static_cast<std::uint32_t>(events.size()), dropped);
      expect_status(status, {GANTRY_UNSUPPORTED, GANTRY_REFUSED, GANTRY_BAD_STATE}, "on_pending()");
    }
    for (const gantry_opportunity& found : strategy.find()) {
      strategy.require_chained(found, "find()");
    }
  }
}

}  // namespace gantry::host::kit
