// A built venue library with one open pool, driven through its C table as a host would.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "gantry/dex.h"
#include "gantry/u256.hpp"
#include "support/plugin_library.hpp"

namespace gantry::test {

class VenueLibrary {
 public:
  VenueLibrary(const char* path, std::int64_t fee_bps);
  ~VenueLibrary();
  VenueLibrary(const VenueLibrary&) = delete;
  VenueLibrary& operator=(const VenueLibrary&) = delete;

  gantry_status open(std::uint32_t decimals0, std::uint32_t decimals1);
  std::string error() const { return error_.message; }
  const gantry_pool_traits& traits() const { return traits_; }

  // What the pool asks for in round 0.
  std::vector<gantry_request> requests();
  // A fact for each of `words`, tagged in order; all of one fact when `together`.
  gantry_status apply(const std::vector<u256>& words, bool together);

  gantry_status quote(const gantry_swap& swap, gantry_quote& out,
                      std::vector<std::uint8_t>* next = nullptr,
                      const std::vector<std::uint8_t>* overlay = nullptr) const;
  // `quotes` and `statuses` have the size of `swaps`.
  gantry_status quote_many(const std::vector<gantry_swap>& swaps, gantry_quote* quotes,
                           gantry_status* statuses) const;
  gantry_status limits(std::uint32_t in, std::uint32_t out, gantry_swap_limits& limits) const;
  gantry_status segments(std::uint32_t in, std::uint32_t out,
                         std::vector<gantry_segment>& segments) const;
  gantry_status view(std::vector<u256>& balances, std::uint32_t room,
                     std::uint32_t* fee = nullptr) const;
  gantry_status build(const gantry_swap_order& order, gantry_instruction& out,
                      std::vector<std::uint8_t>& data) const;

 private:
  gantry_pool_state state(const std::vector<std::uint8_t>* overlay) const;

  PluginLibrary library_;
  const gantry_dex_v1* table_;
  gantry_dex_instance* instance_ = nullptr;
  gantry_error error_{};
  gantry_pool_token tokens_[2] = {};
  gantry_pool_spec spec_{};
  gantry_pool_traits traits_{};
  gantry_context context_{};
  std::map<std::uint32_t, std::vector<std::uint8_t>> memory_;  // by chunk
  mutable std::vector<gantry_bytes> chunks_;
};

}  // namespace gantry::test
