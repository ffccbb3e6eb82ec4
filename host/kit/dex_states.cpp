// Pools whose states the kit makes up: it asks the venue what it needs, answers with seeded words
// of many sizes and numbers, and keeps what can be quoted.
#include <algorithm>
#include <cmath>

#include "gantry/u256_convert.hpp"
#include "host/kit/dex.hpp"

namespace gantry::host::kit {
namespace {

constexpr std::size_t word_bytes = 32;
constexpr std::uint32_t rounds_max = 8;
constexpr std::size_t attempts_max = 1500;

gantry_address evm_address(Random& random) {
  gantry_address address{};
  address.kind = GANTRY_ADDRESS_EVM;
  address.length = 20;
  for (std::size_t i = 0; i < 20; ++i) address.bytes[i] = static_cast<std::uint8_t>(random.next());
  return address;
}

void add_word(Bytes& bytes, const u256& value) {
  bytes.resize(bytes.size() + word_bytes);
  store_be(value, bytes.data() + bytes.size() - word_bytes);
}

Pool new_pool(Random& random, std::size_t tokens, bool equal_decimals) {
  Pool pool;
  pool.address = evm_address(random);
  constexpr std::uint32_t usual[] = {18, 6, 8, 18};
  for (std::size_t i = 0; i < tokens; ++i) {
    pool.tokens.push_back({evm_address(random), equal_decimals ? 18 : usual[random.below(4)], 0});
  }
  // As contracts have them.
  std::ranges::sort(pool.tokens, [](const auto& a, const auto& b) {
    return std::lexicographical_compare(a.address.bytes, a.address.bytes + 20, b.address.bytes,
                                        b.address.bytes + 20);
  });
  return pool;
}

bool quotable(Dex& dex, const Pool& pool) {
  for (const Way way : ways_of(pool)) {
    gantry_swap_limits limits{};
    const At at{&pool, {}};
    if (dex.limits(at, way, limits) == GANTRY_OK && dex.quote(at, way, u256(limits.in_min)).ok()) {
      return true;
    }
  }
  return false;
}

// Drives the pool to a state that can be quoted.
bool fill(Dex& dex, Pool& pool, const AnswerStyle& style, Random& random) {
  for (std::uint32_t round = 0; round < rounds_max; ++round) {
    const std::size_t before = pool.requests.size();
    const auto asked = dex.requests(pool, round);
    if (asked == GANTRY_BAD_STATE) return false;
    std::vector<Fact> facts;
    for (std::size_t i = before; i < pool.requests.size(); ++i) {
      if (pool.requests[i].source == GANTRY_SOURCE_EVM_LOG) continue;  // standing
      facts.push_back(answer(pool.requests[i], style, random));
    }
    const auto applied = dex.apply(pool, facts);
    if (applied != GANTRY_OK && applied != GANTRY_NEED_STATE) return false;
    pool.facts.insert(pool.facts.end(), facts.begin(), facts.end());
    if (applied == GANTRY_OK && asked == GANTRY_OK) return quotable(dex, pool);
  }
  return false;
}

// In the recorded order, as many at a time as Dex takes: a pool of many words and ticks comes in
// several rounds from a chain, too.
gantry_status apply_all(Dex& dex, Pool& pool) {
  gantry_status status = GANTRY_NEED_STATE;
  for (std::size_t begin = 0; begin < pool.facts.size(); begin += Dex::facts_at_once) {
    const std::size_t count = std::min(Dex::facts_at_once, pool.facts.size() - begin);
    status = dex.apply(pool, std::span(pool.facts).subspan(begin, count));
    if (status != GANTRY_OK && status != GANTRY_NEED_STATE) return status;
  }
  return status;
}

std::vector<Pool> recorded_pools(Dex& dex, const Subject& subject, std::size_t count) {
  std::vector<Pool> pools;
  for (const RecordedPool& recorded : subject.recorded) {
    if (pools.size() == count) break;
    Pool pool;
    pool.address = recorded.address;
    pool.metadata = recorded.spec;
    for (std::size_t i = 0; i < recorded.tokens.size(); ++i) {
      pool.tokens.push_back({recorded.tokens[i], recorded.decimals[i], 0});
    }
    if (dex.open_pool(pool) != GANTRY_OK) continue;
    dex.requests(pool, 0);
    for (const recording::Fact& fact : recorded.facts) {
      pool.facts.push_back({static_cast<std::int32_t>(fact.kind), fact.tag, fact.status,
                            fact.log_index, fact.source, fact.topics, fact.data});
    }
    if (apply_all(dex, pool) == GANTRY_OK && quotable(dex, pool)) {
      pools.push_back(std::move(pool));
    }
  }
  return pools;
}

}  // namespace

u256 random_amount(Random& random, unsigned bits) {
  bits = std::clamp(bits, 1U, 256U);
  u256 value = u256::from_limbs(random.next(), random.next(), random.next(), random.next());
  value = shift_right(value, 256 - bits);
  return value.is_zero() ? u256(1) : value;
}

u256 part(const u256& value, std::uint64_t numerator, std::uint64_t denominator) {
  u256 result;
  if (!mul_div_floor(value, u256(numerator), u256(denominator), result)) return u256::max();
  return result;
}

Fact answer(const Request& request, const AnswerStyle& style, Random& random) {
  Fact fact;
  fact.source = request.source;
  fact.tag = request.tag;
  fact.emitter = request.target;
  const auto words = [&](std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const auto below = static_cast<unsigned>(random.below(6));
      add_word(fact.data, random_amount(random, style.bits > below ? style.bits - below : 1));
    }
  };
  switch (request.source) {
    case GANTRY_SOURCE_EVM_CALL:
      words(style.words != 0 ? style.words : 1 + random.below(8));
      break;
    case GANTRY_SOURCE_EVM_STORAGE:
      words(1);
      break;
    case GANTRY_SOURCE_EVM_LOG:
      fact.topics = request.payload;
      fact.topics.resize(std::max<std::size_t>(word_bytes, fact.topics.size() / 32 * 32));
      words(style.words != 0 ? style.words : 1 + random.below(8));
      break;
    case GANTRY_SOURCE_SOLANA_ACCOUNT: {
      fact.topics.assign(word_bytes, 7);
      constexpr std::size_t sizes[] = {82, 165, 637, 752, 653, 324, 1544, 904};
      fact.data.resize(sizes[random.below(8)]);
      for (auto& byte : fact.data) byte = static_cast<std::uint8_t>(random.next());
      break;
    }
    case GANTRY_SOURCE_HTTP:
      fact.data = {'{', '}'};
      fact.log_index = 200;
      break;
    default:
      words(1);
      break;
  }
  return fact;
}

std::vector<Pool> make_pools(Dex& dex, const Subject& subject, std::uint64_t seed,
                             std::size_t count) {
  if (!subject.recorded.empty()) {
    auto pools = recorded_pools(dex, subject, count);
    if (pools.empty()) {
      throw Skipped{
          "none of the recording's pools could be opened and quoted; give it a recording of this "
          "venue with --recording FILE"};
    }
    return pools;
  }
  std::vector<Pool> pools;
  Random random(seed);
  constexpr unsigned bits[] = {60, 46, 80, 100, 70, 90, 54, 110};
  constexpr std::size_t token_counts[] = {2, 2, 2, 2, 3, 2, 4, 2};
  AnswerStyle found{};
  bool known = false;
  bool equal = true;
  std::size_t tokens = 2;
  for (std::size_t attempt = 0; attempt < attempts_max && pools.size() < count; ++attempt) {
    AnswerStyle style{bits[attempt % 8], static_cast<unsigned>(attempt / 8 % 9)};
    bool equal_decimals = attempt % 3 != 0;
    std::size_t token_count = token_counts[attempt / 8 % 8];
    if (known) {
      style.words = found.words;
      token_count = tokens;
      equal_decimals = equal || attempt % 2 == 0;
    }
    Pool pool = new_pool(random, token_count, equal_decimals);
    if (dex.open_pool(pool) != GANTRY_OK || !fill(dex, pool, style, random)) continue;
    if (!known) equal = equal_decimals;
    known = true;
    found = style;
    tokens = token_count;
    pools.push_back(std::move(pool));
  }
  if (pools.empty()) {
    throw Skipped{
        "no state could be made: the venue takes none of the answers that the kit knows; give it "
        "facts of its own with --recording FILE"};
  }
  return pools;
}

// The laws skip a venue without states, each with the same reason: here it is no pass.
void check_dex_states(Subject& subject) {
  Loaded library(subject);
  const Instance instance(library);
  Dex dex(library, instance.object(), false);
  try {
    make_pools(dex, subject, subject.seed, 1);
  } catch (const Skipped& skipped) {
    throw Untried{skipped.reason +
                  ". An operator who trusts it untried installs it with --unchecked"};
  }
}

std::vector<Way> ways_of(const Pool& pool) {
  std::vector<Way> ways;
  const auto count = static_cast<std::uint32_t>(pool.tokens.size());
  for (std::uint32_t in = 0; in < count; ++in) {
    for (std::uint32_t out = 0; out < count; ++out) {
      if (in != out) ways.push_back({in, out});
    }
  }
  return ways;
}

std::vector<u256> amounts_of(Dex& dex, const At& at, Way way, Random& random, std::size_t count) {
  gantry_swap_limits limits{};
  if (dex.limits(at, way, limits) != GANTRY_OK) return {};
  const u256 least(limits.in_min);
  const u256 most(limits.in_max);
  // What most can take is often far more than what there is; most amounts are about what there is.
  const u256 held = std::min(dex.balance(at, way.in).value_or(most), most);
  const double low = std::log2(std::max(to_double(least), 1.0));
  const double high = std::log2(std::max(to_double(held), 2.0));
  std::vector<u256> amounts{least};
  while (amounts.size() + 1 < count) {
    const double at_random = static_cast<double>(random.below(1U << 20U)) / double{1U << 20U};
    u256 amount;
    if (!from_double_floor(std::exp2(low + (high - low) * at_random), amount)) break;
    amount = std::clamp(wrapping_add(amount, u256(random.below(1000))), least, most);
    amounts.push_back(amount);
  }
  amounts.push_back(most);
  std::ranges::sort(amounts);
  return amounts;
}

}  // namespace gantry::host::kit
