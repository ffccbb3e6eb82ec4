#include "plugins/dex/uniswap_v3/abi.hpp"
#include "plugins/dex/uniswap_v3/tick_math.hpp"
#include "tests/fuzz/venue/scene.hpp"

namespace gantry::fuzz {

namespace {

using uniswap_v3::sqrt_at_tick;
using uniswap_v3::tick_max;

constexpr std::uint32_t spacings[] = {1, 10, 60, 200, 16383};

// Mostly near the middle, where positions are.
std::int32_t tick_of(Input& in) {
  if (!in.one_in(8)) return in.value<std::int16_t>();
  return in.value<std::int32_t>() % tick_max;
}

std::int32_t position_edge(Input& in, std::int32_t spacing) {
  const std::int32_t tick = tick_of(in);
  return tick - tick % spacing;
}

Bytes topic(const evm::Topic& topic) { return {topic.begin(), topic.end()}; }

Bytes joined(Bytes first, const Bytes& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

}  // namespace

std::vector<std::vector<Parameter>> Scene::instances() {
  const auto with = [](const char* factory, std::int64_t words_around, const char* tokens = "") {
    return std::vector<Parameter>{{"factory", factory},
                                  {"router"},
                                  {"router_deadline", "", 1, GANTRY_PARAMETER_BOOLEAN},
                                  {"discover_tokens", tokens},
                                  {"words_around", "", words_around, GANTRY_PARAMETER_INTEGER},
                                  {"pending_routers"},
                                  {"init_code_hash"}};
  };
  return {with("", 1), with("", 4), with("0x00000000000000000000000000000000000000fa", 2),
          with("0x00000000000000000000000000000000000000fa", 2, three_tokens)};
}

Scene::Scene(Input& in) : decimals{18, 6}, kind_(spacings[in.below(5)]) {}

Bytes Scene::answer(const Question& question, Input& in) {
  const auto spacing = static_cast<std::int32_t>(kind_);
  switch (question.selector()) {
    case 0x3850c7bd: {  // slot0()
      const std::int32_t tick = tick_of(in);
      u256 sqrt = sqrt_at_tick(tick);
      if (in.below(2) == 0) {  // between two ticks
        const u256 gap = wrapping_sub(sqrt_at_tick(tick + 1), sqrt);
        sqrt = wrapping_add(sqrt, shift_right(gap, 1 + in.below(32)));
      }
      if (in.one_in(32))
        return WordList().add_arrays({}).add(0).add(0).add(0).add(0).add(0).add(0).add(1);
      return WordList().add(sqrt).add_signed(tick).add(1).add(1).add(1).add(0).add(
          in.one_in(16) ? 0U : 1U);
    }
    case 0x1a686502:  // liquidity()
      return WordList().add(shift_right(u256(in.amount()), in.below(200)));
    case 0xddca3f43:  // fee()
      return WordList().add(in.one_in(8) ? in.value<std::uint32_t>() : 500U * in.below(30));
    case 0xd0c93a7c:  // tickSpacing()
    case 0x22afcccb:  // feeAmountTickSpacing(uint24)
      return WordList().add(u256(kind_));
    case 0x1698ee82:  // getPool(address,address,uint24)
      return WordList().add(in.one_in(8) ? u256() : word_of(pool()));
    case 0x313ce567:  // decimals()
      return WordList().add(in.one_in(8) ? in.value<std::uint32_t>() : 18U);
    case 0x5339c296: {  // tickBitmap(int16): few bits, or many
      u256 bits = in.one_in(16) ? u256(in.value<gantry_amount>()) : u256();
      for (std::uint32_t set = in.below(4); set != 0; --set) {
        bits = bitwise_or(bits, shift_left(u256(1), in.value<std::uint8_t>()));
      }
      // None beyond the ends of what a price can be.
      const auto number = static_cast<std::int64_t>(question.argument(0));
      for (std::int64_t bit = 0; bit < 256; ++bit) {
        const std::int64_t tick = (number * 256 + bit) * spacing;
        if (tick >= -tick_max && tick <= tick_max) continue;
        const u256 mask = shift_left(u256(1), static_cast<unsigned>(bit));
        bits = bitwise_and(bits, bitwise_not(mask));
      }
      return WordList().add(bits);
    }
    case 0xf30dba93: {  // ticks(int24)
      const std::int64_t net = in.value<std::int64_t>();
      WordList words;
      words.add(in.one_in(16) ? u256(in.amount()) : u256(std::uint64_t{1} << 63U)).add_signed(net);
      for (int i = 0; i < 6; ++i) words.add(0);
      return words;
    }
    default:
      return {};
  }
}

Log Scene::log(Input& in) {
  const auto spacing = static_cast<std::int32_t>(kind_);
  const std::uint32_t kind = in.below(5);
  if (kind < 2) {
    const std::int32_t tick = tick_of(in);
    WordList data;
    data.add(in.amount()).add(in.amount()).add(sqrt_at_tick(tick));
    data.add(shift_right(u256(in.amount()), in.below(200))).add_signed(tick);
    if (kind == 0) return {topic(uniswap_v3::swap_topic), data};
    return {topic(uniswap_v3::pancake_swap_topic), data.add(0).add(0)};
  }
  if (kind == 2) {
    const std::int32_t tick = tick_of(in);
    return {topic(uniswap_v3::initialize_topic),
            WordList().add(sqrt_at_tick(tick)).add_signed(tick)};
  }
  const std::int32_t lower = position_edge(in, spacing);
  const std::int32_t upper = in.one_in(16) ? position_edge(in, spacing)
                                           : lower + spacing * (1 + in.value<std::uint8_t>() % 8);
  const Bytes edges = WordList().add(pool()).add_signed(lower).add_signed(upper);
  WordList data;
  if (kind == 3) data.add(pool());
  data.add(shift_right(u256(in.amount()), in.below(200))).add(1).add(1);
  return {joined(topic(kind == 3 ? uniswap_v3::mint_topic : uniswap_v3::burn_topic), edges), data};
}

}  // namespace gantry::fuzz
