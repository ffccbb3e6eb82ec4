#include "host/kit/dex.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "host/base/text.hpp"

namespace gantry::host::kit {
namespace {

constexpr std::size_t chunks_max = 64;
constexpr std::uint64_t chunk_bytes_max = 1U << 20U;

// The chunks of one state that is being written.
struct Writer {
  bool works;
  std::vector<Bytes> kept;  // the state before
  struct Draft {
    std::vector<std::uint64_t> words;  // 8-aligned; 16 by the two in front
    std::uint8_t* data = nullptr;
    std::uint64_t size = 0;
  };
  std::vector<Draft> drafts;

  std::uint8_t* chunk(std::uint32_t index, std::uint64_t size) {
    if (!works || index >= chunks_max || size == 0 || size > chunk_bytes_max) return nullptr;
    if (drafts.size() <= index) drafts.resize(index + 1);
    Draft& draft = drafts[index];
    if (draft.data != nullptr) return draft.size == size ? draft.data : nullptr;
    draft.words.assign(size / 8 + 4, 0);
    auto address = reinterpret_cast<std::uintptr_t>(draft.words.data());
    draft.data = reinterpret_cast<std::uint8_t*>((address + 15) & ~std::uintptr_t{15});
    draft.size = size;
    return draft.data;
  }
  std::vector<Bytes> result() const {
    std::vector<Bytes> chunks = kept;
    if (chunks.size() < drafts.size()) chunks.resize(drafts.size());
    for (std::size_t i = 0; i < drafts.size(); ++i) {
      if (drafts[i].data != nullptr) {
        chunks[i].assign(drafts[i].data, drafts[i].data + drafts[i].size);
      }
    }
    return chunks;
  }
  gantry_state_writer face() {
    return {this, [](void* self, std::uint32_t index, std::uint64_t size) {
              return static_cast<Writer*>(self)->chunk(index, size);
            }};
  }
};

struct RequestSink {
  std::vector<Request>& out;
  std::size_t room;

  static gantry_status emit(void* self, const gantry_request* request) {
    auto& sink = *static_cast<RequestSink*>(self);
    if (request->source < GANTRY_SOURCE_EVM_CALL ||
        request->source > GANTRY_SOURCE_SOLANA_PROGRAM) {
      return GANTRY_BAD_ARGUMENT;
    }
    // Who goes on for ever after a refusal runs into the limit on time: nothing may be thrown here.
    if (sink.room == 0) return GANTRY_REFUSED;
    --sink.room;
    Request copy{request->source, request->tag, request->target, {}};
    // An HTTP request's payload is a struct with pointers; the kit answers it unread.
    if (request->source != GANTRY_SOURCE_HTTP && request->payload.size > 0) {
      copy.payload.assign(request->payload.data, request->payload.data + request->payload.size);
    }
    sink.out.push_back(std::move(copy));
    return GANTRY_OK;
  }
};

}  // namespace

Dex::Dex(Loaded& library, void* object, bool guarded, std::string* transcript)
    : table_(static_cast<const gantry_dex_v1*>(library.table())),
      object_(static_cast<gantry_dex_instance*>(object)),
      memory_(guarded),
      transcript_(transcript) {}

void Dex::tell(const char* call, gantry_status status, std::span<const std::uint8_t> answer) {
  if (transcript_ == nullptr) return;
  *transcript_ += fmt::format("{} {} {}\n", call, status, hex_text(answer));
}

const gantry_context* Dex::context() {
  gantry_context context{};
  context.chain = memory_.in_text("eip155:1");
  context.state_block = 18'000'000;
  context.state_time_s = 1'700'000'000;
  context.execution_block = 18'000'001;
  context.execution_time_s = 1'700'000'012;
  context.base_fee = u256(20'000'000'000ULL);
  context.gas_price = u256(21'000'000'000ULL);
  return memory_.in(context);
}

const gantry_pool_spec* Dex::spec(const Pool& pool) {
  return memory_.in(gantry_pool_spec{pool.address, memory_.in_array<gantry_pool_token>(pool.tokens),
                                     static_cast<std::uint32_t>(pool.tokens.size()), 0,
                                     memory_.in_bytes(pool.metadata)});
}

const gantry_state* Dex::state(const Pool& pool) {
  std::vector<gantry_bytes> chunks;
  for (const Bytes& chunk : pool.chunks) chunks.push_back(memory_.in_bytes(chunk, 16));
  return memory_.in(gantry_state{memory_.in_array<gantry_bytes>(chunks),
                                 static_cast<std::uint32_t>(chunks.size()), 0});
}

const gantry_pool_state* Dex::point(const At& at) {
  const gantry_state* base = state(*at.pool);
  return memory_.in(gantry_pool_state{*base, memory_.in_bytes(at.overlay, 16), context()});
}

gantry_status Dex::open_pool(Pool& pool, bool writer_works) {
  Writer writer{writer_works, {}, {}};
  memory_.begin();
  const auto* given = spec(pool);
  const auto* face = memory_.in(writer.face());
  auto* traits = memory_.out<gantry_pool_traits>(0);
  auto* error = memory_.out<gantry_error>(0);
  memory_.seal();
  set_phase("open_pool()");
  const auto status = table_->open_pool(object_, given, face, traits, error);
  const gantry_pool_traits said = *traits;
  memory_.end();
  expect_status(status, {GANTRY_REFUSED, GANTRY_BAD_STATE, GANTRY_HOST_FAULT}, "open_pool()");
  require(status != GANTRY_HOST_FAULT || !writer_works,
          "open_pool() blames the host, which did all it was asked for");
  tell_struct("open_pool", status, status == GANTRY_OK ? said : gantry_pool_traits{});
  if (status != GANTRY_OK) return status;
  require(said.overlay_bytes <= GANTRY_OVERLAY_BYTES_MAX,
          fmt::format("open_pool() says that overlays have {} bytes, more than the {} allowed",
                      said.overlay_bytes, GANTRY_OVERLAY_BYTES_MAX));
  constexpr std::uint32_t known_flags = 2 * GANTRY_POOL_FOLLOWS_LOGS - 1;
  require((said.flags & ~known_flags) == 0,
          fmt::format("open_pool() sets flags that there are not: {:#x}", said.flags));
  pool.traits = said;
  pool.chunks = writer.result();
  return status;
}

gantry_status Dex::requests(Pool& pool, std::uint32_t round, std::size_t room) {
  RequestSink sink{pool.requests, room};
  memory_.begin();
  const auto* where = context();
  const auto* given = spec(pool);
  const auto* now = state(pool);
  const auto* face = memory_.in(gantry_request_sink{&sink, &RequestSink::emit});
  memory_.seal();
  set_phase("requests()");
  const auto status = table_->requests(object_, where, given, now, round, face);
  memory_.end();
  if (room >= 4096) {
    expect_status(status, {GANTRY_NEED_STATE, GANTRY_BAD_STATE}, "requests()");
  } else {
    expect_status(status, {GANTRY_NEED_STATE, GANTRY_BAD_STATE, GANTRY_REFUSED},
                  "requests(), whose sink refuses,");
  }
  tell("requests", status);
  for (const Request& request : pool.requests) tell("request", request.source, request.payload);
  return status;
}

gantry_status Dex::apply(Pool& pool, std::span<const Fact> facts, bool writer_works) {
  Writer writer{writer_works, pool.chunks, {}};
  memory_.begin();
  std::vector<gantry_fact> rows;
  for (const Fact& fact : facts) {
    rows.push_back({fact.source, fact.tag, fact.status, fact.log_index, 18'000'000, fact.emitter,
                    memory_.in_bytes(fact.topics), memory_.in_bytes(fact.data)});
    if (rows.size() == facts_at_once) break;
  }
  const auto* where = context();
  const auto* old = state(pool);
  const auto* given = memory_.in_array<gantry_fact>(rows);
  const auto* face = memory_.in(writer.face());
  memory_.seal();
  set_phase("apply()");
  const auto status =
      table_->apply(object_, where, old, given, static_cast<std::uint32_t>(rows.size()), face);
  memory_.end();
  expect_status(status, {GANTRY_BAD_STATE, GANTRY_NEED_STATE, GANTRY_REFUSED, GANTRY_HOST_FAULT},
                "apply()");
  require(status != GANTRY_HOST_FAULT || !writer_works,
          "apply() blames the host, which did all it was asked for");
  if (status == GANTRY_OK || status == GANTRY_NEED_STATE) {
    pool.chunks = writer.result();
    for (const Bytes& chunk : pool.chunks) tell("chunk", status, chunk);
  } else {
    tell("apply", status);
  }
  return status;
}

Quoted Dex::quote(const At& at, const gantry_swap& swap, std::size_t room) {
  // Twice, with other bytes in what it has to fill and on the stack: what is left unwritten, or
  // read without having been written, differs.
  Quoted answers[2];
  for (int i = 0; i < 2; ++i) {
    const auto fill = static_cast<std::uint8_t>(i == 0 ? 0x00 : 0xFF);
    memory_.begin();
    const auto* where = point(at);
    const auto* given = memory_.in(swap);
    auto* out = memory_.out<gantry_quote>(fill);
    gantry_buffer* next = nullptr;
    std::uint8_t* bytes = nullptr;
    if (room > 0) {
      // 16-aligned as overlays are: room for an odd size begins a little earlier than it must.
      bytes = memory_.room(room, 16, fill);
      next = memory_.out<gantry_buffer>(0);
      *next = {bytes, room, 0};
    }
    memory_.seal();
    set_phase("quote()");
    dirty_stack(fill);
    answers[i].status = table_->quote(object_, where, given, out, next);
    answers[i].quote = *out;
    if (next != nullptr) {
      answers[i].next_size = next->size;
      require(next->data == bytes && next->capacity == room,
              "quote() changed the buffer for its next state, and not only its size");
      if (answers[i].ok()) {
        require(next->size <= room,
                fmt::format("quote() says that its next state has {} bytes in a buffer of {}",
                            next->size, room));
        answers[i].next.assign(bytes, bytes + next->size);
      }
    }
    memory_.end();
  }
  const Quoted& answer = answers[0];
  expect_status(answer.status,
                {GANTRY_NO_LIQUIDITY, GANTRY_OUT_OF_RANGE, GANTRY_UNSUPPORTED, GANTRY_NEED_SIZE,
                 GANTRY_NEED_STATE, GANTRY_REFUSED, GANTRY_BAD_STATE, GANTRY_BAD_ARGUMENT},
                "quote()");
  require(answer.status != GANTRY_NEED_SIZE || room > 0,
          "quote() answered GANTRY_NEED_SIZE, and no next state was wanted");
  require(answers[1].status == answer.status,
          fmt::format("quote() answers one question with {} and then with {}",
                      status_text(answer.status), status_text(answers[1].status)));
  if (answer.ok()) {
    require(std::memcmp(&answer.quote, &answers[1].quote, sizeof(gantry_quote)) == 0,
            "quote() gives two answers to one question, or leaves fields of its answer unwritten");
    require(answer.next == answers[1].next,
            "quote() gives two next states for one swap, or leaves bytes of it unwritten");
    require(std::isfinite(answer.quote.price_impact),
            "quote() answers a price_impact that is no number");
    tell_struct("quote", answer.status, answer.quote);
    if (room > 0) tell("next", answer.status, answer.next);
  } else {
    tell("quote", answer.status);
  }
  return answer;
}

Quoted Dex::quote(const At& at, Way way, const u256& amount, std::int32_t mode) {
  return quote(at, gantry_swap{amount, way.in, way.out, mode, 0});
}

Quoted Dex::swap(const At& at, Way way, const u256& amount, At& after) {
  const gantry_swap swap{amount, way.in, way.out, GANTRY_EXACT_IN, 0};
  auto quoted = quote(at, swap, GANTRY_OVERLAY_BYTES_MAX);
  if (quoted.ok()) {
    require(!quoted.next.empty(), "quote() left its next state empty, which stands for no swap");
    require(quoted.next.size() <= at.pool->traits.overlay_bytes,
            fmt::format("its next state has {} bytes, more than the {} of open_pool()",
                        quoted.next.size(), at.pool->traits.overlay_bytes));
  }
  after = {at.pool, quoted.next};
  return quoted;
}

void Dex::quote_many(const At& at, std::span<const gantry_swap> swaps) {
  const auto count = static_cast<std::uint32_t>(swaps.size());
  memory_.begin();
  const auto* where = point(at);
  const auto* given = memory_.in_array<gantry_swap>(swaps);
  auto* out = reinterpret_cast<gantry_quote*>(
      memory_.room(sizeof(gantry_quote) * count, alignof(gantry_quote), 0x5A));
  auto* statuses = reinterpret_cast<gantry_status*>(
      memory_.room(sizeof(gantry_status) * count, alignof(gantry_status), 0x5A));
  memory_.seal();
  set_phase("quote_many()");
  const auto status = table_->quote_many(object_, where, given, count, out, statuses);
  const std::vector<gantry_quote> answers(out, out + count);
  const std::vector<gantry_status> said(statuses, statuses + count);
  memory_.end();
  expect_status(status, {GANTRY_BAD_STATE}, "quote_many()");
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto alone = quote(at, swaps[i]);
    if (status == GANTRY_BAD_STATE) {
      require(!alone.ok(), "quote_many() does not read a state that quote() reads");
      continue;
    }
    require(said[i] == alone.status, fmt::format("quote_many() answers {} where quote() answers {}",
                                                 status_text(said[i]), status_text(alone.status)));
    require(!alone.ok() || std::memcmp(&answers[i], &alone.quote, sizeof(gantry_quote)) == 0,
            "quote_many() answers another quote than quote()");
  }
}

gantry_status Dex::limits(const At& at, Way way, gantry_swap_limits& out) {
  memory_.begin();
  const auto* where = point(at);
  auto* answer = memory_.out<gantry_swap_limits>(0x5A);
  memory_.seal();
  set_phase("limits()");
  const auto status = table_->limits(object_, where, way.in, way.out, answer);
  out = *answer;
  memory_.end();
  expect_status(status,
                {GANTRY_NO_LIQUIDITY, GANTRY_UNSUPPORTED, GANTRY_NEED_STATE, GANTRY_REFUSED,
                 GANTRY_BAD_STATE, GANTRY_BAD_ARGUMENT},
                "limits()");
  tell_struct("limits", status, status == GANTRY_OK ? out : gantry_swap_limits{});
  return status;
}

gantry_status Dex::segments(const At& at, Way way, std::vector<gantry_segment>& out,
                            std::uint32_t capacity) {
  memory_.begin();
  const auto* where = point(at);
  auto* rows = reinterpret_cast<gantry_segment*>(
      memory_.room(sizeof(gantry_segment) * capacity, alignof(gantry_segment), 0x5A));
  auto* count = memory_.out<std::uint32_t>(0x5A);
  memory_.seal();
  set_phase("segments()");
  const auto status = table_->segments(object_, where, way.in, way.out, rows, capacity, count);
  if (status == GANTRY_OK) {
    require(*count <= capacity,
            fmt::format("segments() says that it wrote {} where there was room for {}", *count,
                        capacity));
    out.assign(rows, rows + *count);
  }
  memory_.end();
  expect_status(status,
                {GANTRY_UNSUPPORTED, GANTRY_NEED_STATE, GANTRY_REFUSED, GANTRY_BAD_STATE,
                 GANTRY_BAD_ARGUMENT, GANTRY_NO_LIQUIDITY},
                "segments()");
  tell("segments", status);
  for (const gantry_segment& segment : out) tell_struct("segment", status, segment);
  return status;
}

gantry_status Dex::view(const At& at, std::vector<gantry_amount>& balances, std::uint32_t& fee,
                        std::uint32_t room) {
  memory_.begin();
  const auto* where = point(at);
  auto* rows = reinterpret_cast<gantry_amount*>(
      memory_.room(sizeof(gantry_amount) * room, alignof(gantry_amount), 0x5A));
  auto* out = memory_.out<gantry_pool_view>(0);
  *out = {0, room, rows};
  memory_.seal();
  set_phase("view()");
  const auto status = table_->view(object_, where, out);
  const gantry_pool_view said = *out;
  if (status == GANTRY_OK) {
    require(said.balances == rows && said.token_count <= room,
            fmt::format("view() says that it wrote {} balances where there was room for {}",
                        said.token_count, room));
    balances.assign(rows, rows + said.token_count);
    fee = said.fee;
  } else if (status == GANTRY_NEED_SIZE) {
    require(said.token_count > room,
            fmt::format("view() answered GANTRY_NEED_SIZE with room for {}, and needs {}", room,
                        said.token_count));
  }
  memory_.end();
  expect_status(status, {GANTRY_NEED_SIZE, GANTRY_BAD_STATE, GANTRY_NEED_STATE, GANTRY_REFUSED},
                "view()");
  tell("view", status);
  for (const gantry_amount& balance : balances) tell_struct("balance", status, balance);
  return status;
}

std::optional<u256> Dex::balance(const At& at, std::uint32_t token) {
  std::vector<gantry_amount> balances;
  std::uint32_t fee = 0;
  const auto count = static_cast<std::uint32_t>(at.pool->tokens.size());
  if (view(at, balances, fee, count) != GANTRY_OK || token >= balances.size()) return std::nullopt;
  return u256(balances[token]);
}

std::uint32_t Dex::fee(const At& at) {
  std::vector<gantry_amount> balances;
  std::uint32_t fee = 0;
  view(at, balances, fee, static_cast<std::uint32_t>(at.pool->tokens.size()));
  return fee;
}

gantry_status Dex::build_swap(const At& at, const gantry_swap_order& order,
                              std::vector<Instruction>& out, std::size_t room) {
  struct Sink {
    std::vector<Instruction>& out;
    std::size_t room;
  } sink{out, room};
  out.clear();
  memory_.begin();
  const auto* given = spec(*at.pool);
  const auto* where = point(at);
  const auto* asked = memory_.in(order);
  const auto* face = memory_.in(gantry_instruction_sink{
      &sink, [](void* self, const gantry_instruction* instruction) -> gantry_status {
        auto& all = *static_cast<Sink*>(self);
        if (all.room == 0) return GANTRY_REFUSED;
        --all.room;
        if (instruction->data.size > 0 && instruction->data.data == nullptr) {
          return GANTRY_BAD_ARGUMENT;
        }
        Instruction copy{*instruction, {}};
        if (instruction->data.size > 0) {
          copy.data.assign(instruction->data.data, instruction->data.data + instruction->data.size);
        }
        all.out.push_back(std::move(copy));
        return GANTRY_OK;
      }});
  memory_.seal();
  set_phase("build_swap()");
  const auto status = table_->build_swap(object_, given, where, asked, face);
  memory_.end();
  expect_status(status,
                {GANTRY_UNSUPPORTED, GANTRY_BAD_STATE, GANTRY_BAD_ARGUMENT, GANTRY_REFUSED,
                 GANTRY_NO_LIQUIDITY, GANTRY_OUT_OF_RANGE},
                "build_swap()");
  tell("build_swap", status);
  for (const Instruction& instruction : out) tell("call", status, instruction.data);
  return status;
}

gantry_status Dex::discover() {
  std::vector<Request> asked;
  RequestSink sink{asked, 256};
  memory_.begin();
  const auto* where = context();
  const auto* face = memory_.in(gantry_request_sink{&sink, &RequestSink::emit});
  const auto* pools = memory_.in(gantry_pool_sink{
      nullptr, [](void*, const gantry_pool_spec*) -> gantry_status { return GANTRY_OK; }});
  auto* bytes = memory_.room(256, 16, 0);
  auto* next = memory_.out<gantry_buffer>(0);
  *next = {bytes, 256, 0};
  memory_.seal();
  set_phase("discover()");
  const auto status = table_->discover(object_, where, {nullptr, 0}, nullptr, 0, face, pools, next);
  memory_.end();
  expect_status(status, {GANTRY_NEED_STATE, GANTRY_UNSUPPORTED, GANTRY_BAD_STATE, GANTRY_NEED_SIZE},
                "discover()");
  tell("discover", status);
  return status;
}

}  // namespace gantry::host::kit
