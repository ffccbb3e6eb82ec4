#include "plugins/curve/curve_pool.hpp"

#include <algorithm>
#include <stdexcept>

namespace gantry::test {
namespace {

using Chunks = std::map<std::uint32_t, std::vector<std::uint8_t>>;

gantry_state_writer writer_into(Chunks& chunks) {
  return {&chunks, [](void* self, std::uint32_t index, std::uint64_t size) -> std::uint8_t* {
            auto& chunk = (*static_cast<Chunks*>(self))[index];
            chunk.assign(size, 0);
            return chunk.data();
          }};
}

gantry_string text(const std::string& s) { return {s.data(), s.size()}; }

constexpr std::uint8_t pool_byte = 0xaa;

}  // namespace

gantry_address evm_address(std::uint8_t last) {
  gantry_address address{};
  address.kind = GANTRY_ADDRESS_EVM;
  address.length = 20;
  address.bytes[19] = last;
  return address;
}

gantry_swap exact_in(const RecordedExchange& exchange) {
  return {exchange.amount, exchange.in, exchange.out, GANTRY_EXACT_IN, 0};
}

std::string metadata_of(const RecordedPool& pool) {
  std::string metadata =
      "variant=" + pool.variant + " base_pool=0x00000000000000000000000000000000000000bb";
  if (pool.variant == "meta_rai") {
    metadata += " redemption_price_snap=0x00000000000000000000000000000000000000cc";
  }
  return metadata;
}

std::vector<std::uint8_t> code_hash_of(const RecordedPool& pool) {
  std::vector<std::uint8_t> hash;
  for (std::size_t i = 0; i + 1 < pool.code.size(); i += 2) {
    hash.push_back(static_cast<std::uint8_t>(std::stoul(pool.code.substr(i, 2), nullptr, 16)));
  }
  return hash;
}

CurvePool::CurvePool(const std::string& parameter)
    : library_(GANTRY_CURVE_PLUGIN), table_(library_.table<gantry_dex_v1>(GANTRY_DEX_ID)) {
  gantry_parameter parameters[3] = {};
  const char* names[] = {"variant", "pending_routers", "pending_pools"};
  for (std::size_t i = 0; i < 3; ++i) {
    parameters[i].name = {names[i], std::char_traits<char>::length(names[i])};
    parameters[i].type = GANTRY_PARAMETER_STRING;
  }
  parameters[0].string = text(parameter);
  const gantry_instance_config config{{"curve", 5}, {"eip155:1", 8}, parameters, 3, 0};
  gantry_error error{};
  host_ = PluginLibrary::silent_host();
  host_.self = &lines_;
  host_.log = [](void* self, std::int32_t severity, gantry_string line) {
    static_cast<std::vector<Line>*>(self)->push_back({severity, {line.data, line.size}});
  };
  if (table_->create(&host_, &config, &instance_, &error) != GANTRY_OK) {
    throw std::runtime_error(error.message);
  }
  context_.chain = {"eip155:1", 8};
}

CurvePool::~CurvePool() {
  if (instance_ != nullptr) table_->destroy(instance_);
}

gantry_status CurvePool::open(const std::vector<std::uint32_t>& decimals,
                              const std::string& metadata) {
  tokens_.clear();
  for (const std::uint32_t d : decimals) {
    tokens_.push_back({evm_address(static_cast<std::uint8_t>(tokens_.size() + 1)), d, 0});
  }
  metadata_ = metadata;
  spec_.address = evm_address(pool_byte);
  spec_.tokens = tokens_.data();
  spec_.token_count = static_cast<std::uint32_t>(tokens_.size());
  spec_.metadata = {reinterpret_cast<const std::uint8_t*>(metadata_.data()), metadata_.size()};
  memory_.clear();
  const auto writer = writer_into(memory_);
  gantry_error error{};
  const auto status = table_->open_pool(instance_, &spec_, &writer, &traits_, &error);
  error_ = error.message;
  return status;
}

std::vector<AskedOfChain> CurvePool::requests(std::uint32_t round) {
  std::vector<AskedOfChain> all;
  const gantry_request_sink sink{
      &all, [](void* self, const gantry_request* request) -> gantry_status {
        auto& kept = static_cast<std::vector<AskedOfChain>*>(self)->emplace_back();
        kept.fields = *request;
        kept.payload.assign(request->payload.data, request->payload.data + request->payload.size);
        return GANTRY_OK;
      }};
  const auto now = state(nullptr);
  REQUIRE(table_->requests(instance_, &context_, &spec_, &now.base, round, &sink) == GANTRY_OK);
  return all;
}

gantry_status CurvePool::apply(const std::vector<gantry_fact>& facts) {
  const auto now = state(nullptr);
  Chunks written;
  const auto writer = writer_into(written);
  const auto status = table_->apply(instance_, &context_, &now.base, facts.data(),
                                    static_cast<std::uint32_t>(facts.size()), &writer);
  if (status == GANTRY_OK || status == GANTRY_NEED_STATE) {
    for (auto& [index, bytes] : written) memory_[index] = std::move(bytes);
  }
  return status;
}

std::vector<std::pair<AskedOfChain, std::vector<std::uint8_t>>> CurvePool::answered(
    const RecordedPool& recorded, const RecordedState& state) {
  std::vector<std::pair<AskedOfChain, std::vector<std::uint8_t>>> all;
  for (AskedOfChain& asked : requests()) {
    if (asked.fields.source == GANTRY_SOURCE_EVM_CODE_HASH) {
      all.emplace_back(std::move(asked), code_hash_of(recorded));
      continue;
    }
    const bool of_base = asked.fields.target.bytes[19] != pool_byte;
    const auto same = [&](const RecordedQuestion& question) {
      return question.of_base == of_base && question.payload == asked.payload;
    };
    const auto found = std::ranges::find_if(recorded.asks, same);
    if (found == recorded.asks.end()) throw std::runtime_error("it asks what was not recorded");
    all.emplace_back(std::move(asked),
                     state.answers[static_cast<std::size_t>(found - recorded.asks.begin())]);
  }
  return all;
}

gantry_status CurvePool::feed(const RecordedPool& recorded, const RecordedState& state) {
  set_time(state.time_s);
  const auto known = answered(recorded, state);
  std::vector<gantry_fact> facts;
  for (const auto& [asked, answer] : known) {
    gantry_fact fact{};
    fact.source = asked.fields.source;
    fact.tag = asked.fields.tag;
    fact.block = 1;
    fact.emitter = asked.fields.target;
    fact.data = {answer.data(), answer.size()};
    facts.push_back(fact);
  }
  return apply(facts);
}

gantry_pool_state CurvePool::state(const Overlay* overlay) const {
  chunks_.clear();
  for (const auto& [index, bytes] : memory_) {
    chunks_.resize(index + 1U, gantry_bytes{});
    chunks_[index] = {bytes.data(), bytes.size()};
  }
  gantry_pool_state now{};
  now.base = {chunks_.data(), static_cast<std::uint32_t>(chunks_.size()), 0};
  if (overlay != nullptr) now.overlay = {overlay->data(), overlay->size()};
  now.context = &context_;
  return now;
}

gantry_status CurvePool::quote(const gantry_swap& swap, gantry_quote& out, Overlay* next,
                               const Overlay* overlay) const {
  const auto now = state(overlay);
  if (next == nullptr) return table_->quote(instance_, &now, &swap, &out, nullptr);
  next->resize(traits_.overlay_bytes);
  gantry_buffer buffer{next->data(), next->size(), 0};
  const auto status = table_->quote(instance_, &now, &swap, &out, &buffer);
  next->resize(buffer.size);
  return status;
}

gantry_status CurvePool::limits(std::uint32_t in, std::uint32_t out,
                                gantry_swap_limits& limits) const {
  const auto now = state(nullptr);
  return table_->limits(instance_, &now, in, out, &limits);
}

gantry_status CurvePool::view(std::vector<u256>& balances, const Overlay* overlay,
                              std::uint32_t* fee) const {
  const auto now = state(overlay);
  std::vector<gantry_amount> amounts(tokens_.size());
  gantry_pool_view seen{0, spec_.token_count, amounts.data()};
  const auto status = table_->view(instance_, &now, &seen);
  if (fee != nullptr) *fee = seen.fee;
  balances.clear();
  for (const gantry_amount& amount : amounts) balances.emplace_back(amount);
  return status;
}

gantry_status CurvePool::build(const gantry_swap_order& order, gantry_instruction& out,
                               std::vector<std::uint8_t>& data) const {
  struct Kept {
    gantry_instruction& out;
    std::vector<std::uint8_t>& data;
  } kept{out, data};
  const gantry_instruction_sink sink{
      &kept, [](void* self, const gantry_instruction* instruction) -> gantry_status {
        auto& to = *static_cast<Kept*>(self);
        to.out = *instruction;
        to.data.assign(instruction->data.data, instruction->data.data + instruction->data.size);
        return GANTRY_OK;
      }};
  const auto now = state(nullptr);
  return table_->build_swap(instance_, &spec_, &now, &order, &sink);
}

}  // namespace gantry::test
