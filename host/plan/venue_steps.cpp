#include "host/plan/venue_steps.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "host/base/keccak.hpp"

namespace gantry::host::executor {

namespace {

bool same_contract(const gantry_address& a, const gantry_address& b) {
  return a.length == b.length && std::memcmp(a.bytes, b.bytes, sizeof(a.bytes)) == 0;
}

std::unexpected<Error> cannot(const char* why) {
  return fail(ErrorKind::plugin, std::string("the executor cannot carry out a swap: ") + why);
}

// Pays within the callback. The program goes out with the call, or stays with the executor.
Status add_callback(Call& call, const Instruction& instruction, const SwapInput& input,
                    const CallbackShape& shape) {
  const Step pays = Payment{input.token, instruction.head.spender, amount_of(input.amount)};
  auto program = encode_program({&pays, 1});
  if (!program) return std::unexpected(program.error());
  Callback callback;
  callback.selector = shape.selector;
  if (!same_contract(instruction.head.spender, instruction.head.target)) {
    callback.caller = instruction.head.spender;
  }
  callback.kept = !shape.bytes_at;
  if (shape.bytes_at) {
    const auto at = append_program(call.data, *program);
    if (!at) return cannot("its call has no empty bytes at the end for what it calls back with");
    callback.data_offset = *at;
    callback.calldata_offset = *shape.bytes_at;
  }
  callback.program = std::move(*program);
  call.callback = std::move(callback);
  return {};
}

}  // namespace

std::optional<CallbackShape> callback_shape(std::string_view signature) {
  const std::size_t open = signature.find('(');
  if (open == 0 || open == std::string_view::npos || !signature.ends_with(')')) return std::nullopt;
  const std::string_view types = signature.substr(open + 1, signature.size() - open - 2);
  if (types.find_first_of("()[] ") != std::string_view::npos) return std::nullopt;
  CallbackShape shape;
  shape.selector = selector_of(signature);
  const auto commas = static_cast<std::uint32_t>(std::ranges::count(types, ','));
  const bool takes_bytes = types == "bytes" || types.ends_with(",bytes");
  // Its words, then the length of the bytes.
  if (takes_bytes) shape.bytes_at = 4 + (commas + 1) * 32 + 32;
  return shape;
}

Result<std::vector<Step>> venue_steps(std::span<const Instruction> calls, const SwapInput& input,
                                      const CallbackShape* callback) {
  if (calls.empty()) return cannot("the venue built no call");
  std::vector<Step> steps;
  for (const Instruction& instruction : calls) {
    const bool first = &instruction == &calls.front();
    const gantry_instruction& head = instruction.head;
    const bool sends_coin = first && head.input == GANTRY_INPUT_NATIVE;
    if (same_contract(head.target, input.token)) return cannot("it calls the token that it sells");
    if (u256(head.value) != (sends_coin ? input.amount : u256())) {
      return cannot("it sends coin that is not what goes in");
    }
    Call call;
    call.target = head.target;
    call.data = instruction.data;
    if (sends_coin) call.value = amount_of(input.amount);
    if (first && head.input == GANTRY_INPUT_TRANSFER) {
      if (!input.is_paid) {
        steps.emplace_back(Payment{input.token, head.spender, amount_of(input.amount)});
      }
    } else if (first && head.input == GANTRY_INPUT_APPROVE) {
      call.approval = Approval{input.token, std::nullopt, amount_of(input.amount)};
      if (!same_contract(head.spender, head.target)) call.approval->spender = head.spender;
    } else if (first && head.input == GANTRY_INPUT_CALLBACK) {
      if (callback == nullptr) return cannot("nobody knows how it calls back");
      if (auto added = add_callback(call, instruction, input, *callback); !added) {
        return std::unexpected(added.error());
      }
    }
    steps.emplace_back(std::move(call));
  }
  return steps;
}

}  // namespace gantry::host::executor
