// `gantry import`: a list of Uniswap V2 pairs becomes a recording, and after its one real block a
// stream of synthetic swaps may follow. The same input and options give the same bytes (with the
// same version of zstd; the digest is the same with any).
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "host/base/result.hpp"
#include "host/import/pairs_json.hpp"
#include "host/import/swap_stream.hpp"

namespace gantry::host {

struct ImportOptions {
  std::filesystem::path input;   // JSON, see pairs_json.hpp
  std::filesystem::path output;  // a recording
  std::string chain = "eip155:1";
  std::string venue = "uniswap_v2";  // the [[dex]] that is to read the pools
  std::string source;                // where the input is from, for the provenance; one line
  std::uint64_t block = 10'982'000;
  std::uint64_t time_s = 1'601'726'400;  // 2020-10-03 12:00 UTC
  SwapStreamOptions stream;
};

struct ImportReport {
  std::uint64_t pairs = 0;  // in the input
  std::uint64_t empty = 0;  // of them, without reserves: left out
  std::uint64_t pools = 0;
  std::uint64_t tokens = 0;
  std::uint64_t sanitised_symbols = 0;
  std::uint64_t swaps = 0;
  std::uint64_t blocks = 0;
  std::uint64_t digest = 0;  // of the recording's contents
  std::string provenance;
};

// Errors: io and not_found (files), format (the input, with line, column and byte; two pairs of one
// address; one token told in two ways; no pair with reserves), usage (an option).
Result<ImportReport> import_univ2_pairs(const ImportOptions& options);

}  // namespace gantry::host
