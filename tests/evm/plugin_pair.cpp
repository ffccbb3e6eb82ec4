#include "evm/plugin_pair.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "evm/integer_words.hpp"
#include "host/plugin/library.hpp"
#include "host/plugin/manifest.hpp"
#include "host/plugin/services.hpp"

namespace gantry::test {
namespace {

// anvil's chain id; the plugin is told, as an operator would tell it.
constexpr std::string_view chain = "eip155:31337";

gantry_string text(std::string_view s) { return {s.data(), s.size()}; }

std::string to_text(const gantry_bytes& bytes) { return to_hex({bytes.data, bytes.size}); }

std::string to_text(const gantry_address& address) {
  return to_hex({address.bytes, address.length});
}

// The pool's state in memory of its own, chunk by chunk.
class Chunks {
 public:
  gantry_state_writer writer() { return {.self = this, .chunk = &Chunks::take}; }

  // What was written becomes the state, the rest stays; or nothing does.
  void publish() {
    for (Chunk& chunk : written_) {
      if (chunks_.size() <= chunk.index) chunks_.resize(chunk.index + 1U);
      chunks_[chunk.index] = std::move(chunk);
    }
    written_.clear();
    views_.clear();
    for (const Chunk& chunk : chunks_) views_.push_back({chunk.bytes.get(), chunk.size});
  }
  void abandon() { written_.clear(); }

  gantry_state state() const {
    return {.chunks = views_.data(), .chunk_count = static_cast<std::uint32_t>(views_.size())};
  }

 private:
  struct Chunk {
    std::uint32_t index = 0;
    std::uint64_t size = 0;
    std::unique_ptr<std::uint8_t[]> bytes;
  };

  static std::uint8_t* take(void* self, std::uint32_t index, std::uint64_t size) {
    auto& written = static_cast<Chunks*>(self)->written_;
    // new[] of bytes is 16-aligned, as the contract with the plugin says.
    written.push_back({index, size, std::make_unique<std::uint8_t[]>(size)});
    return written.back().bytes.get();
  }

  std::vector<Chunk> chunks_;
  std::vector<Chunk> written_;
  std::vector<gantry_bytes> views_;
};

host::PluginFile inspect(const std::string& path) {
  auto file = host::inspect_plugin_file(path);
  if (!file) throw std::runtime_error(file.error().message);
  return std::move(*file);
}

// Every parameter of the manifest at its default, as when the operator's file names none, or
// fee_bps alone.
std::vector<gantry_parameter> parameters_of(const host::Manifest& manifest,
                                            std::optional<std::int64_t> fee_bps) {
  std::vector<gantry_parameter> parameters;
  for (const host::ParameterSchema& schema : manifest.parameters) {
    if (!schema.default_value || !std::holds_alternative<std::int64_t>(*schema.default_value)) {
      throw std::runtime_error("parameter " + schema.name + " has no integer default");
    }
    gantry_parameter parameter{};
    parameter.name = text(schema.name);
    parameter.type = GANTRY_PARAMETER_INTEGER;
    parameter.integer = std::get<std::int64_t>(*schema.default_value);
    if (schema.name == "fee_bps" && fee_bps) parameter.integer = *fee_bps;
    parameters.push_back(parameter);
  }
  return parameters;
}

gantry_bytes bytes_of(const std::vector<std::uint8_t>* bytes) {
  return bytes == nullptr ? gantry_bytes{} : gantry_bytes{bytes->data(), bytes->size()};
}

}  // namespace

struct PluginPair::Parts {
  explicit Parts(const std::string& path) : file(inspect(path)), services("uniswap_v2") {}

  host::PluginFile file;
  host::InstanceServices services;
  std::shared_ptr<host::Library> library;
  const gantry_dex_v1* table = nullptr;
  gantry_dex_instance* instance = nullptr;
  gantry_context context{};
  gantry_pool_token tokens[2]{};
  gantry_pool_spec spec{};
  gantry_pool_traits traits{};
  Chunks chunks;
};

PluginPair::PluginPair(const std::string& pair, const std::string& token0,
                       const std::string& token1, std::optional<std::int64_t> fee_bps)
    : parts_(std::make_unique<Parts>(GANTRY_UNISWAP_V2_PLUGIN)) {
  Parts& p = *parts_;
  auto library = host::Library::load(p.file, GANTRY_TEST_PLUGIN_STORE, p.services.table());
  if (!library) throw std::runtime_error(library.error().message);
  p.library = std::move(*library);
  p.table = static_cast<const gantry_dex_v1*>(p.library->interface(GANTRY_DEX_ID));
  if (p.table == nullptr) throw std::runtime_error("the library has no " GANTRY_DEX_ID);

  const std::vector<gantry_parameter> parameters = parameters_of(p.file.manifest, fee_bps);
  gantry_instance_config config{};
  config.name = text("uniswap_v2");
  config.chain = text(chain);
  config.parameters = parameters.data();
  config.parameter_count = static_cast<std::uint32_t>(parameters.size());
  gantry_error error{};
  if (p.table->create(p.services.table(), &config, &p.instance, &error) != GANTRY_OK) {
    throw std::runtime_error(error.message);
  }
  p.context.chain = text(chain);
  p.tokens[0] = {.address = to_address(token0), .decimals = 18};
  p.tokens[1] = {.address = to_address(token1), .decimals = 18};
  p.spec.address = to_address(pair);
  p.spec.tokens = p.tokens;
  p.spec.token_count = 2;
  const gantry_state_writer writer = p.chunks.writer();
  if (p.table->open_pool(p.instance, &p.spec, &writer, &p.traits, &error) != GANTRY_OK) {
    throw std::runtime_error(error.message);
  }
  p.chunks.publish();
}

PluginPair::~PluginPair() {
  if (parts_->instance != nullptr) parts_->table->destroy(parts_->instance);
}

gantry_status PluginPair::requests(std::uint32_t round, std::vector<EmittedRequest>& out) {
  const gantry_request_sink sink{
      .self = &out, .emit = [](void* self, const gantry_request* request) -> gantry_status {
        static_cast<std::vector<EmittedRequest>*>(self)->push_back(
            {request->source, request->tag, to_text(request->target), to_text(request->payload)});
        return GANTRY_OK;
      }};
  Parts& p = *parts_;
  const gantry_state state = p.chunks.state();
  return p.table->requests(p.instance, &p.context, &p.spec, &state, round, &sink);
}

gantry_status PluginPair::apply(std::vector<OwnedFact>& facts) {
  Parts& p = *parts_;
  std::vector<gantry_fact> rows;
  for (OwnedFact& fact : facts) {
    fact.fields.topics = {fact.topics.data(), fact.topics.size()};
    fact.fields.data = {fact.data.data(), fact.data.size()};
    rows.push_back(fact.fields);
    p.context.state_block = std::max(p.context.state_block, fact.fields.block);
  }
  p.context.execution_block = p.context.state_block + 1;
  const gantry_state old = p.chunks.state();
  const gantry_state_writer writer = p.chunks.writer();
  const gantry_status status = p.table->apply(p.instance, &p.context, &old, rows.data(),
                                              static_cast<std::uint32_t>(rows.size()), &writer);
  if (status == GANTRY_OK || status == GANTRY_NEED_STATE) {
    p.chunks.publish();
  } else {
    p.chunks.abandon();
  }
  return status;
}

gantry_status PluginPair::quote(const gantry_swap& swap, gantry_quote& out,
                                const std::vector<std::uint8_t>* overlay,
                                std::vector<std::uint8_t>* next) {
  Parts& p = *parts_;
  const gantry_pool_state state{p.chunks.state(), bytes_of(overlay), &p.context};
  if (next == nullptr) return p.table->quote(p.instance, &state, &swap, &out, nullptr);
  next->resize(p.traits.overlay_bytes);
  gantry_buffer buffer{.data = next->data(), .capacity = next->size(), .size = 0};
  const gantry_status status = p.table->quote(p.instance, &state, &swap, &out, &buffer);
  next->resize(buffer.size);
  return status;
}

gantry_status PluginPair::view(PairReservesSeen& out, const std::vector<std::uint8_t>* overlay) {
  Parts& p = *parts_;
  const gantry_pool_state state{p.chunks.state(), bytes_of(overlay), &p.context};
  gantry_amount balances[2]{};
  gantry_pool_view view{.fee = 0, .token_count = 2, .balances = balances};
  const gantry_status status = p.table->view(p.instance, &state, &view);
  if (status == GANTRY_OK) out = {{to_integer(balances[0]), to_integer(balances[1])}};
  return status;
}

gantry_status PluginPair::build_swap(const gantry_swap_order& order, EmittedInstruction& out) {
  const gantry_instruction_sink sink{
      .self = &out, .emit = [](void* self, const gantry_instruction* instruction) -> gantry_status {
        *static_cast<EmittedInstruction*>(self) = {.target = to_text(instruction->target),
                                                   .data = to_text(instruction->data),
                                                   .spender = to_text(instruction->spender),
                                                   .fields = *instruction};
        return GANTRY_OK;
      }};
  Parts& p = *parts_;
  const gantry_pool_state state{p.chunks.state(), {}, &p.context};
  return p.table->build_swap(p.instance, &p.spec, &state, &order, &sink);
}

OwnedFact fact_of(const ChainLog& log) {
  OwnedFact fact;
  fact.fields.source = GANTRY_SOURCE_EVM_LOG;
  fact.fields.status = GANTRY_OK;
  fact.fields.block = log.block;
  fact.fields.log_index = static_cast<std::uint32_t>(log.index);
  fact.fields.emitter = to_address(log.emitter);
  fact.topics = to_bytes(log.topics);
  fact.data = to_bytes(log.data);
  return fact;
}

OwnedFact fact_of(const EmittedRequest& request, const std::string& returned) {
  OwnedFact fact;
  fact.fields.source = request.source;
  fact.fields.tag = request.tag;
  fact.fields.status = GANTRY_OK;
  fact.fields.emitter = to_address(request.target);
  fact.data = to_bytes(returned);
  return fact;
}

gantry_address to_address(const std::string& hex) {
  const std::vector<std::uint8_t> bytes = to_bytes(hex);
  gantry_address address{};
  if (bytes.size() != 20) throw std::runtime_error("not an EVM address: " + hex);
  address.kind = GANTRY_ADDRESS_EVM;
  address.length = 20;
  std::memcpy(address.bytes, bytes.data(), bytes.size());
  return address;
}

}  // namespace gantry::test
