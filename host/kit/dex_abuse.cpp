// What a venue answers to what should never come, and to a host that fails it.
#include <algorithm>
#include <cstring>

#include "gantry/u256_convert.hpp"
#include "host/kit/dex.hpp"

namespace gantry::host::kit {
namespace {

constexpr std::size_t word_bytes = 32;

struct Trial {
  Loaded library;
  Instance instance;
  Dex dex;
  std::vector<Pool> pools;
  Random random;

  Trial(const Subject& subject, bool guarded, std::size_t count)
      : library(subject),
        instance(library),
        dex(library, instance.object(), guarded),
        pools(make_pools(dex, subject, subject.seed, count)),
        random(subject.seed ^ 0xABCDULL) {}
};

// Whether a state of which bytes are missing is refused, or answers as the whole of it does: a
// venue may know less then, but nothing else.
bool says_no_more(Dex& dex, const At& cut, const At& whole, Random& random) {
  for (const Way way : ways_of(*whole.pool)) {
    gantry_swap_limits some{};
    gantry_swap_limits all{};
    if (dex.limits(cut, way, some) == GANTRY_OK &&
        (dex.limits(whole, way, all) != GANTRY_OK || u256(some.in_max) > u256(all.in_max) ||
         u256(some.out_max) > u256(all.out_max))) {
      return false;
    }
    for (const unsigned bits : {20U, 60U, 100U}) {
      const u256 amount = random_amount(random, bits);
      const auto quoted = dex.quote(cut, way, amount);
      if (!quoted.ok()) continue;
      const auto right = dex.quote(whole, way, amount);
      if (!right.ok() || right.out() != quoted.out()) return false;
    }
  }
  return true;
}

// All that reads a state, with whatever that is: no crash, a status of the list, and no promise
// that the pool cannot keep. Says whether any of it was taken for a state.
bool poke(Dex& dex, const At& at, Random& random) {
  bool taken = false;
  for (const Way way : ways_of(*at.pool)) {
    const auto held = dex.balance(at, way.out);
    gantry_swap_limits limits{};
    taken = dex.limits(at, way, limits) == GANTRY_OK || taken;
    for (const unsigned bits : {20U, 60U, 100U}) {
      At after;
      const auto quoted = dex.quote(at, way, random_amount(random, bits));
      taken = taken || quoted.ok();
      require(!quoted.ok() || !held || quoted.out() <= *held,
              fmt::format("on a state of random bytes it pays {}, and the pool has {}",
                          to_string(quoted.out()), held ? to_string(*held) : ""));
    }
    std::vector<gantry_segment> rows;
    dex.segments(at, way, rows);
  }
  std::vector<gantry_amount> balances;
  std::uint32_t fee = 0;
  taken = dex.view(at, balances, fee, 8) == GANTRY_OK || taken;
  return taken;
}

Bytes random_bytes(Random& random, std::size_t size) {
  Bytes bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random.next());
  return bytes;
}

gantry_swap_order order_of(const At& at, Way way, const u256& amount, const u256& out,
                           const u256& min_out) {
  gantry_swap_order order{};
  order.swap = {amount, way.in, way.out, GANTRY_EXACT_IN, 0};
  order.out = out;
  order.min_out = min_out;
  order.sender = at.pool->address;
  order.recipient = at.pool->address;
  std::fill_n(order.sender.bytes, order.sender.length, std::uint8_t{0x51});
  std::fill_n(order.recipient.bytes, order.recipient.length, std::uint8_t{0x52});
  order.deadline_s = 1'700'000'100;
  return order;
}

// The amount that stands at `offset`, as the chain of the target writes it.
u256 amount_at(const Instruction& instruction, std::uint32_t offset, const char* name) {
  const std::size_t size = instruction.call.target.kind == GANTRY_ADDRESS_EVM ? 32 : 8;
  require(offset + size <= instruction.data.size(),
          fmt::format("build_swap() says that {} is at byte {} of {}", name, offset,
                      instruction.data.size()));
  if (size == 32) return u256(load_be(instruction.data.data() + offset));
  std::uint64_t value = 0;
  std::memcpy(&value, instruction.data.data() + offset, 8);
  return u256(value);
}

void require_address(const gantry_address& address, const char* name) {
  const bool evm = address.kind == GANTRY_ADDRESS_EVM && address.length == 20;
  const bool solana = address.kind == GANTRY_ADDRESS_SOLANA && address.length == 32;
  require(evm || solana, fmt::format("build_swap() emits a call whose {} is no address", name));
}

}  // namespace

void check_dex_amounts(Subject& subject) {
  Trial trial(subject, true, 4);
  std::vector<u256> amounts{u256(0), u256::max()};
  for (unsigned bit = 0; bit < 256; bit += 5) {
    const u256 power = shift_left(u256(1), bit);
    amounts.push_back(power);
    amounts.push_back(wrapping_sub(power, u256(1)));
    amounts.push_back(wrapping_add(power, u256(1)));
  }
  for (const Pool& pool : trial.pools) {
    const At at{&pool, {}};
    for (const Way way : ways_of(pool)) {
      const auto held = trial.dex.balance(at, way.out);
      for (const u256& amount : amounts) {
        for (const std::int32_t mode : {0, 1}) {
          const auto quoted = trial.dex.quote(at, way, amount, mode);
          if (!quoted.ok()) continue;
          require(!amount.is_zero() || quoted.out().is_zero(),
                  fmt::format("for nothing it pays {}", to_string(quoted.out())));
          require(!held || quoted.out() <= *held,
                  fmt::format("{} pays {}, and the pool has {}", to_string(amount),
                              to_string(quoted.out()), to_string(*held)));
        }
        At after;
        trial.dex.swap(at, way, amount, after);
      }
    }
  }
}

void check_dex_handles(Subject& subject) {
  Trial trial(subject, true, 2);
  for (const Pool& pool : trial.pools) {
    const At at{&pool, {}};
    const auto count = static_cast<std::uint32_t>(pool.tokens.size());
    // One past the end, far beyond it, where an index wraps, and a token for itself.
    for (const Way way : {Way{count, 0}, Way{0, count}, Way{count + 1, count}, Way{UINT32_MAX, 0},
                          Way{0, UINT32_MAX}, Way{0x10000, 1}, Way{1, 0x80000000U}, Way{0, 0},
                          Way{1, 1}, Way{1U << 27U, 0}}) {
      const auto text = fmt::format("token {} to {} of {}", way.in, way.out, count);
      for (const std::int32_t mode : {0, 1, 7, -1}) {
        const auto quoted = trial.dex.quote(at, way, u256(1'000'000), mode);
        require(!quoted.ok(), fmt::format("it quotes {}: that is GANTRY_BAD_ARGUMENT", text));
      }
      At after;
      trial.dex.swap(at, way, u256(1'000'000), after);
      gantry_swap_limits limits{};
      require(trial.dex.limits(at, way, limits) != GANTRY_OK,
              fmt::format("limits() of {} is GANTRY_OK: that is GANTRY_BAD_ARGUMENT", text));
      std::vector<gantry_segment> rows;
      const auto status = trial.dex.segments(at, way, rows);
      require(status != GANTRY_OK || rows.empty(),
              fmt::format("segments() of {} gives some: that is GANTRY_BAD_ARGUMENT", text));
      std::vector<Instruction> calls;
      trial.dex.build_swap(at, order_of(at, way, u256(1000), u256(900), u256(890)), calls);
    }
  }
}

void check_dex_bad_state(Subject& subject) {
  Trial trial(subject, true, 2);
  for (const Pool& whole : trial.pools) {
    Pool pool = whole;
    pool.chunks.clear();
    require(!poke(trial.dex, {&pool, {}}, trial.random), "it quotes a pool without any state");
    for (std::size_t i = 0; i < whole.chunks.size(); ++i) {
      const std::size_t size = whole.chunks[i].size();
      if (size == 0) continue;  // a chunk that the venue has not asked for
      std::vector<std::size_t> sizes{0, 1, size / 2, size - 1, size + 1, size + 16, 2 * size};
      for (const std::size_t wrong : sizes) {
        if (wrong == size) continue;
        pool.chunks = whole.chunks;
        pool.chunks[i].resize(wrong, 0xA7);
        poke(trial.dex, {&pool, {}}, trial.random);
        require(
            wrong > size || says_no_more(trial.dex, {&pool, {}}, {&whole, {}}, trial.random),
            fmt::format("a state cut to {} of its {} bytes is taken for another one", wrong, size));
        pool.chunks[i] = random_bytes(trial.random, wrong);
        poke(trial.dex, {&pool, {}}, trial.random);
      }
      for (int n = 0; n < 12; ++n) {
        pool.chunks = whole.chunks;
        if (n < 6) {
          pool.chunks[i] = random_bytes(trial.random, size);
        } else {
          pool.chunks[i][trial.random.below(size)] ^= static_cast<std::uint8_t>(1U << (n % 8));
        }
        poke(trial.dex, {&pool, {}}, trial.random);
        Pool old = pool;
        trial.dex.apply(old, whole.facts);
        Pool asked = pool;
        trial.dex.requests(asked, 0);
      }
    }
    // Overlays that this venue never wrote.
    const std::size_t most = std::max<std::size_t>(whole.traits.overlay_bytes, 8);
    for (const std::size_t size : {std::size_t{1}, most / 2, most - 1, most + 1, most + 64}) {
      const At at{&whole, random_bytes(trial.random, size)};
      if (size == 0) continue;
      const bool taken = poke(trial.dex, at, trial.random);
      require(!taken || size > most, fmt::format("{} random bytes are taken for a later state of "
                                                 "its {}",
                                                 size, most));
    }
    for (int n = 0; n < 8; ++n) {
      poke(trial.dex, {&whole, random_bytes(trial.random, most)}, trial.random);
    }
  }
}

void check_dex_bad_facts(Subject& subject) {
  Trial trial(subject, true, 2);
  for (const Pool& whole : trial.pools) {
    Pool fresh = whole;
    fresh.chunks.clear();
    fresh.requests.clear();
    require(trial.dex.open_pool(fresh) == GANTRY_OK, "it opens a pool once, and not again");
    const auto with = [&](auto&& change) {
      Pool pool = fresh;
      std::vector<Fact> facts = whole.facts;
      change(facts);
      const auto status = trial.dex.apply(pool, facts);
      return status == GANTRY_OK;
    };
    require(!with([](auto& facts) { facts.clear(); }) || whole.facts.empty(),
            "apply() of no facts on a new pool is GANTRY_OK");
    for (std::size_t i = 0; i < whole.facts.size(); ++i) {
      const std::size_t size = whole.facts[i].data.size();
      // The kit may have answered with more words than the venue reads: what it needs is the least
      // number that it takes.
      std::size_t needed = size;
      const auto cut_to = [&](std::size_t to) {
        return with([&](auto& facts) { facts[i].data.resize(to); });
      };
      while (needed >= 2 * word_bytes && cut_to(needed - word_bytes)) needed -= word_bytes;
      for (const std::size_t wrong : {std::size_t{0}, std::size_t{1}, word_bytes - 1, needed - 1}) {
        if (wrong >= needed) continue;
        require(!cut_to(wrong),
                fmt::format("an answer cut to {} of the {} bytes that it needs is applied", wrong,
                            needed));
      }
      require(!with([&](auto& facts) {
        facts[i].status = GANTRY_REFUSED;
        facts[i].data.clear();
      }),
              "an answer that is a revert is applied");
      with([&](auto& facts) { facts[i].data = random_bytes(trial.random, size); });
      with([&](auto& facts) { facts[i].data.assign(size, 0xFF); });
      with([&](auto& facts) { facts[i].data.assign(size, 0x00); });
      with([&](auto& facts) { facts[i].data.resize(size + 1); });
      with([&](auto& facts) { facts[i].tag = UINT32_MAX; });
      with([&](auto& facts) { facts[i].source = 99; });
      with([&](auto& facts) { facts[i].source = GANTRY_SOURCE_EVM_LOG; });
      with([&](auto& facts) {
        facts[i].source = GANTRY_SOURCE_EVM_LOG;
        facts[i].topics.assign(32, 0x11);
        facts[i].data.clear();
      });
      with([&](auto& facts) { facts[i].topics.assign(31, 0x11); });
    }
  }
}

void check_dex_room(Subject& subject) {
  Trial trial(subject, true, 3);
  for (const Pool& pool : trial.pools) {
    const At at{&pool, {}};
    const auto count = static_cast<std::uint32_t>(pool.tokens.size());
    for (const Way way : ways_of(pool)) {
      gantry_swap_limits limits{};
      if (trial.dex.limits(at, way, limits) != GANTRY_OK) continue;
      const gantry_swap swap{limits.in_min, way.in, way.out, GANTRY_EXACT_IN, 0};
      const auto whole = trial.dex.quote(at, swap, GANTRY_OVERLAY_BYTES_MAX);
      if (!whole.ok()) continue;
      for (const std::size_t room :
           {std::size_t{1}, whole.next.size() / 2, whole.next.size() - 1}) {
        if (room == 0 || room >= whole.next.size()) continue;
        const auto cut = trial.dex.quote(at, swap, room);
        require(cut.status == GANTRY_NEED_SIZE && cut.next_size == whole.next.size(),
                fmt::format("with room for {} of the {} bytes of its next state, quote() answers "
                            "{} and {}",
                            room, whole.next.size(), status_text(cut.status), cut.next_size));
      }
      const auto exact = trial.dex.quote(at, swap, whole.next.size());
      require(exact.ok(), "with just enough room for its next state, quote() does not write it");
    }
    std::vector<gantry_amount> balances;
    std::uint32_t fee = 0;
    for (std::uint32_t room = 0; room < count; ++room) {
      require(trial.dex.view(at, balances, fee, room) == GANTRY_NEED_SIZE,
              fmt::format("with room for {} of {} balances, view() does not say GANTRY_NEED_SIZE",
                          room, count));
    }
    require(trial.dex.view(at, balances, fee, count) == GANTRY_OK && balances.size() == count,
            "with room for every balance, view() does not give them");
  }
}

void check_dex_host_faults(Subject& subject) {
  Trial trial(subject, true, 1);
  const Pool& whole = trial.pools.front();
  Pool pool = whole;
  pool.chunks.clear();
  const auto opened = trial.dex.open_pool(pool, false);
  // Who writes nothing needs no memory.
  require(opened != GANTRY_OK || pool.chunks.empty(),
          "it wrote through a writer that gave nothing");
  pool = whole;
  require(trial.dex.apply(pool, whole.facts, false) != GANTRY_OK,
          "apply() is GANTRY_OK, and there was no memory for the state");
  for (std::size_t room = 0; room < std::min<std::size_t>(whole.requests.size(), 4); ++room) {
    pool = whole;
    pool.requests.clear();
    trial.dex.requests(pool, 0, room);
  }
  pool = whole;
  for (const std::uint32_t round : {1U, 2U, 7U, 1000U, UINT32_MAX}) {
    trial.dex.requests(pool, round);
  }
  trial.dex.discover();
}

void check_dex_build_swap(Subject& subject) {
  Trial trial(subject, true, 4);
  bool any = false;
  for (const Pool& pool : trial.pools) {
    const At at{&pool, {}};
    for (const Way way : ways_of(pool)) {
      for (const u256& amount : amounts_of(trial.dex, at, way, trial.random, 6)) {
        const auto quoted = trial.dex.quote(at, way, amount);
        if (!quoted.ok()) continue;
        const u256 min_out = part(quoted.out(), 99, 100);
        std::vector<Instruction> calls;
        const auto order = order_of(at, way, amount, quoted.out(), min_out);
        if (trial.dex.build_swap(at, order, calls) != GANTRY_OK) continue;
        any = true;
        require(!calls.empty(), "build_swap() is GANTRY_OK and emitted no call");
        for (const Instruction& built : calls) {
          const gantry_instruction& call = built.call;
          require_address(call.target, "target");
          require(call.input >= GANTRY_INPUT_TRANSFER && call.input <= GANTRY_INPUT_NATIVE,
                  fmt::format("build_swap() emits a call with input {}", call.input));
          if (call.input == GANTRY_INPUT_TRANSFER || call.input == GANTRY_INPUT_APPROVE) {
            require_address(call.spender, "spender");
          }
          if (call.amount_in_offset != GANTRY_NO_OFFSET) {
            require(amount_at(built, call.amount_in_offset, "the amount in") == amount,
                    "where the amount in should stand in its call, another one does");
          }
          if (call.amount_out_offset != GANTRY_NO_OFFSET) {
            require(amount_at(built, call.amount_out_offset, "the amount out") <= quoted.out(),
                    "its call asks the pool for more than was quoted");
          }
          if (call.min_out_offset != GANTRY_NO_OFFSET) {
            require(amount_at(built, call.min_out_offset, "the minimum out") == u256(call.min_out),
                    "where the minimum out should stand in its call, another amount does");
          }
          require(call.min_out_enforced == 0 ||
                      (call.min_out_offset != GANTRY_NO_OFFSET && u256(call.min_out) >= min_out),
                  fmt::format("it says that its call enforces the minimum of {}, and it has {}",
                              to_string(min_out), to_string(u256(call.min_out))));
        }
        trial.dex.build_swap(at, order, calls, 0);
        auto greedy = order;
        u256 above;
        if (add(quoted.out(), u256(1), above)) {
          greedy.min_out = above;
          const auto status = trial.dex.build_swap(at, greedy, calls);
          for (const Instruction& built : calls) {
            require(status != GANTRY_OK || built.call.min_out_enforced == 0 ||
                        u256(built.call.min_out) >= above,
                    "asked for a minimum above the quote, it enforces less");
          }
        }
        auto nobody = order;
        nobody.recipient = {};
        require(trial.dex.build_swap(at, nobody, calls) != GANTRY_OK,
                "it builds a swap that pays to no address");
      }
    }
  }
  if (!any) throw Skipped{"it builds no swaps"};
}

void work_dex(const Subject& subject, Loaded& library, void* object, std::uint64_t seed,
              const Workout& workout) {
  Dex dex(library, object, workout.guarded, workout.transcript);
  Random random(seed);
  std::vector<Pool> pools;
  try {
    pools = make_pools(dex, subject, seed, 3);
  } catch (const Skipped&) {
    // What it answered until then is in the transcript all the same.
    dex.discover();
    return;
  }
  dex.discover();
  for (Pool& pool : pools) {
    At at{&pool, {}};
    for (const Way way : ways_of(pool)) {
      std::vector<gantry_swap> swaps;
      for (const u256& amount : amounts_of(dex, at, way, random, 6)) {
        swaps.push_back({amount, way.in, way.out, GANTRY_EXACT_IN, GANTRY_WANT_IMPACT});
        swaps.push_back({amount, way.in, way.out, GANTRY_EXACT_OUT, 0});
        At after;
        const auto there = dex.swap(at, way, amount, after);
        if (!there.ok()) continue;
        dex.quote(after, {way.out, way.in}, there.out());
        std::vector<Instruction> calls;
        dex.build_swap(at, order_of(at, way, amount, there.out(), part(there.out(), 99, 100)),
                       calls);
        dex.balance(after, way.out);
        std::vector<gantry_segment> later;
        dex.segments(after, way, later);
      }
      dex.quote_many(at, swaps);
      std::vector<gantry_segment> rows;
      dex.segments(at, way, rows);
    }
    // A block later: its logs, and the same answers with other numbers.
    for (const Request& request : pool.requests) {
      Pool next = pool;
      const auto style = AnswerStyle{60, static_cast<unsigned>(random.below(5))};
      const Fact fact = answer(request, style, random);
      const auto status = dex.apply(next, {&fact, 1});
      if (status != GANTRY_OK) continue;
      for (const Way way : ways_of(next)) {
        const At later{&next, {}};
        for (const u256& amount : amounts_of(dex, later, way, random, 3)) {
          dex.quote(later, way, amount);
        }
      }
    }
  }
}

}  // namespace gantry::host::kit
