#include "plugins/dex/uniswap_v2/abi.hpp"
#include "tests/fuzz/venue/scene.hpp"

namespace gantry::fuzz {

std::vector<std::vector<Parameter>> Scene::instances() {
  const auto with = [](std::int64_t fee_bps, const char* factory, const char* tokens = "") {
    return std::vector<Parameter>{{"fee_bps", "", fee_bps, GANTRY_PARAMETER_INTEGER},
                                  {"factory", factory},
                                  {"discover_tokens", tokens},
                                  {"init_code_hash"},
                                  {"pending_routers"}};
  };
  return {with(30, ""), with(9999, ""), with(0, ""),
          with(25, "0x00000000000000000000000000000000000000fa"),
          with(30, "0x00000000000000000000000000000000000000fa", three_tokens)};
}

Scene::Scene(Input& in) : decimals{18, in.below(19)} {}

Bytes Scene::answer(const Question& question, Input& in) {
  switch (question.selector()) {
    case 0x0902f1ac:  // getReserves()
      return WordList()
          .add(shift_right(u256(in.amount()), in.below(200)))
          .add(shift_right(u256(in.amount()), in.below(200)))
          .add(u256(in.value<std::uint32_t>()));
    case 0xe6a43905:  // getPair(address,address)
      return WordList().add(in.one_in(8) ? u256() : word_of(pool()));
    case 0x313ce567:  // decimals()
      return WordList().add(in.one_in(8) ? in.value<std::uint32_t>() : 18U);
    default:
      return {};
  }
}

Log Scene::log(Input& in) {
  const auto& topic = uniswap_v2::sync_topic;
  return {{topic.begin(), topic.end()}, WordList().add(in.amount()).add(in.amount())};
}

}  // namespace gantry::fuzz
