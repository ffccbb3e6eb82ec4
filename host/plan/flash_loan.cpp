#include "host/plan/flash_loan.hpp"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "host/plan/abi_words.hpp"

namespace gantry::host::executor {

namespace {

// keccak-256 of the signatures.
constexpr Selector aave_flash_loan{0x42, 0xb0, 0xb7, 0x7c};      // flashLoanSimple
constexpr Selector aave_callback{0x1b, 0x11, 0xd0, 0xff};        // executeOperation
constexpr Selector balancer_flash_loan{0x5c, 0x38, 0x44, 0x9e};  // flashLoan
constexpr Selector balancer_callback{0xf0, 0x4f, 0x27, 0x07};    // receiveFlashLoan
constexpr Selector vault_unlock{0x48, 0xc8, 0x94, 0x91};
constexpr Selector vault_send_to{0xae, 0x63, 0x93, 0x29};
constexpr Selector vault_settle{0x15, 0xaf, 0xd4, 0x09};
constexpr Selector own_callback{'g', 'n', 't', '3'};  // the V3 vault calls what it is told to
constexpr Selector pair_swap{0x02, 0x2c, 0x0d, 0x9f};
constexpr Selector pool_flash{0x49, 0x0e, 0x6c, 0xbc};
constexpr Selector pool_callback{0xe9, 0xcb, 0xaf, 0xb0};  // uniswapV3FlashCallback
constexpr Selector solo_operate{0xa6, 0x7a, 0x6a, 0x45};
constexpr Selector solo_callback{0x8b, 0x41, 0x87, 0x13};  // callFunction

// Where a callback's `bytes` begin in its calldata, and words of fees before them.
constexpr std::uint32_t aave_program = 4 + 5 * 32 + 32;
constexpr std::uint32_t balancer_program = 4 + 4 * 32 + 3 * 64 + 32;  // of one token
constexpr std::uint32_t balancer_fee = 4 + 4 * 32 + 2 * 64 + 32;
constexpr std::uint32_t pair_program = 4 + 4 * 32 + 32;
constexpr std::uint32_t pool_program = 4 + 3 * 32 + 32;
constexpr std::uint32_t solo_program = 4 + 4 * 32 + 32;

// A call's data: selector and words.
class LoanCall {
 public:
  explicit LoanCall(const Selector& selector) : bytes_(selector.begin(), selector.end()) {}
  LoanCall& number(const u256& value) {
    abi::append_word(bytes_, value);
    return *this;
  }
  LoanCall& address(const gantry_address& value) {
    abi::append_address(bytes_, value);
    return *this;
  }
  Bytes take() { return std::move(bytes_); }

 private:
  Bytes bytes_;
};

Payment owed_to(const FlashLoan& loan, const u256& amount) {
  return {loan.token, loan.lender, amount_of(amount)};
}

// The amount, and a fee that the callback says at `offset`.
Payment owed_with_word(const FlashLoan& loan, std::uint32_t offset) {
  Payment payment = owed_to(loan, loan.amount);
  payment.amount.push_back(word_called_with(offset).front());
  return payment;
}

Approval allowed(const FlashLoan& loan, const u256& amount) {
  return {loan.token, std::nullopt, amount_of(amount)};
}

// A call whose data end with an empty `bytes`, which the lender gives back at `calldata_offset`.
Result<Step> call_with(const FlashLoan& loan, Bytes data, const Selector& callback,
                       std::uint32_t calldata_offset, Bytes program,
                       std::optional<Approval> approval = std::nullopt) {
  const auto at = append_program(data, program);
  if (!at) return std::unexpected(at.error());
  Call call;
  call.target = loan.lender;
  call.approval = std::move(approval);
  call.data = std::move(data);
  call.callback = Callback{.selector = callback,
                           .caller = std::nullopt,
                           .times = 1,
                           .program = std::move(program),
                           .kept = false,
                           .data_offset = *at,
                           .calldata_offset = calldata_offset};
  return call;
}

Result<Step> from_aave(const FlashLoan& loan, const u256& owed, std::vector<Step> steps) {
  Bytes done(abi::word_bytes);
  done.back() = 1;
  steps.emplace_back(Answer{std::move(done)});
  auto program = encode_program(steps);
  if (!program) return std::unexpected(program.error());
  // Its referral code comes behind the offset of its bytes.
  Bytes data = LoanCall(aave_flash_loan)
                   .address(loan.executor)
                   .address(loan.token)
                   .number(loan.amount)
                   .number(u256(5 * abi::word_bytes))
                   .number(u256())
                   .number(u256())
                   .take();
  return call_with(loan, std::move(data), aave_callback, aave_program, std::move(*program),
                   allowed(loan, owed));
}

Result<Step> from_balancer_v2(const FlashLoan& loan, std::vector<Step> steps) {
  steps.emplace_back(owed_with_word(loan, balancer_fee));
  auto program = encode_program(steps);
  if (!program) return std::unexpected(program.error());
  Bytes data = LoanCall(balancer_flash_loan)
                   .address(loan.executor)
                   .number(u256(4 * abi::word_bytes))
                   .number(u256(6 * abi::word_bytes))
                   .number(u256(8 * abi::word_bytes))
                   .number(u256(1))
                   .address(loan.token)
                   .number(u256(1))
                   .number(loan.amount)
                   .number(u256())
                   .take();
  return call_with(loan, std::move(data), balancer_callback, balancer_program, std::move(*program));
}

// The vault lends whoever has it unlocked, and looks at the end whether all is settled.
Result<Step> from_balancer_v3(const FlashLoan& loan, std::vector<Step> steps) {
  const auto tell = [&](Bytes data) {
    Call call;
    call.target = loan.lender;
    call.data = std::move(data);
    return call;
  };
  steps.insert(steps.begin(), tell(LoanCall(vault_send_to)
                                       .address(loan.token)
                                       .address(loan.executor)
                                       .number(loan.amount)
                                       .take()));
  steps.emplace_back(owed_to(loan, loan.amount));
  steps.emplace_back(tell(LoanCall(vault_settle).address(loan.token).number(loan.amount).take()));
  auto program = encode_program(steps);
  if (!program) return std::unexpected(program.error());
  // What it is given is what it calls back with.
  Bytes calldata(own_callback.begin(), own_callback.end());
  calldata.insert(calldata.end(), program->begin(), program->end());
  Bytes data = LoanCall(vault_unlock).number(u256(abi::word_bytes)).number(u256()).take();
  const auto at = append_program(data, calldata);
  if (!at) return std::unexpected(at.error());
  Call call = tell(std::move(data));
  call.callback = Callback{.selector = own_callback,
                           .caller = std::nullopt,
                           .times = 1,
                           .program = std::move(*program),
                           .kept = false,
                           .data_offset = *at + 4,
                           .calldata_offset = 4};
  return call;
}

// A V2 pair, or a V3 pool's flash(): two amounts, a receiver and bytes.
Result<Step> from_uniswap(const FlashLoan& loan, const u256& owed, std::vector<Step> steps) {
  const bool v2 = loan.source == FlashSource::uniswap_v2;
  const std::uint32_t fee_word = loan.token_is_0 ? 4 : 4 + 32;
  steps.emplace_back(v2 ? owed_to(loan, owed) : owed_with_word(loan, fee_word));
  auto program = encode_program(steps);
  if (!program) return std::unexpected(program.error());
  const u256 amount0 = loan.token_is_0 ? loan.amount : u256();
  const u256 amount1 = loan.token_is_0 ? u256() : loan.amount;
  LoanCall call(v2 ? pair_swap : pool_flash);
  if (!v2) call.address(loan.executor);
  call.number(amount0).number(amount1);
  if (v2) call.address(loan.executor);
  call.number(u256(4 * abi::word_bytes)).number(u256());
  return call_with(loan, call.take(), v2 ? loan.v2_callback : pool_callback,
                   v2 ? pair_program : pool_program, std::move(*program));
}

// operate(): withdraw, call, deposit, of an account of the executor's that starts and ends empty.
Result<Step> from_solo(const FlashLoan& loan, const u256& owed, std::vector<Step> steps) {
  auto program = encode_program(steps);
  if (!program) return std::unexpected(program.error());
  constexpr std::uint64_t deposit = 0;
  constexpr std::uint64_t withdraw = 1;
  constexpr std::uint64_t call_function = 8;
  constexpr std::size_t action_words = 11;  // with the offset of its bytes, without them
  const std::size_t padded = program->size() + abi::padding_of(program->size());
  const std::size_t plain = (action_words + 1) * abi::word_bytes;
  LoanCall call(solo_operate);
  call.number(u256(2 * abi::word_bytes)).number(u256(5 * abi::word_bytes));
  call.number(u256(1)).address(loan.executor).number(u256());
  call.number(u256(3));
  call.number(u256(3 * abi::word_bytes)).number(u256(3 * abi::word_bytes + plain));
  call.number(u256(3 * abi::word_bytes + 2 * plain + padded));
  const auto action = [&](std::uint64_t kind, const u256& amount) {
    call.number(u256(kind)).number(u256());
    call.number(u256(kind == deposit ? 1 : 0)).number(u256()).number(u256()).number(amount);
    call.number(u256(kind == call_function ? 0 : loan.solo_market)).number(u256());
    call.address(loan.executor).number(u256()).number(u256(action_words * abi::word_bytes));
  };
  action(withdraw, loan.amount);
  call.number(u256());
  action(call_function, u256());
  call.number(u256(program->size()));
  Call step;
  step.target = loan.lender;
  step.approval = allowed(loan, owed);
  step.data = call.take();
  const auto at = static_cast<std::uint32_t>(step.data.size());
  step.data.insert(step.data.end(), program->begin(), program->end());
  step.data.insert(step.data.end(), padded - program->size(), 0);
  call = LoanCall({});
  action(deposit, owed);
  call.number(u256());
  const Bytes last = call.take();
  step.data.insert(step.data.end(), last.begin() + 4, last.end());
  step.callback = Callback{.selector = solo_callback,
                           .caller = std::nullopt,
                           .times = 1,
                           .program = std::move(*program),
                           .kept = false,
                           .data_offset = at,
                           .calldata_offset = solo_program};
  return step;
}

}  // namespace

std::string_view name_of(FlashSource source) {
  switch (source) {
    case FlashSource::aave_v3:
      return "aave_v3";
    case FlashSource::balancer_v2:
      return "balancer_v2";
    case FlashSource::balancer_v3:
      return "balancer_v3";
    case FlashSource::uniswap_v2:
      return "uniswap_v2";
    case FlashSource::uniswap_v3:
      return "uniswap_v3";
    case FlashSource::dydx_solo:
      return "dydx_solo";
  }
  return "unknown";
}

bool on_by_default(FlashSource source) { return source != FlashSource::dydx_solo; }

Result<Step> with_flash_loan(const FlashLoan& loan, std::vector<Step> steps) {
  u256 owed;
  if (!add(loan.amount, loan.fee, owed)) {
    return fail(ErrorKind::limit, "executor: a flash loan of more than 256 bits");
  }
  switch (loan.source) {
    case FlashSource::aave_v3:
      return from_aave(loan, owed, std::move(steps));
    case FlashSource::balancer_v2:
      return from_balancer_v2(loan, std::move(steps));
    case FlashSource::balancer_v3:
      return from_balancer_v3(loan, std::move(steps));
    case FlashSource::uniswap_v2:
    case FlashSource::uniswap_v3:
      return from_uniswap(loan, owed, std::move(steps));
    case FlashSource::dydx_solo:
      return from_solo(loan, owed, std::move(steps));
  }
  return fail(ErrorKind::internal, "executor: a flash loan of no source");
}

}  // namespace gantry::host::executor
