// A pool of the reference that answers as a chain does: calls by their selectors, in ABI words. And
// the uniswap_v3 plugin holding a pool, of a chain or of such a model.
#pragma once
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "evm/integer_words.hpp"
#include "evm/plugin_venue.hpp"
#include "evm/uniswap_v3_reference.hpp"
#include "plugins/dex/uniswap_v3/state.hpp"

namespace gantry::test {

inline std::string signed_word(const Integer& value) {
  return word(value < 0 ? Integer((Integer(1) << 256) + value) : value);
}
inline Integer to_signed(const Integer& value) {
  return value >> 255 != 0 ? Integer(value - (Integer(1) << 256)) : value;
}

struct ModelPool {
  std::string address;
  std::string token[2];
  ReferencePool3 pool;

  // What the pool, or its factory, returns to calldata.
  std::string answer(const std::string& data) const {
    const std::string selector = data.substr(2, 8);
    const auto argument = [&] { return to_signed(word_at("0x" + data.substr(10), 0)); };
    if (selector == "3850c7bd") {  // slot0()
      return "0x" + word(pool.sqrt) + signed_word(pool.tick) + word(3) + word(8) + word(8) +
             word(0) + word(pool.sqrt == 0 ? 0 : 1);
    }
    if (selector == "1a686502") return hex_word(pool.liquidity);
    if (selector == "ddca3f43") return hex_word(pool.fee);
    if (selector == "d0c93a7c") return "0x" + signed_word(pool.spacing);
    if (selector == "1698ee82") return "0x" + address_word(address);      // getPool
    if (selector == "22afcccb") return "0x" + signed_word(pool.spacing);  // feeAmountTickSpacing
    if (selector == "5339c296") {                                         // tickBitmap(int16)
      const int first = argument().convert_to<int>() * 256;
      Integer bits = 0;
      for (const auto& [tick, entry] : pool.ticks) {
        const int compressed = floor_quotient(tick, pool.spacing);
        if (compressed >= first && compressed < first + 256) {
          bits |= Integer(1) << static_cast<unsigned>(compressed - first);
        }
      }
      return hex_word(bits);
    }
    if (selector == "f30dba93") {  // ticks(int24)
      const auto found = pool.ticks.find(argument().convert_to<int>());
      const ReferenceTick tick = found == pool.ticks.end() ? ReferenceTick{} : found->second;
      std::string words = word(tick.gross) + signed_word(tick.net);
      for (int i = 0; i < 5; ++i) words += word(5);  // fees and times, that no quote needs
      return "0x" + words + word(tick.gross == 0 ? 0 : 1);
    }
    throw std::runtime_error("a pool has no function " + selector);
  }
};

// What is known of a pool, whatever the bytes look like.
struct KnownPool {
  Integer sqrt;
  Integer liquidity;
  int tick = 0;
  std::map<int, std::map<int, ReferenceTick>> words;  // those that are known, with their ticks
};

inline bool operator==(const ReferenceTick& a, const ReferenceTick& b) {
  return a.gross == b.gross && a.net == b.net;
}

inline Integer to_integer(uint128 value) {
  return (Integer(static_cast<std::uint64_t>(value >> 64U)) << 64U) |
         static_cast<std::uint64_t>(value);
}

inline KnownPool known_pool(const StateBytes& chunks) {
  using namespace uniswap_v3;
  KnownPool known;
  const auto* head = reinterpret_cast<const Head*>(chunks.at(0).data());
  known.sqrt = to_integer(head->sqrt.load().amount());
  known.liquidity = to_integer(head->liquidity.load());
  known.tick = head->tick;
  if (head->spacing == 0) return known;
  const Paging paging(head->spacing);
  for (std::uint32_t index = 0; index + first_page_chunk < chunks.size(); ++index) {
    const auto& bytes = chunks[index + first_page_chunk];
    const PageView page({bytes.data(), bytes.size()}, paging.first_word_of(index),
                        paging.words_per_page);
    if (!page) continue;
    for (const Word& word : page.words()) {
      if (word.known == 0) continue;
      const int number = page.page().first_word + static_cast<int>(&word - page.words().data());
      auto& ticks = known.words[number];
      for (const Tick& tick : page.ticks_of(word)) {
        ticks[tick.tick] = {to_integer(tick.gross.load()), to_integer(tick.net.load())};
        const Integer& net = ticks[tick.tick].net;
        if (net >> 127 != 0) ticks[tick.tick].net = net - (Integer(1) << 128);
      }
    }
  }
  return known;
}

inline gantry_swap swap_of(bool zero_for_one, bool exact_in, const Integer& amount) {
  return {.amount = to_amount(amount),
          .token_in = zero_for_one ? 0U : 1U,
          .token_out = zero_for_one ? 1U : 0U,
          .mode = exact_in ? GANTRY_EXACT_IN : GANTRY_EXACT_OUT,
          .wants = 0};
}

class V3Venue : public PluginVenue {
 public:
  explicit V3Venue(const VenueParameters& parameters = {})
      : PluginVenue(GANTRY_UNISWAP_V3_PLUGIN, "uniswap_v3", parameters) {}

  void open(const std::string& address, const std::string& token0, const std::string& token1) {
    if (open_pool(address, {{token0}, {token1}}) != GANTRY_OK) throw std::runtime_error(refusal());
  }
  void open(const ModelPool& model) { open(model.address, model.token[0], model.token[1]); }

  // refresh() from a model. `all` receives every fact, in order.
  gantry_status refresh_from(const ModelPool& model, std::uint64_t block,
                             std::vector<OwnedFact>* all = nullptr) {
    for (std::uint32_t round = 0; round < 64; ++round) {
      std::vector<EmittedRequest> asked;
      const gantry_status more = requests(round, asked);
      if (more != GANTRY_OK && more != GANTRY_NEED_STATE) return more;
      std::vector<OwnedFact> facts;
      for (const EmittedRequest& request : asked) {
        if (request.source == GANTRY_SOURCE_EVM_LOG) continue;
        facts.push_back(fact_of(request, model.answer(request.payload)));
        facts.back().fields.block = block;
        if (all != nullptr) all->push_back(facts.back());
      }
      const gantry_status applied = facts.empty() ? GANTRY_OK : apply(facts);
      if (applied != GANTRY_OK && applied != GANTRY_NEED_STATE) return applied;
      if (more == GANTRY_OK) return applied;
    }
    return GANTRY_NEED_STATE;
  }
};

// What `next` of a quote says.
inline KnownPool after_of(const Overlay& overlay) {
  if (overlay.size() != sizeof(uniswap_v3::After)) throw std::runtime_error("not an overlay");
  const auto* after = reinterpret_cast<const uniswap_v3::After*>(overlay.data());
  KnownPool pool;
  pool.sqrt = to_integer(after->sqrt.load().amount());
  pool.liquidity = to_integer(after->liquidity.load());
  pool.tick = after->tick;
  return pool;
}

}  // namespace gantry::test
