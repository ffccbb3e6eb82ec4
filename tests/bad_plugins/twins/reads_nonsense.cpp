// Reads a swap out of whatever stands where a path would, also of a token into itself.
#include "gantry/pending.hpp"
#include "tests/bad_plugins/fair_pair.hpp"

namespace gantry::bad {
namespace {

constexpr std::size_t word_bytes = 32;
constexpr std::size_t selector_bytes = 4;

class Subject final : public FairPair {
 public:
  using FairPair::FairPair;

  gantry_status routers(AddressSink sink) const { return sink.emit(account(nullptr)); }
  gantry_status decode(const gantry_pending_transaction& transaction, PendingSink sink) const {
    const gantry_bytes input = transaction.input;
    if (input.size < selector_bytes + 3 * word_bytes) return GANTRY_UNSUPPORTED;
    const std::uint8_t* words = input.data + selector_bytes;
    gantry_pending_swap swap{};
    swap.amount_in.limb[0] = words[word_bytes - 1];
    swap.hop_count = 1;
    swap.hops[0] = {account(nullptr), account(words + word_bytes), account(words + 2 * word_bytes)};
#ifndef BAD
    const auto& hop = swap.hops[0];
    if (swap.amount_in.limb[0] == 0) return GANTRY_OK;
    if (std::memcmp(hop.token_in.bytes, hop.token_out.bytes, 20) == 0) return GANTRY_BAD_STATE;
#endif
    return sink.emit(swap);
  }
  const void* get_extension(const char* id) const override { return dex_pending<Subject>(id); }

 private:
  static gantry_address account(const std::uint8_t* word) {
    gantry_address address{};
    address.kind = GANTRY_ADDRESS_EVM;
    address.length = 20;
    if (word != nullptr) std::memcpy(address.bytes, word + 12, 20);
    return address;
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);
