// The SDK's constant-product kernel, called as a plain function.
#pragma once
#include "evm/integer_words.hpp"
#include "evm/pair_quoter.hpp"
#include "gantry/constant_product.hpp"

namespace gantry::test {

class KernelQuoter final : public PairQuoter {
 public:
  KernelQuoter() = default;
  KernelQuoter(std::uint32_t fee_numerator, std::uint32_t fee_denominator)
      : fee_numerator_(fee_numerator), fee_denominator_(fee_denominator) {}
  std::string name() const override { return "the kernel"; }
  bool knows_uint112() const override { return false; }

  // The kernel is the formula alone: that the pair refuses amounts of zero is said here.
  gantry_status amount_out(const SwapCase& swap, Integer& out) override {
    u256 result;
    const gantry_status status =
        gantry::amount_out(pool_of(swap), u256(to_amount(swap.amount)), result);
    if (status != GANTRY_OK) return status;
    if (result.is_zero()) return GANTRY_NO_LIQUIDITY;
    out = to_integer(result.amount());
    return GANTRY_OK;
  }

  gantry_status amount_in(const SwapCase& swap, Integer& in) override {
    if (swap.amount == 0) return GANTRY_NO_LIQUIDITY;
    u256 result;
    const gantry_status status =
        gantry::amount_in(pool_of(swap), u256(to_amount(swap.amount)), result);
    if (status == GANTRY_OK) in = to_integer(result.amount());
    return status;
  }

 private:
  ConstantProduct pool_of(const SwapCase& swap) const {
    return {.reserve_in = u256(to_amount(swap.reserve_in)),
            .reserve_out = u256(to_amount(swap.reserve_out)),
            .fee_numerator = fee_numerator_,
            .fee_denominator = fee_denominator_};
  }

  std::uint32_t fee_numerator_ = 3;
  std::uint32_t fee_denominator_ = 1000;
};

}  // namespace gantry::test
