#include <string>

#include "plugins/dex/balancer/fixed_point.hpp"
#include "plugins/dex/balancer/variants.hpp"
#include "tests/fuzz/venue/scene.hpp"

namespace gantry::fuzz {

namespace {

using balancer::one;
using balancer::Rates;

const balancer::Variant& variant(std::size_t kind) { return balancer::variants()[kind]; }

u256 scaling_of(std::uint32_t decimals) {
  std::uint64_t factor = 1;
  for (; decimals < 18; ++decimals) factor *= 10;
  return factor;
}

// 0.01 to 50: more than rates move.
u256 rate_of(Input& in) {
  return in.one_in(4) ? u256(one / 100 * (1 + in.value<std::uint16_t>() % 5000)) : u256(one);
}

}  // namespace

std::vector<std::vector<Parameter>> Scene::instances() {
  const auto with = [](const char* variant) {
    return std::vector<Parameter>{{"variant", variant},
                                  {"vault", "0x00000000000000000000000000000000000000f2"},
                                  {"vault_v3", "0x00000000000000000000000000000000000000f3"},
                                  {"router_v3"},
                                  {"pending_routers"},
                                  {"wrapped_native"}};
  };
  return {with(""), with("20210418-weighted-pool")};
}

// numbers_ are balances, then rates, of each token.
Scene::Scene(Input& in) : kind_(in.value<std::uint8_t>() % balancer::variants().size()) {
  const std::size_t count = 2 + in.below(balancer::tokens_max);
  for (std::size_t i = 0; i < count; ++i) decimals.push_back(18 - in.below(19));
  for (std::size_t i = 0; i < count; ++i) {
    numbers_.push_back(u256(in.one_in(8) ? in.value<std::uint32_t>()
                                         : one / 1000 + in.value<std::uint64_t>() / 4));
  }
  for (std::size_t i = 0; i < count; ++i) numbers_.push_back(rate_of(in));
  if (in.below(2) == 0) return;  // it is asked for its version
  metadata = "variant=" + std::string(variant(kind_).deployment);
  if (in.one_in(4)) metadata += " vault=0x00000000000000000000000000000000000000f4";
  if (in.one_in(16)) metadata.resize(in.value<std::uint8_t>() % metadata.size());
}

Bytes Scene::answer(const Question& question, Input& in) {
  const std::size_t count = decimals.size();
  const balancer::Variant& kind = variant(kind_);
  std::vector<u256> tokens;
  std::vector<u256> balances(numbers_.begin(),
                             numbers_.begin() + static_cast<std::ptrdiff_t>(count));
  std::vector<u256> rates(numbers_.begin() + static_cast<std::ptrdiff_t>(count), numbers_.end());
  std::vector<u256> scalings;
  std::vector<u256> live;
  for (std::size_t i = 0; i < count; ++i) {
    tokens.push_back(word_of(token(i)));
    scalings.push_back(scaling_of(decimals[i]));
    u256& value = live.emplace_back();
    (void)balancer::mul_down(balances[i], wrapping_mul(scalings[i], rates[i]), value);
  }
  const u256 amp(1000U * (1 + in.value<std::uint8_t>() * std::uint64_t{in.below(40)}));
  const bool moves = in.one_in(4);
  if (question.source == GANTRY_SOURCE_EVM_STORAGE) {  // a ramp of the amplification
    return WordList().add(u256::from_limbs(amp.limb(0), amp.limb(0), 1, time_s + 7200));
  }
  switch (question.selector()) {
    case 0x54fd4d50: {  // version()
      const std::string deployment(kind.deployment);
      return WordList().add_text(R"({"name":"Pool","version":1,"deployment":")" + deployment +
                                 "\"}");
    }
    case 0x38fff2d0:  // getPoolId(): the address first
      return WordList().add(shift_left(word_of(pool()), 96));
    case 0x238a2d59: {  // getRateProviders()
      std::vector<u256> providers(count);
      for (u256& provider : providers) provider = u256(in.below(2) * 0x70U);
      return WordList().add_arrays({providers});
    }
    case 0xf94d4668: {  // getPoolTokens(bytes32)
      WordList words;
      words.add(96).add(96 + 32 * (count + 1)).add(9).add(count);
      for (const u256& each : tokens) words.add(each);
      words.add(count);
      for (const u256& each : balances) words.add(moves ? shift_right(each, in.below(16)) : each);
      return words;
    }
    case 0xb05f8e48:  // getPoolTokenInfo(bytes32,address)
      return WordList().add(5).add(in.one_in(32) ? 1U : 0U).add(9).add(0);
    case 0x55c67628:  // getSwapFeePercentage()
      return WordList().add(u256(one / 10'000 * in.value<std::uint8_t>()));
    case 0x1c0de051:  // getPausedState()
      return WordList().add(in.one_in(32) ? 1U : 0U).add(1).add(2);
    case 0xf89f27ed: {  // getNormalizedWeights()
      std::vector<u256> weights;
      std::uint64_t left = one;
      for (std::size_t i = 0; i + 1 < count; ++i) {
        const std::uint64_t weight =
            one / 100 * (1 + in.below(static_cast<std::uint32_t>(90 / count)));
        weights.emplace_back(weight);
        left -= weight;
      }
      weights.emplace_back(left);
      return WordList().add_arrays({weights});
    }
    case 0x6daccffa:  // getAmplificationParameter()
      return WordList().add(amp).add(moves ? 1U : 0U).add(1000);
    case 0x7f1260d1: {  // getTokenRateCache(address)
      WordList words;
      words.add(rate_of(in));
      if (kind.rates == Rates::cache_of_4) words.add(rate_of(in));
      return words.add(3600).add(time_s + in.value<std::uint16_t>());
    }
    case 0xb867ee5a:  // getPriceRateCache(address)
      return WordList().add(rate_of(in)).add(3600).add(time_s + in.value<std::uint16_t>());
    case 0x679aefce:  // getRate()
      return WordList().add(rate_of(in));
    case 0x67e0e076: {  // getPoolTokenInfo(address): arrays of words, of three words, of words
      const std::size_t plain = 32 * (count + 1);
      WordList words;
      words.add(128).add(128 + plain).add(128 + plain + 32 * (3 * count + 1));
      words.add(128 + 2 * plain + 32 * (3 * count + 1)).add(count);
      for (const u256& each : tokens) words.add(each);
      words.add(count);
      for (const u256& rate : rates) {
        const std::uint64_t with_rate = rate == u256(one) ? 0 : 1;
        words.add(with_rate).add(77 * with_rate).add(moves ? with_rate : 0);
      }
      words.add(count);
      for (const u256& each : balances) words.add(each);
      words.add(count);
      for (const u256& each : live) words.add(moves ? shift_right(each, 1) : each);
      return words;
    }
    case 0x7e361bde:  // getPoolTokenRates(address)
      return WordList().add_arrays({scalings, rates});
    case 0xf29486a1: {  // getPoolConfig(address)
      WordList words;
      for (std::uint64_t i = 0; i < 13; ++i) words.add(i == 9 || i == 10 ? 1U : 0U);
      Bytes config = words;
      store_be(u256(one / 10'000 * in.value<std::uint8_t>()), config.data() + 4 * 32);
      store_be(u256(one / 100 * in.below(101)), config.data() + 5 * 32);
      store_be(u256(one / 100 * in.below(101)), config.data() + 6 * 32);
      config.back() = in.one_in(16) ? 1 : 0;  // recovery
      return config;
    }
    case 0xce8630d4: {  // getHooksConfig(address)
      WordList words;
      for (int i = 0; i < 11; ++i) words.add(in.one_in(64) ? 1U : 0U);
      return words;
    }
    case 0x535cfd8a:  // getCurrentLiveBalances(address)
      return moves ? Bytes() : Bytes(WordList().add_arrays({live}));
    case 0x6c9bc732:  // isPoolPaused(address)
    case 0x098401f5:  // isVaultPaused()
      return WordList().add(in.one_in(32) ? 1U : 0U);
    case 0xe2cb0ba0:  // getMinimumTradeAmount()
      return WordList().add(1'000'000);
    case 0xd67f280b:  // getMinTokenBalances()
      return WordList().add_arrays({std::vector<u256>(count, u256(1'000'000))});
    case 0x21da5e19:  // getAmplificationState()
      return WordList()
          .add(amp)
          .add(moves ? shift_left(amp, 1) : amp)
          .add(time_s)
          .add(time_s + 7200)
          .add(1000);
    default:
      return {};
  }
}

// No log is asked for: one that comes is passed over.
Log Scene::log(Input& in) { return {in.bytes(32), in.bytes(in.below(70))}; }

}  // namespace gantry::fuzz
