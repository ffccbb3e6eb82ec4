// What a venue decodes: answers of contracts and logs, of a pool that it asked about, most of them
// as they could be, some spoilt. The venue is called through its table, as the host calls it.
//
// What has to hold: bytes that are refused leave the state as it was; the same bytes give the same
// state; what is accepted quotes the same every time, and within what the pool says of itself.
#include <algorithm>
#include <array>
#include <map>
#include <memory>

#include "tests/fuzz/venue/scene.hpp"

extern "C" const gantry_plugin_entry gantry_plugin;  // linked in, not loaded

namespace {

using namespace gantry;
using namespace gantry::fuzz;
using Chunks = std::map<std::uint32_t, Bytes>;

constexpr int steps_max = 48;
constexpr std::uint32_t requests_max = 1100;  // of one round

const gantry_dex_v1& table() {
  static const auto* const dex =
      static_cast<const gantry_dex_v1*>(gantry_plugin.get_interface(GANTRY_DEX_ID));
  return *dex;
}

// A writer into memory of each chunk's own, so that one byte too far is seen.
struct Writer {
  Chunks chunks;
  bool gives = true;

  gantry_state_writer face() {
    return {this, [](void* self, std::uint32_t index, std::uint64_t size) -> std::uint8_t* {
              auto& to = *static_cast<Writer*>(self);
              if (!to.gives || index >= 64 || size == 0 || size > (1U << 20U)) return nullptr;
              Bytes& chunk = to.chunks[index];
              if (!chunk.empty() && chunk.size() != size) return nullptr;
              if (chunk.empty()) chunk.resize(size);
              return chunk.data();
            }};
  }
};

// A fact with what it points to.
struct Told {
  gantry_fact fact{};
  Bytes topics;
  Bytes data;
};

class Pool {
 public:
  Pool(gantry_dex_instance* venue, Input& in) : venue_(venue), in_(in), scene_(in) {
    context_.chain = text("eip155:1");
    context_.state_time_s = scene_.time_s != 0 ? scene_.time_s : 1'700'000'000;
    scene_.time_s = context_.state_time_s;
    context_.execution_time_s = context_.state_time_s + 12U * in.below(2);
    for (std::size_t i = 0; i < scene_.decimals.size(); ++i) {
      tokens_.push_back({scene_.token(i), scene_.decimals[i], 0});
    }
    metadata_ = {scene_.metadata.begin(), scene_.metadata.end()};
    spec_.address = scene_.address;
    spec_.tokens = tokens_.data();
    spec_.token_count = static_cast<std::uint32_t>(tokens_.size());
    spec_.metadata = {metadata_.data(), metadata_.size()};
  }

  void run() {
    if (!open()) return;
    for (int step = 0; step < steps_max && !in_.empty(); ++step) {
      switch (in_.below(8)) {
        case 0:
        case 1:
        case 2:
          ask_and_apply();
          break;
        case 3:
          apply_logs();
          break;
        case 4:
          limits();
          break;
        case 5:
          segments();
          discover();
          break;
        default:
          quote();
          break;
      }
    }
  }

 private:
  bool open() {
    Writer writer;
    const auto face = writer.face();
    gantry_error error{};
    const auto status = table().open_pool(venue_, &spec_, &face, &traits_, &error);
    if (status != GANTRY_OK) {
      must(status == GANTRY_REFUSED || status == GANTRY_BAD_STATE);
      return false;
    }
    must(traits_.overlay_bytes <= GANTRY_OVERLAY_BYTES_MAX);
    state_ = std::move(writer.chunks);
    return true;
  }

  gantry_pool_state state() {
    views_.clear();
    for (const auto& [index, bytes] : state_) {
      views_.resize(index + 1U, gantry_bytes{});
      views_[index] = {bytes.data(), bytes.size()};
    }
    gantry_pool_state state{};
    state.base = {views_.data(), static_cast<std::uint32_t>(views_.size()), 0};
    state.overlay = {overlay_.data(), overlay_.size()};
    state.context = &context_;
    return state;
  }

  std::vector<Question> questions(gantry_status& status) {
    std::vector<Question> asked;
    const gantry_request_sink sink{
        &asked, [](void* self, const gantry_request* request) -> gantry_status {
          auto& all = *static_cast<std::vector<Question>*>(self);
          must(request->payload.size == 0 || request->payload.data != nullptr);
          if (all.size() == requests_max) return GANTRY_REFUSED;
          all.push_back({request->source,
                         request->tag,
                         request->target,
                         {request->payload.data, request->payload.data + request->payload.size}});
          return GANTRY_OK;
        }};
    const auto now = state();
    status = table().requests(venue_, &context_, &spec_, &now.base, round_, &sink);
    return asked;
  }

  void ask_and_apply() {
    gantry_status status = GANTRY_OK;
    const std::vector<Question> asked = questions(status);
    must(status == GANTRY_OK || status == GANTRY_NEED_STATE || status == GANTRY_REFUSED);
    round_ = status == GANTRY_NEED_STATE && round_ < 16 ? round_ + 1 : 0;
    std::vector<Told> told;
    block_ += in_.below(2);
    for (const Question& question : asked) {
      if (question.source == GANTRY_SOURCE_EVM_LOG) continue;
      Told& one = told.emplace_back();
      one.fact.source = question.source;
      one.fact.tag = question.tag;
      one.fact.block = block_;
      one.fact.emitter = question.target;
      one.data = scene_.answer(question, in_);
      if (one.data.empty()) one.fact.status = GANTRY_REFUSED;
    }
    apply(told);
  }

  void apply_logs() {
    std::vector<Told> told(1 + in_.below(3));
    block_ += in_.below(2);
    for (Told& one : told) {
      Log log = scene_.log(in_);
      one.topics = std::move(log.topics);
      one.data = std::move(log.data);
      one.fact.source = GANTRY_SOURCE_EVM_LOG;
      one.fact.block = block_;
      one.fact.log_index = log_index_++;
      one.fact.emitter = spec_.address;
    }
    apply(told);
  }

  // What a provider, a contract that is none, or a damaged recording makes of it.
  void spoil(std::vector<Told>& told) {
    Told& one = told[in_.value<std::uint16_t>() % told.size()];
    switch (in_.below(8)) {
      case 0:
        one.data.resize(in_.value<std::uint8_t>());
        break;
      case 1:
        if (!one.data.empty())
          one.data[in_.value<std::uint16_t>() % one.data.size()] ^= in_.value<std::uint8_t>();
        break;
      case 2:
        if (one.data.size() >= 32) {
          const std::size_t word = in_.value<std::uint16_t>() % (one.data.size() / 32);
          store_be(u256(in_.amount()), one.data.data() + 32 * word);
        }
        break;
      case 3:
        one.fact.status = in_.one_in(4) ? in_.value<gantry_status>() : GANTRY_REFUSED;
        break;
      case 4:
        one.fact.tag = in_.value<std::uint32_t>();
        break;
      case 5:
        one.fact.source =
            in_.one_in(4) ? in_.value<std::int32_t>() : 1 + static_cast<std::int32_t>(in_.below(6));
        break;
      case 6:
        one.topics.resize(in_.below(140));
        break;
      default:
        told.push_back(told[in_.value<std::uint16_t>() % told.size()]);
        break;
    }
  }

  void apply(std::vector<Told>& told) {
    while (!told.empty() && told.size() < requests_max && in_.one_in(8)) spoil(told);
    std::vector<gantry_fact> facts;
    for (Told& one : told) {
      one.fact.topics = {one.topics.data(), one.topics.size()};
      one.fact.data = {one.data.data(), one.data.size()};
      facts.push_back(one.fact);
    }
    const Chunks before = state_;
    Writer first;
    Writer again;
    first.gives = again.gives = !in_.one_in(64);
    const gantry_status status = apply_into(first, facts);
    must(state_ == before);
    must(apply_into(again, facts) == status && again.chunks == first.chunks);
    if (!first.gives) return must(status != GANTRY_OK && status != GANTRY_NEED_STATE);
    // Its own fault is none of the answers to what others sent.
    must(status == GANTRY_OK || status == GANTRY_NEED_STATE || status == GANTRY_BAD_STATE ||
         status == GANTRY_REFUSED);
    if (status != GANTRY_OK && status != GANTRY_NEED_STATE) return;
    for (auto& [index, bytes] : first.chunks) state_[index] = std::move(bytes);
    overlay_.clear();
    quotable_ = status == GANTRY_OK;
    gantry_status asks = GANTRY_OK;
    const auto asked = questions(asks);
    gantry_status asks_again = GANTRY_OK;
    const auto asked_again = questions(asks_again);
    must(asks == asks_again && asked.size() == asked_again.size());
    for (std::size_t i = 0; i < asked.size(); ++i) {
      must(asked[i].tag == asked_again[i].tag && asked[i].payload == asked_again[i].payload);
    }
  }

  gantry_status apply_into(Writer& writer, const std::vector<gantry_fact>& facts) {
    const auto now = state();
    const auto face = writer.face();
    return table().apply(venue_, &context_, &now.base, facts.data(),
                         static_cast<std::uint32_t>(facts.size()), &face);
  }

  gantry_swap swap() {
    gantry_swap swap{};
    swap.amount = in_.amount();
    if (in_.below(2) == 0) swap.amount = shift_right(u256(swap.amount), in_.below(192));
    const std::uint32_t count = spec_.token_count;
    swap.token_in = in_.one_in(16) ? in_.value<std::uint32_t>() : in_.below(count);
    swap.token_out = in_.one_in(16) ? in_.value<std::uint32_t>()
                                    : (swap.token_in + 1 + in_.below(count - 1)) % count;
    swap.mode =
        in_.one_in(16) ? in_.value<std::int32_t>() : static_cast<std::int32_t>(in_.below(2));
    swap.wants = in_.below(2);
    return swap;
  }

  static bool same(const gantry_quote& a, const gantry_quote& b) {
    return u256(a.amount_in) == u256(b.amount_in) && u256(a.amount_out) == u256(b.amount_out) &&
           u256(a.fee) == u256(b.fee) && a.gas == b.gas && a.crossings == b.crossings;
  }

  void quote() {
    const gantry_pool_state now = state();
    const gantry_swap wanted = swap();
    Bytes room(traits_.overlay_bytes);
    gantry_buffer next{room.data(), room.size(), 0};
    gantry_quote out{};
    const auto status = table().quote(venue_, &now, &wanted, &out, &next);
    gantry_quote alone{};
    must(table().quote(venue_, &now, &wanted, &alone, nullptr) == status);
    gantry_quote many{};
    gantry_status many_status = GANTRY_OK;
    if (table().quote_many(venue_, &now, &wanted, 1, &many, &many_status) == GANTRY_OK) {
      must(many_status == status);
    } else {
      must(status != GANTRY_OK);
    }
    must(status != GANTRY_NEED_SIZE);
    if (status != GANTRY_OK) return;
    must(same(out, alone) && same(out, many) && next.size <= room.size());
    if (!quotable_) return;  // the host asks such a pool nothing
    must(wanted.mode == GANTRY_EXACT_IN ? u256(out.amount_in) == u256(wanted.amount)
                                        : u256(out.amount_out) == u256(wanted.amount));
    must(!u256(out.amount_out).is_zero());
    must(out.price_impact >= 0 && out.price_impact <= 1);
    must(out.fee_on_out != 0 || u256(out.fee) <= u256(out.amount_in));
    std::vector<gantry_amount> balances(spec_.token_count);
    gantry_pool_view view{0, spec_.token_count, balances.data()};
    // What lies on the other side of the price may be past understanding.
    const auto seen = table().view(venue_, &now, &view);
    must(seen == GANTRY_OK || seen == GANTRY_BAD_STATE);
    if (seen == GANTRY_OK) must(u256(out.amount_out) <= u256(balances[wanted.token_out]));
    if (in_.below(2) != 0)
      overlay_.assign(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(next.size));
  }

  gantry_status quote_in(const u256& amount, std::uint32_t in, std::uint32_t out,
                         gantry_quote& quote) {
    const auto now = state();
    const gantry_swap swap{amount, in, out, GANTRY_EXACT_IN, 0};
    return table().quote(venue_, &now, &swap, &quote, nullptr);
  }

  void limits() {
    const gantry_pool_state now = state();
    const gantry_swap way = swap();
    gantry_swap_limits limits{};
    if (table().limits(venue_, &now, way.token_in, way.token_out, &limits) != GANTRY_OK) return;
    if (!quotable_) return;
    must(u256(limits.in_min) <= u256(limits.in_max));
    gantry_quote paid{};
    must(quote_in(u256(limits.in_max), way.token_in, way.token_out, paid) == GANTRY_OK);
    must(u256(paid.amount_out) <= u256(limits.out_max));
    must(quote_in(u256(limits.in_min), way.token_in, way.token_out, paid) == GANTRY_OK);
    must(u256(paid.amount_out) <= u256(limits.out_max));
    if (u256(limits.in_max) == u256::max()) return;
    const u256 beyond = wrapping_add(u256(limits.in_max), u256(1));
    must(quote_in(beyond, way.token_in, way.token_out, paid) != GANTRY_OK);
  }

  void segments() {
    const gantry_pool_state now = state();
    std::vector<gantry_segment> segments(in_.below(9));
    std::uint32_t count = 0;
    const gantry_swap way = swap();
    if (table().segments(venue_, &now, way.token_in, way.token_out, segments.data(),
                         static_cast<std::uint32_t>(segments.size()), &count) == GANTRY_OK) {
      must(count <= segments.size());
    }
    std::vector<gantry_amount> balances(in_.below(10));
    gantry_pool_view view{0, static_cast<std::uint32_t>(balances.size()), balances.data()};
    if (table().view(venue_, &now, &view) == GANTRY_OK) must(view.token_count <= balances.size());
  }

  // A round of looking for pools, with an answer to each question of the one before.
  void discover() {
    std::vector<Told> told;
    for (const Question& question : looking_) {
      Told& one = told.emplace_back();
      one.fact.source = question.source;
      one.fact.tag = question.tag;
      one.fact.emitter = question.target;
      one.data = scene_.answer(question, in_);
      if (one.data.empty()) one.fact.status = GANTRY_REFUSED;
    }
    if (!told.empty() && in_.one_in(8)) spoil(told);
    std::vector<gantry_fact> facts;
    for (Told& one : told) {
      one.fact.topics = {one.topics.data(), one.topics.size()};
      one.fact.data = {one.data.data(), one.data.size()};
      facts.push_back(one.fact);
    }
    looking_.clear();
    const gantry_request_sink requests{
        &looking_, [](void* self, const gantry_request* request) -> gantry_status {
          auto& all = *static_cast<std::vector<Question>*>(self);
          must(request->payload.size == 0 || request->payload.data != nullptr);
          if (all.size() == requests_max) return GANTRY_REFUSED;
          all.push_back({request->source,
                         request->tag,
                         request->target,
                         {request->payload.data, request->payload.data + request->payload.size}});
          return GANTRY_OK;
        }};
    const gantry_pool_sink pools{nullptr, [](void*, const gantry_pool_spec* spec) -> gantry_status {
                                   must(spec->token_count == 2 && spec->tokens[0].decimals <= 77);
                                   return GANTRY_OK;
                                 }};
    if (in_.one_in(8)) cursor_ = in_.bytes(in_.below(200));
    Bytes room(in_.one_in(8) ? in_.below(64) : 4096);
    gantry_buffer next{room.data(), room.size(), 0};
    const auto status =
        table().discover(venue_, &context_, {cursor_.data(), cursor_.size()}, facts.data(),
                         static_cast<std::uint32_t>(facts.size()), &requests, &pools, &next);
    if (status == GANTRY_NEED_SIZE) return must(next.size > room.size());
    must(status == GANTRY_OK || status == GANTRY_NEED_STATE || status == GANTRY_UNSUPPORTED ||
         status == GANTRY_BAD_STATE);
    if (status != GANTRY_OK && status != GANTRY_NEED_STATE) return looking_.clear();
    must(next.size <= room.size());
    cursor_.assign(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(next.size));
  }

  gantry_dex_instance* venue_;
  Input& in_;
  Scene scene_;
  gantry_context context_{};
  std::vector<gantry_pool_token> tokens_;
  Bytes metadata_;
  gantry_pool_spec spec_{};
  gantry_pool_traits traits_{};
  Chunks state_;
  std::vector<gantry_bytes> views_;
  Bytes overlay_;
  std::vector<Question> looking_;  // of the last round of discover()
  Bytes cursor_;
  std::uint32_t round_ = 0;
  std::uint64_t block_ = 100;
  std::uint32_t log_index_ = 0;
  bool quotable_ = false;  // as the last apply() says
};

// One for each set of parameters.
struct Venues {
  std::vector<gantry_dex_instance*> made;

  Venues() {
    for (const auto& parameters : Scene::instances()) made.push_back(make_dex(table(), parameters));
  }
  ~Venues() {
    for (gantry_dex_instance* instance : made) table().destroy(instance);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Venues venues;
  Input in(data, size);
  Pool(venues.made[in.below(static_cast<std::uint32_t>(venues.made.size()))], in).run();
  return 0;
}
