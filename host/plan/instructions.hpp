// Instructions that a plugin emitted, copied so that they outlive the call.
#pragma once
#include <cstdint>
#include <vector>

#include "gantry/dex.h"

namespace gantry::host {

struct Instruction {
  gantry_instruction head{};  // its pointers are not to be followed: see data and accounts
  std::vector<std::uint8_t> data;
  std::vector<gantry_account_meta> accounts;
};

// A sink's other end. Not thread-safe.
class InstructionList {
 public:
  static constexpr std::size_t instructions_max = 16;  // of one swap or plan
  static constexpr std::size_t data_bytes_max = 1U << 16U;
  static constexpr std::size_t accounts_max = 64;

  gantry_instruction_sink sink() noexcept { return {this, &InstructionList::emit}; }
  std::vector<Instruction>& all() noexcept { return all_; }

 private:
  static gantry_status emit(void* self, const gantry_instruction* instruction) {
    auto& all = static_cast<InstructionList*>(self)->all_;
    const gantry_bytes data = instruction->data;
    if (all.size() == instructions_max || data.size > data_bytes_max ||
        instruction->account_count > accounts_max) {
      return GANTRY_REFUSED;
    }
    if ((data.size > 0 && data.data == nullptr) ||
        (instruction->account_count > 0 && instruction->accounts == nullptr)) {
      return GANTRY_BAD_ARGUMENT;
    }
    Instruction copy{*instruction, {}, {}};
    copy.data.assign(data.data, data.data + data.size);
    copy.accounts.assign(instruction->accounts, instruction->accounts + instruction->account_count);
    all.push_back(std::move(copy));
    return GANTRY_OK;
  }

  std::vector<Instruction> all_;
};

}  // namespace gantry::host
