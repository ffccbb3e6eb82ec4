// Compares a quoter with the real pair and with the reference, case by case, tolerance zero.
//
// Exact in: `swap` with the amount quoted is accepted, and with one unit more is rejected.
// Exact out: `swap` with the input quoted is accepted. The pair's own least input is the one
// quoted, or, where the division leaves nothing over, one less (UniswapV2Library always adds one):
// that one is accepted, and the one below it rejected. Refused by the quoter: the pair accepts
// nothing at all, so no swap that is possible was missed.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "evm/pair_contract.hpp"
#include "evm/pair_quoter.hpp"
#include "evm/uniswap_v2_cases.hpp"

namespace gantry::test {

struct BucketReport {
  std::string name;
  std::size_t cases = 0;
  std::size_t succeeded = 0;     // the pair accepted the swap exactly as quoted
  std::size_t zero_for_one = 0;  // of the cases
  std::size_t takes_it_all = 0;  // quotes after which one unit is left: nothing more can be asked
  std::size_t one_less_will_do = 0;  // exact out, the division leaving nothing over
};

struct ComparisonReport {
  std::vector<BucketReport> buckets;
  std::map<std::string, std::size_t> reverts;  // reasons the pair gave, by count
  std::vector<std::string> mistakes;           // each a whole sentence with the case's numbers
  std::uint64_t calls = 0;                     // of eth_call

  std::size_t cases() const;
  std::size_t succeeded() const;
  std::string table() const;
};

enum class Mode { exact_in, exact_out };

ComparisonReport compare_with_pair(PairContract& pair, PairQuoter& quoter, const CaseSet& set,
                                   Mode mode);

}  // namespace gantry::test
