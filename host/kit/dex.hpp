// A venue under test: its calls with arguments as a host gives them, each asked twice and compared,
// and pools whose states the kit makes up.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gantry/dex.h"
#include "host/import/random.hpp"
#include "host/kit/memory.hpp"
#include "host/kit/work.hpp"

namespace gantry::host::kit {

using Bytes = std::vector<std::uint8_t>;

struct Request {
  std::int32_t source = 0;
  std::uint32_t tag = 0;
  gantry_address target{};
  Bytes payload;
};
struct Fact {
  std::int32_t source = 0;
  std::uint32_t tag = 0;
  gantry_status status = GANTRY_OK;
  std::uint32_t log_index = 0;
  gantry_address emitter{};
  Bytes topics;
  Bytes data;
};
struct Instruction {
  gantry_instruction call{};  // its pointers are not valid any more
  Bytes data;
};

// A pool with its state, as the host would hold it.
struct Pool {
  gantry_address address{};
  std::vector<gantry_pool_token> tokens;
  Bytes metadata;
  gantry_pool_traits traits{};
  std::vector<Bytes> chunks;
  std::vector<Request> requests;  // of all rounds
  std::vector<Fact> facts;        // that answered them
};

// A pool at some point: as it is, or after swaps.
struct At {
  const Pool* pool = nullptr;
  Bytes overlay;
};

struct Quoted {
  gantry_status status = GANTRY_OK;
  gantry_quote quote{};
  Bytes next;
  std::uint64_t next_size = 0;

  bool ok() const { return status == GANTRY_OK; }
  u256 in() const { return u256(quote.amount_in); }
  u256 out() const { return u256(quote.amount_out); }
};

// A direction of a pool.
struct Way {
  std::uint32_t in = 0;
  std::uint32_t out = 1;
};

class Dex {
 public:
  Dex(Loaded& library, void* object, bool guarded, std::string* transcript = nullptr);

  gantry_status open_pool(Pool& pool, bool writer_works = true);
  // Appends to `pool.requests`; the sink refuses from request `room` on.
  gantry_status requests(Pool& pool, std::uint32_t round, std::size_t room = 4096);
  // The state stays as it is unless GANTRY_OK or GANTRY_NEED_STATE is answered. Facts beyond
  // facts_at_once are left out.
  static constexpr std::size_t facts_at_once = 64;
  gantry_status apply(Pool& pool, std::span<const Fact> facts, bool writer_works = true);

  // `room`: for the next state; 0: none is wanted.
  Quoted quote(const At& at, const gantry_swap& swap, std::size_t room = 0);
  Quoted quote(const At& at, Way way, const u256& amount, std::int32_t mode = GANTRY_EXACT_IN);
  // With the next state in `after`.
  Quoted swap(const At& at, Way way, const u256& amount, At& after);
  void quote_many(const At& at, std::span<const gantry_swap> swaps);
  gantry_status limits(const At& at, Way way, gantry_swap_limits& out);
  gantry_status segments(const At& at, Way way, std::vector<gantry_segment>& out,
                         std::uint32_t capacity = 16);
  gantry_status view(const At& at, std::vector<gantry_amount>& balances, std::uint32_t& fee,
                     std::uint32_t room);
  gantry_status build_swap(const At& at, const gantry_swap_order& order,
                           std::vector<Instruction>& out, std::size_t room = 64);
  gantry_status discover();

  // What the pool can pay out of this token; nothing: it does not say.
  std::optional<u256> balance(const At& at, std::uint32_t token);
  // Fee of the pool, in parts of a million.
  std::uint32_t fee(const At& at);

  const gantry_dex_v1& table() const { return *table_; }
  gantry_dex_instance* object() const { return object_; }

 private:
  const gantry_pool_spec* spec(const Pool& pool);
  const gantry_state* state(const Pool& pool);
  const gantry_pool_state* point(const At& at);
  const gantry_context* context();
  void tell(const char* call, gantry_status status, std::span<const std::uint8_t> answer = {});
  template <class T>
    requires std::is_trivially_copyable_v<T>
  void tell_struct(const char* call, gantry_status status, const T& answer) {
    tell(call, status, {reinterpret_cast<const std::uint8_t*>(&answer), sizeof(answer)});
  }

  const gantry_dex_v1* table_;
  gantry_dex_instance* object_;
  CallMemory memory_;
  std::string* transcript_;
};

// Pools with states, made from seeded answers to what the venue asks, or from a recording. Throws
// Skipped when none of the answers that the kit knows makes a pool that can be quoted.
std::vector<Pool> make_pools(Dex& dex, const Subject& subject, std::uint64_t seed,
                             std::size_t count);

// Answers to what the pool asked, of `words` words for calls, each below 2^bits.
struct AnswerStyle {
  unsigned bits = 60;
  unsigned words = 0;  // 0: another number for each request
};
Fact answer(const Request& request, const AnswerStyle& style, Random& random);

// Every direction of a pool.
std::vector<Way> ways_of(const Pool& pool);
// Amounts that this direction takes, from its least to its most; none where it takes nothing.
std::vector<u256> amounts_of(Dex& dex, const At& at, Way way, Random& random, std::size_t count);

u256 random_amount(Random& random, unsigned bits);
// value * numerator / denominator, rounded down; the largest where it does not fit.
u256 part(const u256& value, std::uint64_t numerator, std::uint64_t denominator);

}  // namespace gantry::host::kit
