// Uniswap V3 and its forks, told apart by their factory and router. Formulas: UniswapV3Pool.swap
// and the libraries of @uniswap/v3-core 1.0.1, whose arithmetic PancakeSwap's pools share.
//
// Only the factory can say that a pool is its own: it is asked for the pool of the tokens and fee,
// and for the tick spacing of the fee, before anything is quoted.
#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "gantry/dex.hpp"
#include "plugins/dex/evm/pair_search.hpp"
#include "plugins/dex/uniswap_v3/abi.hpp"
#include "plugins/dex/uniswap_v3/pending.hpp"
#include "plugins/dex/uniswap_v3/shape.hpp"
#include "plugins/dex/uniswap_v3/state.hpp"
#include "plugins/dex/uniswap_v3/update.hpp"
#include "plugins/dex/uniswap_v3/walk.hpp"

namespace gantry::uniswap_v3 {
namespace {

// The pool's part of a swap is 90,000 as QuoterV2 measures it, and the router and both transfers
// come to that. A crossing is dearer, to 39,000, where a tick is crossed for the first time.
constexpr std::uint64_t swap_gas = 120'000;
constexpr std::uint64_t crossing_gas = 30'000;
constexpr std::uint64_t word_gas = 7'500;  // the end of a word

// The fees that factories have been seen to allow; one that this factory does not has no pools.
constexpr std::uint32_t tiers[] = {100, 200, 300, 400, 500, 2500, 3000, 10000};

// Words or ticks asked for in one round.
constexpr std::uint32_t requests_per_round = 512;

using Address = std::array<std::uint8_t, evm::address_bytes>;

gantry_address to_gantry(const Address& bytes) noexcept {
  gantry_address address{};
  address.kind = GANTRY_ADDRESS_EVM;
  address.length = evm::address_bytes;
  std::memcpy(address.bytes, bytes.data(), bytes.size());
  return address;
}

bool is_evm(const gantry_address& address) noexcept {
  return address.kind == GANTRY_ADDRESS_EVM && address.length == evm::address_bytes;
}

class UniswapV3 final : public DexPlugin {
 public:
  UniswapV3(Host host, const Config& config)
      : host_(host),
        factory_(address_of(config, "factory")),
        router_(address_of(config, "router")),
        router_deadline_(config.boolean("router_deadline")),
        words_around_(static_cast<std::int32_t>(config.integer("words_around"))),
        discover_tokens_(
            evm::parse_token_list("discover_tokens", config.string("discover_tokens"))),
        routers_(evm::parse_routers(config.string("pending_routers"))),
        maker_(maker_of(factory_, config.string("init_code_hash"))) {
    if (!factory_ && !discover_tokens_.empty()) {
      throw Refused("discover_tokens is set and factory is not: who is to be asked for pools?");
    }
  }

  gantry_status discover(const gantry_context&, gantry_bytes cursor,
                         std::span<const gantry_fact> facts, const gantry_request_sink* requests,
                         const gantry_pool_sink* pools, gantry_buffer* next_cursor) override {
    if (discover_tokens_.empty()) return GANTRY_UNSUPPORTED;
    const evm::PairSearch search{host_, *factory_, discover_tokens_, std::size(tiers)};
    return evm::search_pairs(
        search, view(cursor), facts, {requests, pools, next_cursor},
        [](const Address& token0, const Address& token1, std::uint32_t tier) {
          Call call(get_pool_selector);
          call.add_address(token0.data()).add_address(token1.data()).add(u256(tiers[tier]));
          return std::vector(call.bytes().begin(), call.bytes().end());
        });
  }

  gantry_status open_pool(const gantry_pool_spec& spec, StateWriter writer,
                          gantry_pool_traits& traits) override {
    if (spec.token_count != 2) throw Refused("a pool of Uniswap V3 has two tokens");
    if (!is_evm(spec.address)) throw Refused("a pool of Uniswap V3 has an EVM address");
    for (const std::uint32_t i : {0U, 1U}) {
      if (!is_evm(spec.tokens[i].address)) throw Refused("its tokens have EVM addresses");
    }
    if (std::memcmp(spec.tokens[0].address.bytes, spec.tokens[1].address.bytes,
                    evm::address_bytes) >= 0) {
      throw Refused("token 0 of a pool of Uniswap V3 is the one with the lower address");
    }
    Head head{};
    head.magic = head_magic;
    std::memcpy(head.pool, spec.address.bytes, sizeof(head.pool));
    if (!factory_) head.known = knows_pool_is_factorys | knows_tier_is_factorys;
    std::uint8_t* chunk = writer.chunk(0, sizeof(head));
    if (chunk == nullptr) return GANTRY_HOST_FAULT;
    std::memcpy(chunk, &head, sizeof(head));
    traits.flags = GANTRY_POOL_EXACT_OUT | GANTRY_POOL_SEGMENTS | GANTRY_POOL_FOLLOWS_LOGS;
    if (!router_) traits.flags |= GANTRY_POOL_CALLBACK;
    traits.overlay_bytes = sizeof(After);
    traits.swap_gas = swap_gas;
    return GANTRY_OK;
  }

  gantry_status requests(const gantry_context&, const gantry_pool_spec& spec,
                         const gantry_state& state, std::uint32_t round,
                         const gantry_request_sink* sink) const override {
    const Head* head = head_of(state);
    if (head == nullptr) return GANTRY_BAD_STATE;
    if (round == 0) return request_head(spec, *head, sink);
    if ((head->known & (knows_slot0 | knows_fee | knows_spacing)) !=
        (knows_slot0 | knows_fee | knows_spacing)) {
      return GANTRY_NEED_STATE;  // what round 0 asks for has not come
    }
    if (const auto status = request_factory(spec, *head, sink); status != GANTRY_OK) return status;
    return request_ticks(spec, state, *head, sink);
  }

  gantry_status apply(const gantry_context&, const gantry_state& old,
                      std::span<const gantry_fact> facts, StateWriter writer) const override {
    Update update(old, writer, (words_around_ + 1) / 2);
    const gantry_status status = update.run(facts);
    if (status == GANTRY_REFUSED) {
      warn_of(head_of(old)->pool, update.refusal());
    }
    return status;
  }

  gantry_status quote(const gantry_pool_state& state, const gantry_swap& swap, gantry_quote& out,
                      gantry_buffer* next) const override {
    Pool pool;
    if (const auto status = look(state, swap.token_in, swap.token_out, pool); status != GANTRY_OK) {
      return status;
    }
    if (next != nullptr && next->capacity < sizeof(After)) {
      next->size = sizeof(After);
      return GANTRY_NEED_SIZE;
    }
    const bool falls = swap.token_in == 0;
    switch (swap.mode) {
      case GANTRY_EXACT_IN:
        return falls ? quote_way<true, true>(pool, swap, out, next)
                     : quote_way<false, true>(pool, swap, out, next);
      case GANTRY_EXACT_OUT:
        return falls ? quote_way<true, false>(pool, swap, out, next)
                     : quote_way<false, false>(pool, swap, out, next);
      default:
        return GANTRY_UNSUPPORTED;
    }
  }

  gantry_status limits(const gantry_pool_state& state, std::uint32_t token_in,
                       std::uint32_t token_out, gantry_swap_limits& out) const override {
    Pool pool;
    if (const auto status = look(state, token_in, token_out, pool); status != GANTRY_OK) {
      return status;
    }
    return token_in == 0 ? limits_way<true>(pool, out) : limits_way<false>(pool, out);
  }

  std::optional<std::uint32_t> segments(const gantry_pool_state& state, std::uint32_t token_in,
                                        std::uint32_t token_out,
                                        std::span<gantry_segment> out) const override {
    Pool pool;
    if (look(state, token_in, token_out, pool) != GANTRY_OK) return 0;
    const Ticks ticks(state.base, pool.head->spacing);
    return token_in == 0 ? segments_from<true>(ticks, pool.place, pool.head->fee, out)
                         : segments_from<false>(ticks, pool.place, pool.head->fee, out);
  }

  // What the known ticks can pay of either token; the pool's balance may be larger, by fees that
  // nobody has collected.
  gantry_status pool_view(const gantry_pool_state& state, gantry_pool_view& out) const override {
    if (out.token_count < 2) {
      out.token_count = 2;
      return GANTRY_NEED_SIZE;
    }
    Pool pool;
    const auto status = look(state, 0, 1, pool);
    if (status != GANTRY_OK && status != GANTRY_NO_LIQUIDITY) return GANTRY_BAD_STATE;
    out.fee = pool.head->fee;
    out.token_count = 2;
    const bool empty = status == GANTRY_NO_LIQUIDITY;
    const Ticks ticks(state.base, pool.head->spacing);
    const Sum rising = empty ? Sum{} : sum_of<false>(ticks, pool.place, pool.head->fee);
    const Sum falling = empty ? Sum{} : sum_of<true>(ticks, pool.place, pool.head->fee);
    if (rising.status == GANTRY_BAD_STATE || falling.status == GANTRY_BAD_STATE) {
      return GANTRY_BAD_STATE;
    }
    // As far as the edges go a quote asks them alone, which may have outlived their ticks.
    out.balances[0] = std::max(rising.amount_out, empty ? u256() : paid_at_edges<false>(pool));
    out.balances[1] = std::max(falling.amount_out, empty ? u256() : paid_at_edges<true>(pool));
    return GANTRY_OK;
  }

  gantry_status build_swap(const gantry_pool_spec& spec, const gantry_pool_state& state,
                           const gantry_swap_order& order,
                           const gantry_instruction_sink* sink) const override {
    const Head* head = head_of(state.base);
    if (head == nullptr || (head->known & knows_fee) == 0) return GANTRY_BAD_STATE;
    const gantry_swap& swap = order.swap;
    if (swap.token_in > 1 || swap.token_out != (swap.token_in ^ 1U) || !is_evm(order.recipient)) {
      return GANTRY_BAD_ARGUMENT;
    }
    if (swap.mode != GANTRY_EXACT_IN) return GANTRY_UNSUPPORTED;
    const u256 amount(swap.amount);
    if (amount.is_zero() || amount.limb(3) >> 63U != 0 || u256(order.out) < u256(order.min_out)) {
      return GANTRY_BAD_ARGUMENT;
    }
    return router_ ? build_routed(spec, *head, order, sink) : build_direct(spec, order, sink);
  }

  gantry_status routers(AddressSink sink) const { return evm::emit_routers(routers_, sink); }
  gantry_status decode(const gantry_pending_transaction& transaction, PendingSink sink) const {
    const auto status = evm::each_universal_swap(transaction, [&](const evm::UniversalSwap& swap) {
      return decode_universal(*maker_, swap, sink);
    });
    if (status != GANTRY_UNSUPPORTED) return status;
    return evm::each_call(
        transaction, [&](const evm::RouterCall& call) { return decode_call(*maker_, call, sink); });
  }
  const void* get_extension(const char* id) const override {
    return maker_ && !routers_.empty() ? dex_pending<UniswapV3>(id) : nullptr;
  }

 private:
  static std::optional<PoolMaker> maker_of(const std::optional<Address>& factory,
                                           std::string_view init_code_hash) {
    if (init_code_hash.empty() || !factory) return std::nullopt;
    const auto hash = evm::parse_hex<evm::word_bytes>(init_code_hash);
    if (!hash) {
      throw Refused("init_code_hash `" + std::string(init_code_hash) +
                    "` is not 0x and 64 hexadecimal digits");
    }
    return PoolMaker{*factory, *hash};
  }

  // A pool to be quoted: the overlay's price where there is one.
  struct Pool {
    const gantry_state* base = nullptr;
    const Head* head = nullptr;
    Place place;
    bool is_base = false;
  };

  static std::optional<Address> address_of(const Config& config, std::string_view key) {
    const std::string_view text = config.string(key);
    if (text.empty()) return std::nullopt;
    const auto address = parse_address(text);
    if (!address) {
      throw Refused(std::string(key) + " = \"" + std::string(text) +
                    "\" is no address: 0x and 40 hexadecimal digits");
    }
    return address;
  }

  // "pool 0x... is refused: why", without memory of the heap.
  void warn_of(const std::uint8_t (&address)[evm::address_bytes],
               std::string_view why) const noexcept {
    constexpr std::string_view digits = "0123456789abcdef";
    char line[200];
    std::size_t size = 0;
    const auto add = [&](std::string_view text) {
      const std::size_t fits = std::min(text.size(), sizeof(line) - size);
      std::memcpy(line + size, text.data(), fits);
      size += fits;
    };
    add("pool 0x");
    for (const std::uint8_t byte : address) {
      add(digits.substr(byte >> 4U, 1));
      add(digits.substr(byte & 15U, 1));
    }
    add(" is refused: ");
    add(why);
    host_.warning({line, size});
  }

  gantry_status request_head(const gantry_pool_spec& spec, const Head& head,
                             const gantry_request_sink* sink) const {
    const auto call = [&](std::uint32_t tag, const evm::Selector& selector) {
      const gantry_request request{GANTRY_SOURCE_EVM_CALL, tag, spec.address, c_bytes(selector)};
      return emit(sink, request);
    };
    gantry_status status = call(tag_slot0, slot0_selector);
    if (status == GANTRY_OK) status = call(tag_liquidity, liquidity_selector);
    if (status == GANTRY_OK && (head.known & knows_fee) == 0) status = call(tag_fee, fee_selector);
    if (status == GANTRY_OK && (head.known & knows_spacing) == 0) {
      status = call(tag_spacing, tick_spacing_selector);
    }
    // Flash, Collect and SetFeeProtocol change nothing that a quote depends on.
    for (const evm::Topic* topic :
         {&swap_topic, &pancake_swap_topic, &mint_topic, &burn_topic, &initialize_topic}) {
      if (status != GANTRY_OK) return status;
      const gantry_request logs{GANTRY_SOURCE_EVM_LOG, 0, spec.address, c_bytes(*topic)};
      status = emit(sink, logs);
    }
    return status == GANTRY_OK ? GANTRY_NEED_STATE : status;
  }

  gantry_status request_factory(const gantry_pool_spec& spec, const Head& head,
                                const gantry_request_sink* sink) const {
    if (!factory_) return GANTRY_OK;
    if ((head.known & knows_pool_is_factorys) == 0) {
      Call call(get_pool_selector);
      call.add_address(spec.tokens[0].address.bytes);
      call.add_address(spec.tokens[1].address.bytes).add(u256(head.fee));
      const gantry_request request{GANTRY_SOURCE_EVM_CALL, tag_get_pool, to_gantry(*factory_),
                                   c_bytes(call.bytes())};
      if (const auto status = emit(sink, request); status != GANTRY_OK) return status;
    }
    if ((head.known & knows_tier_is_factorys) == 0) {
      Call call(fee_amount_tick_spacing_selector);
      call.add(u256(head.fee));
      const gantry_request request{GANTRY_SOURCE_EVM_CALL, tag_tier, to_gantry(*factory_),
                                   c_bytes(call.bytes())};
      if (const auto status = emit(sink, request); status != GANTRY_OK) return status;
    }
    return GANTRY_OK;
  }

  // The words around the price that are not known, or, when all are, the ticks set in them.
  gantry_status request_ticks(const gantry_pool_spec& spec, const gantry_state& state,
                              const Head& head, const gantry_request_sink* sink) const {
    if (head.sqrt.load().is_zero()) return GANTRY_OK;  // an Initialize log comes first
    const Paging paging(head.spacing);
    const std::int32_t centre = paging.word_of(head.tick);
    const std::int32_t first = std::max(centre - words_around_, paging.first_word);
    const std::int32_t last = std::min(centre + words_around_, paging.last_word);
    std::uint32_t emitted = 0;
    for (std::int32_t number = first; number <= last && emitted < requests_per_round; ++number) {
      const PageView page = page_of(state, paging, paging.page_of(number));
      if (page && page.word(number) != nullptr) continue;
      Call call(tick_bitmap_selector);
      call.add_integer(number);
      const gantry_request request{GANTRY_SOURCE_EVM_CALL, tag_of_word(number), spec.address,
                                   c_bytes(call.bytes())};
      if (const auto status = emit(sink, request); status != GANTRY_OK) return status;
      ++emitted;
    }
    if (emitted != 0) return GANTRY_NEED_STATE;
    for (std::int32_t number = first; number <= last; ++number) {
      const PageView page = page_of(state, paging, paging.page_of(number));
      const Word* word = page ? page.word(number) : nullptr;
      if (word == nullptr) return GANTRY_BAD_STATE;
      for (const Tick& tick : page.ticks_of(*word)) {
        if (tick.pending == 0) continue;
        if (emitted == requests_per_round) return GANTRY_NEED_STATE;
        Call call(ticks_selector);
        call.add_integer(tick.tick);
        const gantry_request request{GANTRY_SOURCE_EVM_CALL, tag_of_tick(tick.tick), spec.address,
                                     c_bytes(call.bytes())};
        if (const auto status = emit(sink, request); status != GANTRY_OK) return status;
        ++emitted;
      }
    }
    return GANTRY_OK;
  }

  GANTRY_HOT static gantry_status look(const gantry_pool_state& state, std::uint32_t token_in,
                                       std::uint32_t token_out, Pool& out) noexcept {
    const Head* head = head_of(state.base);
    if (head == nullptr || (head->known & knows_all) != knows_all) return GANTRY_BAD_STATE;
    out.base = &state.base;
    out.head = head;
    if (state.overlay.size == 0) {
      out.place = {head->sqrt.load(), head->liquidity.load(), head->tick};
      out.is_base = true;
    } else {
      if (state.overlay.size != sizeof(After)) return GANTRY_BAD_STATE;
      const auto* after = reinterpret_cast<const After*>(state.overlay.data);
      if (after->magic != head_magic) return GANTRY_BAD_STATE;
      out.place = {after->sqrt.load(), after->liquidity.load(), after->tick};
    }
    if (token_in > 1 || token_out != (token_in ^ 1U)) return GANTRY_BAD_ARGUMENT;
    if (out.place.sqrt.is_zero()) return GANTRY_NO_LIQUIDITY;  // not initialized
    if (out.place.sqrt < sqrt_min || out.place.sqrt >= sqrt_max) return GANTRY_BAD_STATE;
    return head->locked != 0 ? GANTRY_REFUSED : GANTRY_OK;
  }

  // None of an overlay, whose price is another.
  template <bool zero_for_one>
  GANTRY_HOT static EdgeWalk edges_of(const Pool& pool) noexcept {
    return pool.is_base ? EdgeWalk(*pool.head, zero_for_one) : EdgeWalk();
  }

  template <bool zero_for_one>
  static u256 paid_at_edges(const Pool& pool) noexcept {
    u256 sum;
    EdgeWalk edges = edges_of<zero_for_one>(pool);
    while (const Edge* edge = edges.edge()) {
      sum = wrapping_add(sum, u256::from_u128(edge->amount_out.load()));
      if (edges.pass() == nullptr) break;
    }
    return sum;
  }

  template <bool zero_for_one, bool exact_in>
  static gantry_status quote_way(const Pool& pool, const gantry_swap& swap, gantry_quote& out,
                                 gantry_buffer* next) noexcept {
    const u256 amount(swap.amount);
    if (amount.is_zero()) return GANTRY_NO_LIQUIDITY;
    if (amount.limb(3) >> 63U != 0) return GANTRY_OUT_OF_RANGE;  // an int256 in the contract
    const EdgeWalk edges = edges_of<zero_for_one>(pool);
    const Edge* first = edges.edge();
    Swapped swapped;
    if (first == nullptr || !swap_inside<zero_for_one, exact_in>(pool, *first, amount, swapped)) {
      const gantry_status status =
          swap_across<zero_for_one, exact_in>(Ticks(*pool.base, pool.head->spacing), edges,
                                              pool.place, pool.head->fee, amount, swapped);
      if (status != GANTRY_OK) return status;
    }
    if (swapped.amount_out.is_zero()) return GANTRY_NO_LIQUIDITY;
    out.amount_in = swapped.amount_in;
    out.amount_out = swapped.amount_out;
    out.fee = swapped.fee;
    out.gas = swap_gas + crossing_gas * swapped.crossings + word_gas * swapped.words;
    out.price_impact = 0;
    out.fee_on_out = 0;
    out.crossings = swapped.crossings;
    if ((swap.wants & GANTRY_WANT_IMPACT) != 0) {
      out.price_impact = price_impact<zero_for_one>(pool.place.sqrt, swapped);
    }
    if (next != nullptr) write_after(swapped, *next);
    return GANTRY_OK;
  }

  // A swap that ends before the first edge, so that no page is looked at. False: it does not.
  template <bool zero_for_one, bool exact_in>
  GANTRY_HOT static bool swap_inside(const Pool& pool, const Edge& edge, const u256& amount,
                                     Swapped& out) noexcept {
    const u256 target = edge.sqrt.load();
    Step step;
    if constexpr (exact_in) {
      if (!step_exact_in<zero_for_one>(pool.place.sqrt, target, pool.place.liquidity, amount,
                                       pool.head->fee, u256::from_u128(edge.amount_in.load()),
                                       step)) {
        return false;
      }
      out.amount_in = amount;
    } else {
      if (!step_exact_out<zero_for_one>(pool.place.sqrt, target, pool.place.liquidity, amount,
                                        pool.head->fee, u256::from_u128(edge.amount_out.load()),
                                        step)) {
        return false;
      }
      out.amount_in = wrapping_add(step.amount_in, step.fee);
    }
    if (step.reached) return false;
    out.amount_out = step.amount_out;
    out.fee = step.fee;
    out.after = {step.sqrt, pool.place.liquidity, pool.place.tick};
    out.tick_is_known = step.sqrt == pool.place.sqrt;
    return true;
  }

  GANTRY_APART static void write_after(const Swapped& swapped, gantry_buffer& next) noexcept {
    After after{};
    after.magic = head_magic;
    after.tick = swapped.tick_is_known ? swapped.after.tick : tick_at_sqrt(swapped.after.sqrt);
    after.sqrt.store(swapped.after.sqrt);
    after.liquidity.store(swapped.after.liquidity);
    std::memcpy(next.data, &after, sizeof(after));
    next.size = sizeof(after);
  }

  template <bool zero_for_one>
  GANTRY_APART static double price_impact(const u256& sqrt, const Swapped& swapped) noexcept {
    const double root = to_double(sqrt) / 0x1p96;
    const double price = zero_for_one ? root * root : 1 / (root * root);
    const double in = to_double(wrapping_sub(swapped.amount_in, swapped.fee));
    const double impact = 1 - to_double(swapped.amount_out) / (in * price);
    return impact > 0 ? std::min(impact, 1.0) : 0.0;  // not a number, as of nothing in: 0
  }

  template <bool zero_for_one>
  static gantry_status limits_way(const Pool& pool, gantry_swap_limits& out) noexcept {
    const Ticks ticks(*pool.base, pool.head->spacing);
    const Sum sum = sum_of<zero_for_one>(ticks, pool.place, pool.head->fee);
    if (sum.status == GANTRY_BAD_STATE) return sum.status;
    if (sum.amount_out.is_zero()) {
      return sum.status == GANTRY_NEED_STATE ? GANTRY_NEED_STATE : GANTRY_NO_LIQUIDITY;
    }
    const auto pays = [&](const u256& amount) {
      gantry_quote quote{};
      const gantry_swap swap{amount, zero_for_one ? 0U : 1U, zero_for_one ? 1U : 0U,
                             GANTRY_EXACT_IN, 0};
      return quote_way<zero_for_one, true>(pool, swap, quote, nullptr) == GANTRY_OK;
    };
    out = {least_that(pays, sum.amount_in), sum.amount_in, sum.amount_out};
    return GANTRY_OK;
  }

  gantry_status build_routed(const gantry_pool_spec& spec, const Head& head,
                             const gantry_swap_order& order,
                             const gantry_instruction_sink* sink) const {
    Call call(router_deadline_ ? exact_input_single_selector : exact_input_single_02_selector);
    call.add_address(spec.tokens[order.swap.token_in].address.bytes);
    call.add_address(spec.tokens[order.swap.token_out].address.bytes);
    call.add(u256(head.fee)).add_address(order.recipient.bytes);
    if (router_deadline_) {
      call.add(order.deadline_s == 0 ? u256::max() : u256(order.deadline_s));
    }
    gantry_instruction instruction{};
    instruction.amount_in_offset = call.size();
    call.add(u256(order.swap.amount));
    instruction.min_out_offset = call.size();
    call.add(u256(order.min_out)).add(u256());  // no limit of the price
    instruction.target = to_gantry(*router_);
    instruction.data = c_bytes(call.bytes());
    instruction.input = GANTRY_INPUT_APPROVE;
    instruction.spender = instruction.target;
    instruction.amount_out_offset = GANTRY_NO_OFFSET;
    instruction.min_out_enforced = 1;
    instruction.min_out = order.min_out;
    return emit(sink, instruction);
  }

  // pool.swap(recipient, zeroForOne, amount, limit, ""): for a sender that is a contract with the
  // pool's callback, which has to see to the minimum itself.
  static gantry_status build_direct(const gantry_pool_spec& spec, const gantry_swap_order& order,
                                    const gantry_instruction_sink* sink) {
    const bool falls = order.swap.token_in == 0;
    Call call(swap_selector);
    call.add_address(order.recipient.bytes).add(u256(falls ? 1 : 0));
    gantry_instruction instruction{};
    instruction.amount_in_offset = call.size();
    call.add(u256(order.swap.amount)).add(falls ? lowest_sqrt : highest_sqrt);
    call.add(u256(5 * word_bytes)).add(u256());  // no bytes for the callback
    instruction.target = spec.address;
    instruction.data = c_bytes(call.bytes());
    instruction.input = GANTRY_INPUT_CALLBACK;
    instruction.spender = spec.address;
    instruction.amount_out_offset = GANTRY_NO_OFFSET;
    instruction.min_out_offset = GANTRY_NO_OFFSET;
    instruction.min_out = order.min_out;
    return emit(sink, instruction);
  }

  Host host_;
  std::optional<Address> factory_;
  std::optional<Address> router_;
  bool router_deadline_;
  std::int32_t words_around_;
  std::vector<Address> discover_tokens_;  // empty: pools come from a list
  std::vector<Address> routers_;          // whose pending swaps are read
  std::optional<PoolMaker> maker_;        // none: they are not
};

}  // namespace
}  // namespace gantry::uniswap_v3

GANTRY_PLUGIN(gantry::uniswap_v3::UniswapV3);
