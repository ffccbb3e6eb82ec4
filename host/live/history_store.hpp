// What a run kept of prices, for the next one on the same chain.
//
// FILES    In one folder (0700), that of what risk keeps: CHAIN.prices, a recording without blocks,
//          whose events are the series. Written whole beside its place, synced, then renamed.
// THREADS  Any: each call is by itself.
#pragma once
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include "host/base/result.hpp"
#include "host/market/past_prices.hpp"

namespace gantry::host {

class HistoryStore {
 public:
  // Makes the folder where it is missing. Fails with io.
  static Result<HistoryStore> open(const std::filesystem::path& folder);

  // Empty: nothing is kept of the chain. Fails with io, or with `format`: it is damaged, of another
  // chain, or no history.
  Result<std::vector<PastPrices>> read(std::string_view chain) const;
  // Durable when it returns. Fails with io.
  Status write(std::string_view chain, std::span<const PastPrices> past) const;

  // What cannot be read, by another name. Fails with io.
  Status put_aside(std::string_view chain) const;

  std::filesystem::path file_of(std::string_view chain) const;

 private:
  explicit HistoryStore(std::filesystem::path folder) : folder_(std::move(folder)) {}

  std::filesystem::path folder_;
};

// What this run has, with what was kept of the same series before it; and the others, which its
// strategies did not ask for, for one that does: as many series, and samples of each, as a history
// holds.
std::vector<PastPrices> with_others(std::vector<PastPrices> now,
                                    std::span<const PastPrices> before);

}  // namespace gantry::host
