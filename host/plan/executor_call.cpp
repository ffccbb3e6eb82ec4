#include "host/plan/executor_call.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "host/plan/abi_words.hpp"

namespace gantry::host::executor {

namespace {

using abi::address_bytes;
using abi::append_address;
using abi::append_bytes;
using abi::append_word;
using abi::word_bytes;

constexpr Selector run_selector{0xd1, 0xd0, 0x2b, 0xc8};

// The byte that a step begins with.
constexpr std::uint8_t step_call = 1;
constexpr std::uint8_t step_payment = 2;
constexpr std::uint8_t step_answer = 3;

// Flags of a call.
constexpr unsigned has_value = 1;
constexpr unsigned has_approval = 2;
constexpr unsigned other_spender = 4;
constexpr unsigned has_callback = 8;
constexpr unsigned other_caller = 16;
constexpr unsigned keeps_program = 32;
constexpr unsigned has_patches = 64;

// Flags of a term, above its source.
constexpr unsigned has_share = 16;
constexpr unsigned is_subtracted = 32;
constexpr unsigned is_negated = 64;
constexpr unsigned more_terms = 128;

// Big-endian, packed. What does not fit is remembered, and told by take().
class ProgramWriter {
 public:
  void number(std::uint64_t value, std::size_t size, const char* what) {
    if (size < 8 && value >> (8 * size) != 0 && problem_.empty()) {
      problem_ =
          fmt::format("{} of {} needs more than {} bytes: split the trade", what, value, size);
    }
    for (std::size_t i = size; i-- > 0;) {
      bytes_.push_back(i < 8 ? static_cast<std::uint8_t>(value >> (8 * i)) : 0);
    }
  }
  void address(const gantry_address& value) {
    // The chain's coin and nobody are written as the zero address.
    if (value.length != 0 && (value.kind != GANTRY_ADDRESS_EVM || value.length != address_bytes)) {
      wrong("an address that is not of an EVM chain");
    }
    bytes_.insert(bytes_.end(), value.bytes, value.bytes + address_bytes);
  }
  void bytes(std::span<const std::uint8_t> value) {
    bytes_.insert(bytes_.end(), value.begin(), value.end());
  }
  void wrong(std::string_view what) {
    if (!wrong_.empty()) return;
    wrong_ = what;
  }

  void amount(const Amount& amount) {
    if (amount.empty()) {
      term(Term{}, false);
      return;
    }
    for (std::size_t i = 0; i < amount.size(); ++i) term(amount[i], i + 1 < amount.size());
  }
  void step(const Call& call);
  void step(const Payment& payment) {
    if (payment.to.length == 0 && payment.token.length != 0)
      wrong("a token that is paid to nobody");
    number(step_payment, 1, "a step");
    address(payment.token);
    address(payment.to);
    amount(payment.amount);
  }
  void step(const Answer& answer) {
    number(step_answer, 1, "a step");
    number(answer.data.size(), 2, "an answer's size");
    bytes(answer.data);
  }

  Result<Bytes> take() {
    if (!wrong_.empty()) return fail(ErrorKind::internal, "executor: " + wrong_);
    if (!problem_.empty()) return fail(ErrorKind::limit, "executor: " + problem_);
    return std::move(bytes_);
  }

 private:
  void term(const Term& term, bool more) {
    bytes_.push_back(static_cast<std::uint8_t>(
        static_cast<unsigned>(term.source) | (term.share ? has_share : 0U) |
        (term.subtracted ? is_subtracted : 0U) | (term.negated ? is_negated : 0U) |
        (more ? more_terms : 0U)));
    switch (term.source) {
      case Source::literal: {
        const std::size_t size = (bit_width(term.number) + 7) / 8;
        number(size, 1, "a literal's size");
        std::array<std::uint8_t, word_bytes> word;
        store_be(term.number, word.data());
        bytes(std::span(word).last(size));
        break;
      }
      case Source::balance:
        address(term.token);
        break;
      case Source::returned:
      case Source::called_with:
        number(term.offset, 2, "a word's offset");
        break;
    }
    if (term.share) number(*term.share, 4, "a share");
  }
  void callback(const Callback& callback, const Call& call);

  Bytes bytes_;
  std::string problem_;
  std::string wrong_;
};

void ProgramWriter::step(const Call& call) {
  const bool other_spends = call.approval && call.approval->spender;
  const bool other_calls = call.callback && call.callback->caller;
  number(step_call, 1, "a step");
  bytes_.push_back(static_cast<std::uint8_t>(
      (call.value.empty() ? 0U : has_value) | (call.approval ? has_approval : 0U) |
      (other_spends ? other_spender : 0U) | (call.callback ? has_callback : 0U) |
      (other_calls ? other_caller : 0U) |
      (call.callback && call.callback->kept ? keeps_program : 0U) |
      (call.patches.empty() ? 0U : has_patches)));
  if (call.target.length == 0) wrong("a call without a target");
  address(call.target);
  if (!call.value.empty()) amount(call.value);
  if (call.approval) {
    if (call.approval->token.length == 0) wrong("an allowance of no token");
    address(call.approval->token);
    if (other_spends) address(*call.approval->spender);
    amount(call.approval->amount);
  }
  if (call.callback) callback(*call.callback, call);
  number(call.data.size(), 3, "a call's size");
  bytes(call.data);
  if (call.patches.empty()) return;
  number(call.patches.size(), 1, "a number of patches");
  for (const Patch& patch : call.patches) {
    if (patch.offset < 4 || patch.offset + word_bytes > call.data.size()) {
      wrong("an amount that is not within its call's data");
    }
    number(patch.offset, 3, "a patch's offset");
    amount(patch.amount);
  }
}

void ProgramWriter::callback(const Callback& callback, const Call& call) {
  if (callback.times == 0) wrong("a callback that may never come");
  if (callback.caller) address(*callback.caller);
  bytes(callback.selector);
  number(callback.times, 1, "a number of callbacks");
  if (callback.kept) {
    number(callback.program.size(), 3, "a program's size");
    bytes(callback.program);
    return;
  }
  const std::size_t end = callback.data_offset + callback.program.size();
  if (end > call.data.size() ||
      !std::ranges::equal(
          std::span(call.data).subspan(callback.data_offset, callback.program.size()),
          callback.program)) {
    wrong("a call whose data have not got its callback's program");
  }
  number(callback.calldata_offset, 3, "a program's offset");
  number(callback.data_offset, 3, "a program's offset");
  number(callback.program.size(), 3, "a program's size");
}

}  // namespace

Amount amount_of(const u256& number) {
  Term term;
  term.number = number;
  return {term};
}

Amount balance_of(const gantry_address& token) {
  Term term;
  term.source = Source::balance;
  term.token = token;
  return {term};
}

Amount word_called_with(std::uint32_t offset) {
  Term term;
  term.source = Source::called_with;
  term.offset = offset;
  return {term};
}

Amount word_returned(std::uint32_t offset, bool negated) {
  Term term;
  term.source = Source::returned;
  term.offset = offset;
  term.negated = negated;
  return {term};
}

Result<Bytes> encode_program(std::span<const Step> steps) {
  ProgramWriter out;
  for (const Step& step : steps) {
    std::visit([&](const auto& each) { out.step(each); }, step);
  }
  return out.take();
}

Result<Bytes> encode_run(const Run& run) {
  constexpr std::size_t heads = 3;
  constexpr std::size_t settlement_words = 3;
  const std::size_t count = run.settlements.size();
  Bytes out(run_selector.begin(), run_selector.end());
  append_word(out, run.deadline_s);
  append_word(out, u256(heads * word_bytes));
  append_word(out, u256((heads + 1 + settlement_words * count) * word_bytes));
  append_word(out, u256(count));
  for (const Settlement& settlement : run.settlements) {
    const gantry_address& token = settlement.token;
    if (token.kind != GANTRY_ADDRESS_NATIVE && token.length != address_bytes) {
      return fail(ErrorKind::internal, "executor: a settlement of no token");
    }
    if (settlement.least.limb(3) >> 63U != 0) {
      return fail(ErrorKind::limit, "executor: a settlement of more than 255 bits");
    }
    append_address(out, token);
    append_word(out,
                settlement.may_lose ? wrapping_sub(u256(), settlement.least) : settlement.least);
    append_word(out, u256(static_cast<std::uint64_t>(settlement.settle)));
  }
  append_bytes(out, run.program);
  return out;
}

Result<std::uint32_t> append_program(Bytes& data, std::span<const std::uint8_t> program) {
  const std::size_t at = data.size();
  if (at < 4 + 2 * word_bytes ||
      std::any_of(data.end() - word_bytes, data.end(), [](auto byte) { return byte != 0; })) {
    return fail(ErrorKind::internal,
                "executor: a call whose data do not end with an empty bytes argument");
  }
  data.resize(at - word_bytes);
  append_bytes(data, program);
  return static_cast<std::uint32_t>(at);
}

}  // namespace gantry::host::executor
