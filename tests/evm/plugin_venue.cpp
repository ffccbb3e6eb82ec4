#include "evm/plugin_venue.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "evm/integer_words.hpp"
#include "host/plugin/library.hpp"
#include "host/plugin/services.hpp"

namespace gantry::test {
namespace {

// anvil's chain id; the plugin is told, as an operator would tell it.
constexpr std::string_view chain_id = "eip155:31337";

constexpr std::uint32_t rounds_max = 64;
constexpr std::uint32_t tokens_max = 16;

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
  void clear() {
    chunks_.clear();
    publish();
  }

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
    for (Chunk& chunk : written) {
      if (chunk.index == index) return chunk.size == size ? chunk.bytes.get() : nullptr;
    }
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

// `value` is what the parameter's strings point into.
gantry_parameter to_parameter(const std::string& name, const host::ParameterSchema& schema,
                              const host::ParameterValue& value) {
  gantry_parameter parameter{};
  parameter.name = text(name);
  if (const auto* flag = std::get_if<bool>(&value)) {
    parameter.type = GANTRY_PARAMETER_BOOLEAN;
    parameter.integer = *flag ? 1 : 0;
  } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    parameter.type = GANTRY_PARAMETER_INTEGER;
    parameter.integer = *integer;
  } else if (const auto* number = std::get_if<double>(&value)) {
    parameter.type = GANTRY_PARAMETER_NUMBER;
    parameter.number = *number;
  } else if (const auto* words = std::get_if<std::string>(&value)) {
    parameter.type = GANTRY_PARAMETER_STRING;
    parameter.string = text(*words);
  } else {
    parameter.type = GANTRY_PARAMETER_AMOUNT;
    parameter.amount = std::get<gantry_amount>(value);
  }
  if (const auto wrong = host::out_of_schema(schema, value)) {
    throw std::runtime_error("parameter " + name + " " + *wrong);
  }
  return parameter;
}

std::vector<gantry_parameter> parameters_of(const host::Manifest& manifest,
                                            const VenueParameters& chosen) {
  for (const auto& [name, value] : chosen) {
    if (manifest.find_parameter(name) == nullptr) {
      throw std::runtime_error(manifest.name + " has no parameter " + name);
    }
  }
  std::vector<gantry_parameter> parameters;
  for (const host::ParameterSchema& schema : manifest.parameters) {
    const auto found = chosen.find(schema.name);
    if (found == chosen.end() && !schema.default_value) {
      throw std::runtime_error("parameter " + schema.name + " must be given");
    }
    parameters.push_back(to_parameter(
        schema.name, schema, found == chosen.end() ? *schema.default_value : found->second));
  }
  return parameters;
}

gantry_bytes bytes_of(const std::vector<std::uint8_t>* bytes) {
  return bytes == nullptr ? gantry_bytes{} : gantry_bytes{bytes->data(), bytes->size()};
}

gantry_request_sink sink_to(std::vector<EmittedRequest>& out) {
  return {
      .self = &out, .emit = [](void* self, const gantry_request* request) -> gantry_status {
        static_cast<std::vector<EmittedRequest>*>(self)->push_back(
            {request->source, request->tag, to_text(request->target), to_text(request->payload)});
        return GANTRY_OK;
      }};
}

gantry_pool_sink sink_to(std::vector<EmittedPool>& out) {
  return {.self = &out, .emit = [](void* self, const gantry_pool_spec* spec) -> gantry_status {
            EmittedPool pool;
            pool.address = to_text(spec->address);
            pool.tokens.assign(spec->tokens, spec->tokens + spec->token_count);
            pool.metadata = to_bytes(to_text(spec->metadata));
            static_cast<std::vector<EmittedPool>*>(self)->push_back(std::move(pool));
            return GANTRY_OK;
          }};
}

// Facts as rows that point into `facts`, which stay where they are until the call is over.
std::vector<gantry_fact> rows_of(std::vector<OwnedFact>& facts) {
  std::vector<gantry_fact> rows;
  for (OwnedFact& fact : facts) {
    fact.fields.topics = {fact.topics.data(), fact.topics.size()};
    fact.fields.data = {fact.data.data(), fact.data.size()};
    rows.push_back(fact.fields);
  }
  return rows;
}

RpcRequest rpc_of(const EmittedRequest& request, const std::string& from,
                  const std::string& block) {
  switch (request.source) {
    case GANTRY_SOURCE_EVM_CALL:
      return {.method = "eth_call",
              .params = {boost::json::object{
                             {"from", from}, {"to", request.target}, {"data", request.payload}},
                         block}};
    case GANTRY_SOURCE_EVM_STORAGE:
      return {.method = "eth_getStorageAt", .params = {request.target, request.payload, block}};
    case GANTRY_SOURCE_EVM_CODE_HASH:
      return {.method = "eth_getCode", .params = {request.target, block}};
    default:
      throw std::runtime_error("no fetch for source " + std::to_string(request.source));
  }
}

}  // namespace

struct PluginVenue::Parts {
  Parts(const std::string& path, const std::string& name) : file(inspect(path)), services(name) {}

  gantry_pool_state state_with(const Overlay* overlay) const {
    return {chunks.state(), bytes_of(overlay), &context};
  }

  host::PluginFile file;
  host::InstanceServices services;
  std::shared_ptr<host::Library> library;
  const gantry_dex_v1* table = nullptr;
  gantry_dex_instance* instance = nullptr;
  gantry_context context{};
  std::vector<gantry_pool_token> tokens;
  std::vector<std::uint8_t> metadata;
  gantry_pool_spec spec{};
  gantry_pool_traits traits{};
  std::string refusal;
  Chunks chunks;
  std::uint32_t rounds_taken = 0;
  std::function<void(const EmittedRequest&, const OwnedFact&)> watcher;
};

PluginVenue::PluginVenue(const std::string& library_path, const std::string& name,
                         const VenueParameters& chosen)
    : parts_(std::make_unique<Parts>(library_path, name)) {
  Parts& p = *parts_;
  auto library = host::Library::load(p.file, GANTRY_TEST_PLUGIN_STORE, p.services.table());
  if (!library) throw std::runtime_error(library.error().message);
  p.library = std::move(*library);
  p.table = static_cast<const gantry_dex_v1*>(p.library->interface(GANTRY_DEX_ID));
  if (p.table == nullptr) throw std::runtime_error("the library has no " GANTRY_DEX_ID);

  const std::vector<gantry_parameter> parameters = parameters_of(p.file.manifest, chosen);
  gantry_instance_config config{};
  config.name = text(name);
  config.chain = text(chain_id);
  config.parameters = parameters.data();
  config.parameter_count = static_cast<std::uint32_t>(parameters.size());
  gantry_error error{};
  if (p.table->create(p.services.table(), &config, &p.instance, &error) != GANTRY_OK) {
    throw std::runtime_error(error.message);
  }
  p.context.chain = text(chain_id);
}

PluginVenue::~PluginVenue() {
  if (parts_->instance != nullptr) parts_->table->destroy(parts_->instance);
}

gantry_status PluginVenue::open_pool(const std::string& address,
                                     const std::vector<VenueToken>& tokens,
                                     const std::vector<std::uint8_t>& metadata) {
  Parts& p = *parts_;
  p.tokens.clear();
  for (const VenueToken& token : tokens) {
    p.tokens.push_back({.address = to_address(token.address), .decimals = token.decimals});
  }
  p.metadata = metadata;
  p.spec = {};
  p.spec.address = to_address(address);
  p.spec.tokens = p.tokens.data();
  p.spec.token_count = static_cast<std::uint32_t>(p.tokens.size());
  p.spec.metadata = bytes_of(&p.metadata);
  p.chunks.clear();
  p.refusal.clear();
  gantry_error error{};
  const gantry_state_writer writer = p.chunks.writer();
  const gantry_status status = p.table->open_pool(p.instance, &p.spec, &writer, &p.traits, &error);
  if (status == GANTRY_OK) {
    p.chunks.publish();
  } else {
    p.chunks.abandon();
    p.refusal = error.message;
  }
  return status;
}

const std::string& PluginVenue::refusal() const { return parts_->refusal; }
const gantry_pool_traits& PluginVenue::traits() const { return parts_->traits; }
gantry_context& PluginVenue::context() { return parts_->context; }
std::uint32_t PluginVenue::rounds_taken() const { return parts_->rounds_taken; }

gantry_status PluginVenue::requests(std::uint32_t round, std::vector<EmittedRequest>& out) {
  Parts& p = *parts_;
  const gantry_request_sink sink = sink_to(out);
  const gantry_state state = p.chunks.state();
  return p.table->requests(p.instance, &p.context, &p.spec, &state, round, &sink);
}

gantry_status PluginVenue::apply(std::vector<OwnedFact>& facts) {
  Parts& p = *parts_;
  const std::vector<gantry_fact> rows = rows_of(facts);
  for (const gantry_fact& row : rows) {
    p.context.state_block = std::max(p.context.state_block, row.block);
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

std::vector<OwnedFact> PluginVenue::fetch(const Deployer& chain,
                                          const std::vector<EmittedRequest>& requests,
                                          const std::string& block) const {
  const std::uint64_t number = block.starts_with("0x")
                                   ? to_integer(block).convert_to<std::uint64_t>()
                                   : chain.block_number();
  std::vector<const EmittedRequest*> asked;
  std::vector<RpcRequest> batch;
  for (const EmittedRequest& request : requests) {
    if (request.source == GANTRY_SOURCE_EVM_LOG) continue;
    asked.push_back(&request);
    batch.push_back(rpc_of(request, chain.account(), block));
  }
  const std::vector<RpcAnswer> answers = chain.chain().batch(batch);
  std::vector<OwnedFact> facts;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const auto& failure = answers[i].failure;
    std::string returned = failure ? failure->data : text_of(answers[i].result);
    if (asked[i]->source == GANTRY_SOURCE_EVM_CODE_HASH) returned = chain.sha3(returned);
    facts.push_back(fact_of(*asked[i], returned));
    facts.back().fields.block = number;
    if (failure) facts.back().fields.status = GANTRY_REFUSED;
    if (parts_->watcher) parts_->watcher(*asked[i], facts.back());
  }
  return facts;
}

void PluginVenue::watch(std::function<void(const EmittedRequest&, const OwnedFact&)> watcher) {
  parts_->watcher = std::move(watcher);
}

gantry_status PluginVenue::refresh(const Deployer& chain, const std::string& block) {
  std::uint32_t round = 0;
  for (parts_->rounds_taken = 1; parts_->rounds_taken <= rounds_max; ++parts_->rounds_taken) {
    std::vector<EmittedRequest> asked;
    const gantry_status more = requests(round, asked);
    if (more != GANTRY_OK && more != GANTRY_NEED_STATE) return more;
    std::vector<OwnedFact> facts = fetch(chain, asked, block);
    const gantry_status applied = facts.empty() ? GANTRY_OK : apply(facts);
    if (applied != GANTRY_OK && applied != GANTRY_NEED_STATE) return applied;
    if (more == GANTRY_OK && applied == GANTRY_OK) return GANTRY_OK;
    round = more == GANTRY_OK ? 0 : round + 1;
  }
  return GANTRY_NEED_STATE;
}

std::vector<OwnedFact> PluginVenue::wanted(const std::vector<ChainLog>& logs) {
  std::vector<EmittedRequest> standing;
  const gantry_status status = requests(0, standing);
  if (status != GANTRY_OK && status != GANTRY_NEED_STATE) {
    throw std::runtime_error("the plugin does not say which logs it wants");
  }
  std::erase_if(standing, [](const EmittedRequest& request) {
    return request.source != GANTRY_SOURCE_EVM_LOG;
  });
  std::vector<OwnedFact> facts;
  for (const ChainLog& log : logs) {
    const auto asks = [&](const EmittedRequest& request) {
      return request.target == log.emitter && log.topics.starts_with(request.payload);
    };
    const auto found = std::find_if(standing.begin(), standing.end(), asks);
    if (found == standing.end()) continue;
    facts.push_back(fact_of(log));
    facts.back().fields.tag = found->tag;
  }
  return facts;
}

gantry_status PluginVenue::apply_logs(const std::vector<ChainLog>& logs) {
  std::vector<OwnedFact> facts = wanted(logs);
  return facts.empty() ? GANTRY_OK : apply(facts);
}

gantry_status PluginVenue::quote(const gantry_swap& swap, gantry_quote& out, const Overlay* overlay,
                                 Overlay* next) {
  const Parts& p = *parts_;
  const gantry_pool_state state = p.state_with(overlay);
  if (next == nullptr) return p.table->quote(p.instance, &state, &swap, &out, nullptr);
  next->resize(p.traits.overlay_bytes);
  gantry_buffer buffer{.data = next->data(), .capacity = next->size(), .size = 0};
  const gantry_status status = p.table->quote(p.instance, &state, &swap, &out, &buffer);
  if (status == GANTRY_OK) next->resize(buffer.size);
  return status;
}

gantry_status PluginVenue::quote_many(const std::vector<gantry_swap>& swaps,
                                      std::vector<gantry_quote>& out,
                                      std::vector<gantry_status>& statuses,
                                      const Overlay* overlay) {
  const Parts& p = *parts_;
  out.assign(swaps.size(), {});
  statuses.assign(swaps.size(), GANTRY_HOST_FAULT);
  const gantry_pool_state state = p.state_with(overlay);
  return p.table->quote_many(p.instance, &state, swaps.data(),
                             static_cast<std::uint32_t>(swaps.size()), out.data(), statuses.data());
}

gantry_status PluginVenue::limits(std::uint32_t token_in, std::uint32_t token_out,
                                  gantry_swap_limits& out, const Overlay* overlay) {
  const Parts& p = *parts_;
  const gantry_pool_state state = p.state_with(overlay);
  return p.table->limits(p.instance, &state, token_in, token_out, &out);
}

gantry_status PluginVenue::segments(std::uint32_t token_in, std::uint32_t token_out,
                                    std::uint32_t capacity, std::vector<gantry_segment>& out,
                                    const Overlay* overlay) {
  const Parts& p = *parts_;
  const gantry_pool_state state = p.state_with(overlay);
  out.assign(capacity, {});
  std::uint32_t count = 0;
  const gantry_status status =
      p.table->segments(p.instance, &state, token_in, token_out, out.data(), capacity, &count);
  out.resize(status == GANTRY_OK ? count : 0);
  return status;
}

gantry_status PluginVenue::view(std::uint32_t& fee, std::vector<Integer>& balances,
                                const Overlay* overlay) {
  const Parts& p = *parts_;
  const gantry_pool_state state = p.state_with(overlay);
  std::vector<gantry_amount> amounts(tokens_max);
  gantry_pool_view seen{.fee = 0, .token_count = tokens_max, .balances = amounts.data()};
  const gantry_status status = p.table->view(p.instance, &state, &seen);
  if (status != GANTRY_OK) return status;
  fee = seen.fee;
  balances.clear();
  for (std::uint32_t i = 0; i < seen.token_count; ++i) balances.push_back(to_integer(amounts[i]));
  return status;
}

gantry_status PluginVenue::build_swap(const gantry_swap_order& order,
                                      std::vector<EmittedInstruction>& out) {
  const gantry_instruction_sink sink{
      .self = &out, .emit = [](void* self, const gantry_instruction* instruction) -> gantry_status {
        static_cast<std::vector<EmittedInstruction>*>(self)->push_back(
            {.target = to_text(instruction->target),
             .data = to_text(instruction->data),
             .spender = to_text(instruction->spender),
             .fields = *instruction});
        return GANTRY_OK;
      }};
  const Parts& p = *parts_;
  const gantry_pool_state state = p.state_with(nullptr);
  return p.table->build_swap(p.instance, &p.spec, &state, &order, &sink);
}

gantry_status PluginVenue::discover(const std::vector<std::uint8_t>& cursor,
                                    std::vector<OwnedFact>& facts,
                                    std::vector<EmittedRequest>& requests,
                                    std::vector<EmittedPool>& pools,
                                    std::vector<std::uint8_t>& next_cursor,
                                    std::size_t cursor_room) {
  const Parts& p = *parts_;
  const std::vector<gantry_fact> rows = rows_of(facts);
  const gantry_request_sink request_sink = sink_to(requests);
  const gantry_pool_sink pool_sink = sink_to(pools);
  next_cursor.resize(cursor_room);
  gantry_buffer next{.data = next_cursor.data(), .capacity = next_cursor.size(), .size = 0};
  const gantry_status status =
      p.table->discover(p.instance, &p.context, bytes_of(&cursor), rows.data(),
                        static_cast<std::uint32_t>(rows.size()), &request_sink, &pool_sink, &next);
  next_cursor.resize(next.size);
  return status;
}

StateBytes PluginVenue::state_bytes() const {
  const gantry_state state = parts_->chunks.state();
  StateBytes bytes;
  for (std::uint32_t i = 0; i < state.chunk_count; ++i) {
    const gantry_bytes& chunk = state.chunks[i];
    bytes.emplace_back(chunk.data, chunk.data + chunk.size);
  }
  return bytes;
}

void PluginVenue::set_state_bytes(const StateBytes& bytes) {
  Chunks& chunks = parts_->chunks;
  chunks.clear();
  const gantry_state_writer writer = chunks.writer();
  for (std::uint32_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i].empty()) continue;
    std::memcpy(writer.chunk(writer.self, i, bytes[i].size()), bytes[i].data(), bytes[i].size());
  }
  chunks.publish();
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
  if (bytes.size() != 20 && bytes.size() != 32) {
    throw std::runtime_error("not an EVM address or id: " + hex);
  }
  address.kind = bytes.size() == 20 ? GANTRY_ADDRESS_EVM : GANTRY_ADDRESS_ID32;
  address.length = static_cast<std::uint8_t>(bytes.size());
  std::memcpy(address.bytes, bytes.data(), bytes.size());
  return address;
}

}  // namespace gantry::test
