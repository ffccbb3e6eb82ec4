// What a venue is handed by others: pools, facts, states, overlays, orders and cursors that nobody
// checked, through the C table of the real uniswap_v2. It may refuse; what it answers has to hold.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "gantry/dex.h"
#include "gantry/plugin.h"
#include "gantry/u256.hpp"
#include "host/market/state_store.hpp"
#include "host/plan/instructions.hpp"
#include "tests/fuzz/input.hpp"

extern "C" const gantry_plugin_entry gantry_plugin;  // linked in, not loaded

namespace {

using namespace gantry;
using namespace gantry::host;
using gantry::fuzz::Input;
using gantry::fuzz::must;

const gantry_host quiet_host{nullptr,
                             {"fuzz", 4},
                             [](void*, std::int32_t, gantry_string) {},
                             [](void*, gantry_string, std::uint64_t) {},
                             [](void*, gantry_string, double) {},
                             [](void*, const char*) -> const void* { return nullptr; }};

struct Venue {
  const gantry_dex_v1* table;
  gantry_dex_instance* object = nullptr;

  explicit Venue(std::int64_t fee_bps, gantry_string factory = {"", 0})
      : table(static_cast<const gantry_dex_v1*>(gantry_plugin.get_interface(GANTRY_DEX_ID))) {
    std::array<gantry_parameter, 5> parameters{};
    parameters[0].name = {"fee_bps", 7};
    parameters[0].type = GANTRY_PARAMETER_INTEGER;
    parameters[0].integer = fee_bps;
    parameters[1].name = {"factory", 7};
    parameters[1].type = GANTRY_PARAMETER_STRING;
    parameters[1].string = factory;
    parameters[2].name = {"init_code_hash", 14};
    parameters[2].type = GANTRY_PARAMETER_STRING;
    parameters[2].string = {"", 0};
    parameters[3].name = {"discover_tokens", 15};
    parameters[3].type = GANTRY_PARAMETER_STRING;
    parameters[3].string = {"", 0};
    parameters[4].name = {"pending_routers", 15};
    parameters[4].type = GANTRY_PARAMETER_STRING;
    parameters[4].string = {"", 0};
    gantry_instance_config config{};
    config.parameters = parameters.data();
    config.parameter_count = parameters.size();
    gantry_error error{};
    must(table->create(&quiet_host, &config, &object, &error) == GANTRY_OK);
  }
};

constexpr std::array<std::uint8_t, 32> sync_topic = {
    0x1c, 0x41, 0x1e, 0x9a, 0x96, 0xe0, 0x71, 0x24, 0x1c, 0x2f, 0x21, 0xf7, 0x72, 0x6b, 0x17, 0xae,
    0x89, 0xe3, 0xca, 0xb4, 0xc7, 0x8b, 0xe5, 0x0e, 0x06, 0x2b, 0x03, 0xa9, 0xff, 0xfb, 0xba, 0xd1};

constexpr std::array<std::uint8_t, 32> pair_created_topic = {
    0x0d, 0x36, 0x48, 0xbd, 0x0f, 0x6b, 0xa8, 0x01, 0x34, 0xa3, 0x3b, 0xa9, 0x27, 0x5a, 0xc5, 0x85,
    0xd9, 0xd3, 0x15, 0xf0, 0xad, 0x83, 0x55, 0xcd, 0xde, 0xfd, 0xe3, 0x1a, 0xfa, 0x28, 0xd0, 0xe9};

constexpr std::string_view factory_text = "0x00000000000000000000000000000000000000fa";

gantry_address factory_address() {
  gantry_address address{};
  address.kind = GANTRY_ADDRESS_EVM;
  address.length = 20;
  address.bytes[19] = 0xfa;
  return address;
}

// One pool from open_pool() on, in the host's own store of states.
class Pool {
 public:
  Pool(const Venue& venue, Input& in) : venue_(venue), in_(in) {
    store_.begin(1, 1);
    context_.chain = {"eip155:1", 8};
    for (auto& token : tokens_) {
      token = {fuzz::address(in), in.below(19), 0};
    }
    spec_.address = fuzz::address(in);
    spec_.tokens = tokens_.data();
    spec_.token_count = in.one_in(8) ? in.below(4) : 2;
    metadata_ = in.bytes(in.below(4));
    spec_.metadata = {metadata_.data(), metadata_.size()};
    open();
  }

  void step() {
    switch (in_.below(11)) {
      case 0:
        open();
        break;
      case 1:
      case 2:
        apply();
        break;
      case 3:
        forge();
        break;
      case 4:
        request();
        break;
      case 5:
        limits();
        break;
      case 6:
        build();
        break;
      case 7:
        view_with_any_room();
        break;
      case 8:
        discover();
        break;
      default:
        quote();
        break;
    }
  }

 private:
  gantry_state_writer writer() {
    return {&store_, [](void* self, std::uint32_t index, std::uint64_t size) {
              return static_cast<StateStore*>(self)->chunk(index, size);
            }};
  }

  gantry_pool_state state() {
    gantry_pool_state state{};
    if (const gantry_state* base = store_.tree().find(0)) state.base = *base;
    state.overlay = {overlay_.data(), overlay_.size()};
    state.context = &context_;
    return state;
  }

  void open() {
    gantry_pool_traits traits{};
    gantry_error error{};
    const auto target = writer();
    store_.open(0);
    if (venue_.table->open_pool(venue_.object, &spec_, &target, &traits, &error) == GANTRY_OK) {
      must(traits.overlay_bytes <= GANTRY_OVERLAY_BYTES_MAX);
      store_.commit();
    } else {
      store_.abandon();
    }
  }

  void apply() {
    std::array<gantry_fact, 3> facts{};
    std::array<std::vector<std::uint8_t>, 3> data;
    std::array<std::vector<std::uint8_t>, 3> topics;
    const std::uint32_t count = in_.below(4);
    for (std::uint32_t i = 0; i < count; ++i) {
      gantry_fact& fact = facts[i];
      const bool log = in_.below(2) == 0;
      fact.tag = in_.one_in(4) ? in_.below(3) : 0;
      fact.source = in_.one_in(16) ? in_.value<std::int32_t>()
                    : log          ? GANTRY_SOURCE_EVM_LOG
                                   : GANTRY_SOURCE_EVM_CALL;
      fact.status = in_.one_in(16) ? in_.value<gantry_status>() : GANTRY_OK;
      fact.block = in_.value<std::uint16_t>();
      fact.emitter = spec_.address;
      topics[i] = in_.one_in(8) ? in_.bytes(in_.below(40))
                                : std::vector<std::uint8_t>(sync_topic.begin(), sync_topic.end());
      data[i].resize(in_.one_in(16) ? in_.below(120) : (log ? 64U : 96U));
      for (std::size_t word = 0; word + 32 <= data[i].size(); word += 32) {
        const std::size_t bytes = in_.one_in(8) ? 32 : 14;  // reserves have 112 bits
        in_.fill(data[i].data() + word + 32 - bytes, bytes);
      }
      fact.data = {data[i].data(), data[i].size()};
      fact.topics = {topics[i].data(), topics[i].size()};
    }
    store_.open(0);
    const gantry_state old = store_.current();
    const auto target = writer();
    const auto status =
        venue_.table->apply(venue_.object, &context_, &old, facts.data(), count, &target);
    if (status == GANTRY_OK || status == GANTRY_NEED_STATE) {
      store_.commit();
    } else {
      store_.abandon();
    }
  }

  // A state, or an overlay, that this plugin never wrote.
  void forge() {
    const std::size_t size = in_.one_in(4) ? in_.below(100) : 48;
    if (in_.below(2) == 0) {
      overlay_ = in_.bytes(size);
      return;
    }
    if (size == 0) return;
    store_.open(0);
    if (std::uint8_t* chunk = store_.chunk(0, size)) in_.fill(chunk, size);
    store_.commit();
  }

  void request() {
    const gantry_state state = this->state().base;
    const gantry_request_sink sink{
        nullptr, [](void*, const gantry_request* request) -> gantry_status {
          must(request->payload.size == 0 || request->payload.data != nullptr);
          return request->payload.size > 68 ? GANTRY_REFUSED : GANTRY_OK;
        }};
    venue_.table->requests(venue_.object, &context_, &spec_, &state, in_.below(3), &sink);
  }

  void limits() {
    const gantry_pool_state state = this->state();
    const std::uint32_t token_in = in_.handle(1);
    const std::uint32_t token_out = in_.handle(1);
    gantry_swap_limits limits{};
    if (venue_.table->limits(venue_.object, &state, token_in, token_out, &limits) == GANTRY_OK) {
      must(u256(limits.in_min) <= u256(limits.in_max));
      gantry_quote most{};
      const gantry_swap swap{limits.in_max, token_in, token_out, GANTRY_EXACT_IN, 0};
      must(venue_.table->quote(venue_.object, &state, &swap, &most, nullptr) == GANTRY_OK);
      must(u256(most.amount_out) <= u256(limits.out_max));
    }
    std::vector<gantry_segment> segments(in_.below(3));
    std::uint32_t count = 0;
    const auto capacity = static_cast<std::uint32_t>(segments.size());
    if (venue_.table->segments(venue_.object, &state, token_in, token_out, segments.data(),
                               capacity, &count) == GANTRY_OK) {
      must(count <= capacity);
    }
  }

  void build() {
    const gantry_pool_state state = this->state();
    gantry_swap_order order{};
    order.swap = {in_.amount(), in_.handle(1), in_.handle(1), GANTRY_EXACT_IN, 0};
    order.out = in_.amount();
    order.min_out = in_.amount();
    order.sender = fuzz::address(in_);
    order.recipient = fuzz::address(in_);
    InstructionList list;
    const auto sink = list.sink();
    if (venue_.table->build_swap(venue_.object, &spec_, &state, &order, &sink) == GANTRY_OK) {
      must(!list.all().empty());
      must(u256(list.all().back().head.min_out) >= u256(order.min_out));
    }
  }

  void view_with_any_room() {
    const gantry_pool_state state = this->state();
    std::vector<gantry_amount> balances(in_.below(4));
    gantry_pool_view view{0, static_cast<std::uint32_t>(balances.size()), balances.data()};
    const auto status = venue_.table->view(venue_.object, &state, &view);
    if (status == GANTRY_OK) must(view.token_count <= balances.size());
  }

  // Rounds of discovery, mostly with an answer to each question of the one before.
  void discover() {
    if (in_.one_in(8)) cursor_ = in_.bytes(in_.below(200));
    for (std::uint32_t rounds = in_.below(8); rounds != 0; --rounds) discover_round();
  }

  void discover_round() {
    std::vector<gantry_fact> facts(in_.one_in(8) ? in_.below(6) : questions_);
    std::vector<std::vector<std::uint8_t>> data(facts.size());
    for (std::uint32_t i = 0; i < facts.size(); ++i) {
      gantry_fact& fact = facts[i];
      const bool log = in_.one_in(16);
      fact.source = log ? GANTRY_SOURCE_EVM_LOG : GANTRY_SOURCE_EVM_CALL;
      fact.tag = in_.one_in(32) ? in_.value<std::uint16_t>() : i;
      fact.status = in_.one_in(32) ? GANTRY_REFUSED : GANTRY_OK;
      fact.emitter = factory_address();
      data[i].resize(in_.one_in(32) ? in_.below(70) : (log ? 64 : 32));
      const std::size_t bytes = in_.one_in(32) ? in_.below(33) : 1;
      if (bytes <= data[i].size()) in_.fill(data[i].data() + data[i].size() - bytes, bytes);
      fact.data = {data[i].data(), data[i].size()};
      if (log) fact.topics = {pair_created_topic.data(), pair_created_topic.size()};
    }
    struct Asked {
      std::uint32_t calls = 0;
      std::uint32_t all = 0;
    } asked;
    const gantry_request_sink requests{
        &asked, [](void* self, const gantry_request* request) -> gantry_status {
          auto& count = *static_cast<Asked*>(self);
          must(request->payload.size != 0);
          must(++count.all <= 256);
          if (request->source == GANTRY_SOURCE_EVM_CALL) must(request->tag == count.calls++);
          return GANTRY_OK;
        }};
    const gantry_pool_sink pools{nullptr, [](void*, const gantry_pool_spec* spec) -> gantry_status {
                                   must(spec->token_count == 2 && spec->tokens[0].decimals <= 77);
                                   must(spec->address.kind == GANTRY_ADDRESS_EVM);
                                   return GANTRY_OK;
                                 }};
    std::vector<std::uint8_t> room(in_.one_in(8) ? in_.below(100) : 8192);
    gantry_buffer next{room.data(), room.size(), 0};
    const auto status = venue_.table->discover(
        venue_.object, &context_, {cursor_.data(), cursor_.size()}, facts.data(),
        static_cast<std::uint32_t>(facts.size()), &requests, &pools, &next);
    if (status == GANTRY_NEED_SIZE) must(next.size > room.size() && asked.all == 0);
    if (status != GANTRY_OK && status != GANTRY_NEED_STATE) return;
    must(next.size <= room.size());
    questions_ = asked.calls;
    must((status == GANTRY_NEED_STATE) == (asked.calls != 0));
    cursor_.assign(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(next.size));
  }

  void quote() {
    const gantry_pool_state state = this->state();
    gantry_swap swap{in_.amount(), in_.handle(1), in_.handle(1),
                     in_.below(2) == 0 ? GANTRY_EXACT_IN : GANTRY_EXACT_OUT, GANTRY_WANT_IMPACT};
    if (in_.one_in(32)) swap.mode = in_.value<std::int32_t>();
    alignas(16) std::array<std::uint8_t, 64> room{};
    gantry_buffer next{room.data(), in_.one_in(8) ? in_.below(64) : room.size(), 0};
    gantry_quote out{};
    const auto status = venue_.table->quote(venue_.object, &state, &swap, &out,
                                            in_.below(2) == 0 ? &next : nullptr);
    if (status != GANTRY_OK) return;
    std::array<gantry_amount, 2> balances{};
    gantry_pool_view view{0, 2, balances.data()};
    must(venue_.table->view(venue_.object, &state, &view) == GANTRY_OK);
    must(u256(out.amount_out) <= u256(balances[swap.token_out]));
    must(u256(swap.mode == GANTRY_EXACT_IN ? out.amount_in : out.amount_out) == u256(swap.amount));
    must(out.price_impact >= 0 && out.price_impact <= 1);
    if (next.size == 0) return;
    // The next state is one that can be quoted, and holds what was swapped.
    must(next.size <= next.capacity);
    gantry_pool_state after = state;
    after.overlay = {next.data, next.size};
    std::array<gantry_amount, 2> left{};
    gantry_pool_view view_after{0, 2, left.data()};
    if (venue_.table->view(venue_.object, &after, &view_after) != GANTRY_OK) return;
    must(wrapping_add(u256(left[swap.token_out]), u256(out.amount_out)) ==
         u256(balances[swap.token_out]));
    if (in_.below(2) == 0) overlay_.assign(next.data, next.data + next.size);
  }

  const Venue& venue_;
  Input& in_;
  StateStore store_;
  gantry_context context_{};
  std::array<gantry_pool_token, 4> tokens_{};
  std::vector<std::uint8_t> metadata_;
  gantry_pool_spec spec_{};
  std::vector<std::uint8_t> cursor_;
  std::uint32_t questions_ = 0;        // of the last round of discovery
  std::vector<std::uint8_t> overlay_;  // operator new aligns to 16, as the host does
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::array<Venue, 4> venues{Venue(30), Venue(0), Venue(9999),
                                           Venue(30, {factory_text.data(), factory_text.size()})};
  Input in(data, size);
  Pool pool(venues[in.below(4)], in);
  for (int steps = 0; steps < 64 && !in.empty(); ++steps) pool.step();
  return 0;
}
