#include "tests/sdk/venue_library.hpp"

#include <catch2/catch.hpp>

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

gantry_address evm_address(std::uint8_t last) {
  gantry_address address{};
  address.kind = GANTRY_ADDRESS_EVM;
  address.length = 20;
  address.bytes[19] = last;
  return address;
}

}  // namespace

VenueLibrary::VenueLibrary(const char* path, std::int64_t fee_bps)
    : library_(path), table_(library_.table<gantry_dex_v1>(GANTRY_DEX_ID)) {
  // Every parameter that one of these venues has; the fee is the first of each.
  gantry_parameter parameters[5] = {};
  parameters[0].name = {"fee_bps", 7};
  parameters[0].type = GANTRY_PARAMETER_INTEGER;
  parameters[0].integer = fee_bps;
  parameters[1].name = {"factory", 7};
  parameters[2].name = {"init_code_hash", 14};
  parameters[3].name = {"discover_tokens", 15};
  parameters[4].name = {"pending_routers", 15};
  for (gantry_parameter* text : {&parameters[1], &parameters[2], &parameters[3], &parameters[4]}) {
    text->type = GANTRY_PARAMETER_STRING;
    text->string = {"", 0};
  }
  const gantry_instance_config config{{"venue", 5}, {"eip155:1", 8}, parameters, 5, 0};
  REQUIRE(table_->create(&PluginLibrary::silent_host(), &config, &instance_, &error_) == GANTRY_OK);
  context_.chain = {"eip155:1", 8};
}

VenueLibrary::~VenueLibrary() { table_->destroy(instance_); }

gantry_status VenueLibrary::open(std::uint32_t decimals0, std::uint32_t decimals1) {
  tokens_[0] = {evm_address(1), decimals0, 0};
  tokens_[1] = {evm_address(2), decimals1, 0};
  spec_.address = evm_address(0xaa);
  spec_.tokens = tokens_;
  spec_.token_count = 2;
  const auto writer = writer_into(memory_);
  return table_->open_pool(instance_, &spec_, &writer, &traits_, &error_);
}

std::vector<gantry_request> VenueLibrary::requests() {
  std::vector<gantry_request> all;
  const gantry_request_sink sink{
      &all, [](void* self, const gantry_request* request) -> gantry_status {
        auto& kept = static_cast<std::vector<gantry_request>*>(self)->emplace_back(*request);
        kept.payload.data = nullptr;  // the plugin's, and gone when emit() returns
        return GANTRY_OK;
      }};
  const auto now = state(nullptr);
  REQUIRE(table_->requests(instance_, &context_, &spec_, &now.base, 0, &sink) == GANTRY_OK);
  return all;
}

gantry_status VenueLibrary::apply(const std::vector<u256>& words, bool together) {
  std::vector<std::uint8_t> bytes(words.size() * 32);
  std::vector<gantry_fact> facts;
  for (std::size_t i = 0; i < words.size(); ++i) {
    store_be(words[i], &bytes[32 * i]);
    gantry_fact fact{};
    fact.source = GANTRY_SOURCE_EVM_CALL;
    fact.tag = static_cast<std::uint32_t>(i);
    fact.data = {&bytes[32 * i], 32};
    if (!together || i == 0) facts.push_back(fact);
  }
  if (together) facts[0].data.size = bytes.size();
  auto after = memory_;
  const auto writer = writer_into(after);
  const auto now = state(nullptr);
  const auto status = table_->apply(instance_, &context_, &now.base, facts.data(),
                                    static_cast<std::uint32_t>(facts.size()), &writer);
  if (status == GANTRY_OK) memory_ = std::move(after);
  return status;
}

gantry_pool_state VenueLibrary::state(const std::vector<std::uint8_t>* overlay) const {
  chunks_.clear();
  for (const auto& [index, chunk] : memory_) {
    chunks_.resize(index + 1, {nullptr, 0});
    chunks_[index] = {chunk.data(), chunk.size()};
  }
  gantry_pool_state state{};
  state.base = {chunks_.data(), static_cast<std::uint32_t>(chunks_.size()), 0};
  if (overlay != nullptr) state.overlay = {overlay->data(), overlay->size()};
  state.context = &context_;
  return state;
}

gantry_status VenueLibrary::quote(const gantry_swap& swap, gantry_quote& out,
                                  std::vector<std::uint8_t>* next,
                                  const std::vector<std::uint8_t>* overlay) const {
  const auto now = state(overlay);
  if (next == nullptr) return table_->quote(instance_, &now, &swap, &out, nullptr);
  gantry_buffer buffer{next->data(), next->size(), 0};
  const auto status = table_->quote(instance_, &now, &swap, &out, &buffer);
  next->resize(buffer.size);
  return status;
}

gantry_status VenueLibrary::quote_many(const std::vector<gantry_swap>& swaps, gantry_quote* quotes,
                                       gantry_status* statuses) const {
  const auto now = state(nullptr);
  return table_->quote_many(instance_, &now, swaps.data(), static_cast<std::uint32_t>(swaps.size()),
                            quotes, statuses);
}

gantry_status VenueLibrary::limits(std::uint32_t in, std::uint32_t out,
                                   gantry_swap_limits& limits) const {
  const auto now = state(nullptr);
  return table_->limits(instance_, &now, in, out, &limits);
}

gantry_status VenueLibrary::segments(std::uint32_t in, std::uint32_t out,
                                     std::vector<gantry_segment>& segments) const {
  const auto now = state(nullptr);
  auto count = static_cast<std::uint32_t>(segments.size());
  const auto status = table_->segments(instance_, &now, in, out, segments.data(), count, &count);
  if (status == GANTRY_OK) segments.resize(count);
  return status;
}

gantry_status VenueLibrary::view(std::vector<u256>& balances, std::uint32_t room,
                                 std::uint32_t* fee) const {
  const auto now = state(nullptr);
  std::vector<gantry_amount> raw(room);
  gantry_pool_view view{0, room, raw.data()};
  const auto status = table_->view(instance_, &now, &view);
  if (status == GANTRY_OK) balances = {u256(raw[0]), u256(raw[1])};
  if (status == GANTRY_OK && fee != nullptr) *fee = view.fee;
  CHECK(view.token_count == 2);
  return status;
}

gantry_status VenueLibrary::build(const gantry_swap_order& order, gantry_instruction& out,
                                  std::vector<std::uint8_t>& data) const {
  struct Kept {
    gantry_instruction& instruction;
    std::vector<std::uint8_t>& data;
  } kept{out, data};
  const gantry_instruction_sink sink{
      &kept, [](void* self, const gantry_instruction* instruction) -> gantry_status {
        auto& to = *static_cast<Kept*>(self);
        to.instruction = *instruction;
        to.data.assign(instruction->data.data, instruction->data.data + instruction->data.size);
        return GANTRY_OK;
      }};
  const auto now = state(nullptr);
  return table_->build_swap(instance_, &spec_, &now, &order, &sink);
}

}  // namespace gantry::test
