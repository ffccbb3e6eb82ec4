// Curve's pools are consistent in many numbers at once, so the recorded answers of real ones are
// what is begun from, and single numbers are moved.
#include "tests/fuzz/venue/scene.hpp"
#include "tests/plugins/curve/answers.hpp"

namespace gantry::fuzz {

namespace {

using test::RecordedPool;

constexpr std::size_t pools_of_variant_max = 3;

const std::vector<RecordedPool>& recorded() {
  static const std::vector<RecordedPool> pools = [] {
    std::vector<RecordedPool> all;
    for (const char* variant : {"3pool", "base", "factory_plain2", "factory_plain", "meta",
                                "factory_meta", "ng", "ng_meta", "twocrypto_ng", "tricrypto_ng"}) {
      auto some = test::read_answers(std::string(GANTRY_CURVE_ANSWERS) + "/" + variant + ".zst");
      if (some.size() > pools_of_variant_max) some.resize(pools_of_variant_max);
      for (auto& pool : some) all.push_back(std::move(pool));
    }
    return all;
  }();
  return pools;
}

}  // namespace

std::vector<std::vector<Parameter>> Scene::instances() {
  return {{{"variant"}, {"pending_routers"}, {"pending_pools"}}};
}

Scene::Scene(Input& in) : kind_(in.value<std::uint8_t>() % recorded().size()) {
  const RecordedPool& pool = recorded()[kind_];
  numbers_.push_back(u256(in.value<std::uint16_t>() % pool.states.size()));
  decimals = pool.decimals;
  metadata = "variant=" + pool.variant + " base_pool=0x00000000000000000000000000000000000000bb";
  if (in.one_in(16)) metadata.resize(in.value<std::uint8_t>() % metadata.size());
  time_s = pool.states[numbers_[0].limb(0)].time_s;
}

Bytes Scene::answer(const Question& question, Input& in) {
  const RecordedPool& pool = recorded()[kind_];
  if (question.source == GANTRY_SOURCE_EVM_CODE_HASH) return in.bytes(in.one_in(8) ? 31 : 32);
  const bool of_base = question.target.bytes[19] == 0xbb;
  for (std::size_t i = 0; i < pool.asks.size(); ++i) {
    if (pool.asks[i].of_base != of_base || pool.asks[i].payload != question.payload) continue;
    Bytes answer = pool.states[numbers_[0].limb(0)].answers[i];
    if (!in.one_in(8) || answer.size() < 32) return answer;
    const u256 before = load_be(answer.data() + answer.size() - 32);
    const u256 now = in.below(2) == 0 ? shift_right(before, in.below(64))
                                      : wrapping_add(before, u256(in.amount()));
    store_be(now, answer.data() + answer.size() - 32);
    return answer;
  }
  return {};
}

// No log is asked for: one that comes has to be refused or passed over.
Log Scene::log(Input& in) { return {in.bytes(32), in.bytes(in.below(70))}; }

}  // namespace gantry::fuzz
