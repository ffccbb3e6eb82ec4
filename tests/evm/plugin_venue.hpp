// Any DEX plugin as the host loads it, holding one pool: what it asks of the chain, what it makes
// of the answers, and what it quotes. Everything goes through the C tables.
//
// ERRORS  Throws std::runtime_error when the library cannot be loaded, an instance not made, or the
//         chain not asked; statuses of the calls under test are returned.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "evm/deployer.hpp"
#include "gantry/dex.h"
#include "host/plugin/manifest.hpp"

namespace gantry::test {

// Copies of what the plugin emits.
struct EmittedRequest {
  std::int32_t source = 0;
  std::uint32_t tag = 0;
  std::string target;   // "0x..."
  std::string payload;  // "0x..."
};

struct EmittedInstruction {
  std::string target;
  std::string data;
  std::string spender;
  gantry_instruction fields;  // its pointers are not valid
};

struct EmittedPool {
  std::string address;
  std::vector<gantry_pool_token> tokens;
  std::vector<std::uint8_t> metadata;
};

// A fact with its bytes. `fields` is completed when it is handed over.
struct OwnedFact {
  gantry_fact fields{};
  std::vector<std::uint8_t> topics;
  std::vector<std::uint8_t> data;
};

OwnedFact fact_of(const ChainLog& log);
OwnedFact fact_of(const EmittedRequest& request, const std::string& returned);

// 20 bytes: a contract; 32 bytes: an id that is none, as of a vault's pool.
gantry_address to_address(const std::string& hex);

struct VenueToken {
  std::string address;
  std::uint32_t decimals = 18;
};

// The operator's settings; what is not named has the manifest's default.
using VenueParameters = std::map<std::string, host::ParameterValue>;

using Overlay = std::vector<std::uint8_t>;
using StateBytes = std::vector<std::vector<std::uint8_t>>;  // by chunk

class PluginVenue {
 public:
  // `library` is the built plugin; `name` what its instance is called.
  PluginVenue(const std::string& library, const std::string& name,
              const VenueParameters& parameters = {});
  ~PluginVenue();
  PluginVenue(const PluginVenue&) = delete;
  PluginVenue& operator=(const PluginVenue&) = delete;

  // Takes on the one pool that the calls below are about, in the place of any before it. Unless
  // GANTRY_OK is returned, refusal() is what the plugin wrote.
  gantry_status open_pool(const std::string& address, const std::vector<VenueToken>& tokens,
                          const std::vector<std::uint8_t>& metadata = {});
  const std::string& refusal() const;
  const gantry_pool_traits& traits() const;

  // What every call is told of time. apply() moves the blocks on to the newest fact's.
  gantry_context& context();

  gantry_status requests(std::uint32_t round, std::vector<EmittedRequest>& out);
  gantry_status apply(std::vector<OwnedFact>& facts);
  // The chain's answers to all requests but the standing ones. Calls, storage and code hashes.
  std::vector<OwnedFact> fetch(const Deployer& chain, const std::vector<EmittedRequest>& requests,
                               const std::string& block = "latest") const;
  // Is told each fact that is fetched.
  void watch(std::function<void(const EmittedRequest&, const OwnedFact&)> watcher);
  // requests(), fetch() and apply() in as many rounds as the plugin asks for, and again from round
  // 0 as long as apply() says GANTRY_NEED_STATE, within a bound. Returns the first other status.
  gantry_status refresh(const Deployer& chain, const std::string& block = "latest");
  std::uint32_t rounds_taken() const;  // by the last refresh()
  // Those of the logs that round 0's standing requests ask for, as facts.
  std::vector<OwnedFact> wanted(const std::vector<ChainLog>& logs);
  gantry_status apply_logs(const std::vector<ChainLog>& logs);  // wanted() and apply()

  // `overlay`, when given, is the pool to quote on; `next` receives the one after the swap.
  gantry_status quote(const gantry_swap& swap, gantry_quote& out, const Overlay* overlay = nullptr,
                      Overlay* next = nullptr);
  gantry_status quote_many(const std::vector<gantry_swap>& swaps, std::vector<gantry_quote>& out,
                           std::vector<gantry_status>& statuses, const Overlay* overlay = nullptr);
  gantry_status limits(std::uint32_t token_in, std::uint32_t token_out, gantry_swap_limits& out,
                       const Overlay* overlay = nullptr);
  gantry_status segments(std::uint32_t token_in, std::uint32_t token_out, std::uint32_t capacity,
                         std::vector<gantry_segment>& out, const Overlay* overlay = nullptr);
  gantry_status view(std::uint32_t& fee, std::vector<Integer>& balances,
                     const Overlay* overlay = nullptr);
  gantry_status build_swap(const gantry_swap_order& order, std::vector<EmittedInstruction>& out);
  gantry_status discover(const std::vector<std::uint8_t>& cursor, std::vector<OwnedFact>& facts,
                         std::vector<EmittedRequest>& requests, std::vector<EmittedPool>& pools,
                         std::vector<std::uint8_t>& next_cursor,
                         std::size_t cursor_room = std::size_t{1} << 16U);

  // The state as bytes, to compare, to spoil and to put back.
  StateBytes state_bytes() const;
  void set_state_bytes(const StateBytes& bytes);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace gantry::test
