// What of risk survives a restart: the operator's stop, which holds for every chain, and each
// chain's breakers and counts.
//
// FILES    In one folder (0700): `HALTED`, there as long as `gantry stop` holds, and CHAIN.state,
//          the text of its book. Written whole beside their place, synced, then renamed.
// THREADS  Any: each call is by itself.
// ERRORS   io. What cannot be read is no reason to trade: see halted() and RiskFact::restore.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "host/base/result.hpp"
#include "host/config/secret.hpp"

namespace gantry::host {

class RiskStore {
 public:
  // Makes the folder where it is missing.
  static Result<RiskStore> open(const std::filesystem::path& folder);

  // Since when trading is stopped, in Unix seconds; 0: the file does not say. Nothing: it is not.
  std::optional<std::uint64_t> halted() const;
  // Durable when they return. lift() is done where there is nothing to lift.
  Status halt(std::uint64_t now_s) const;
  Status lift() const;

  // Empty: nothing is kept of the chain.
  Result<std::string> read(std::string_view chain) const;
  Status write(std::string_view chain, std::string_view text) const;
  // Of chains that something is kept of.
  std::vector<std::string> chains() const;

  const std::filesystem::path& folder() const noexcept { return folder_; }

 private:
  explicit RiskStore(std::filesystem::path folder) : folder_(std::move(folder)) {}
  std::filesystem::path file_of(std::string_view chain) const;

  std::filesystem::path folder_;
};

// `configured`, or gantry/risk in $XDG_STATE_HOME or ~/.local/state. Nothing: neither is set.
std::optional<std::filesystem::path> risk_folder(const std::filesystem::path& configured,
                                                 const Environment& environment);

}  // namespace gantry::host
